/**
 * Worker that decodes pictures which it holds in memory, and nothing else: what the decoder does at most; see
 * `celeba_scale.ts`.
 *
 * @module
 */

import { decodePicture } from "../src/data/pictures/decode.ts";
import { readPictureFile } from "../src/data/pictures/file.ts";
import { serve } from "../src/data/workers.ts";

/** What is decoded: files that are read first, or so many pictures of those that were read. */
export type DecodeJob = { readonly read: readonly string[] } | { readonly decode: number };

let files: Uint8Array[] = [];

serve((job: DecodeJob): number => {
  if ("read" in job) files = job.read.map((path) => readPictureFile(path));
  else for (let i = 0; i < job.decode; i++) decodePicture(files[i % files.length]);
  return files.length;
});
