/**
 * Worker that decodes pictures into a pack (see `pack.ts`), or only to see whether they can be (see `broken.ts`).
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import { decodePicture, type Picture } from "../pictures/decode.ts";
import { PictureError } from "../pictures/header.ts";
import type { PackJob } from "./pack.ts";
import { toStored } from "./reader.ts";
import { serve } from "../workers.ts";

serve((job: PackJob): [number, string][] => {
  const problems: [number, string][] = [];
  using file = job.pack === undefined ? undefined : Deno.openSync(job.pack.file, { write: true });
  for (const { position, path, offset } of job.items) {
    let picture: Picture;
    try {
      picture = decodePicture(Deno.readFileSync(path), { maxPixels: job.maxPixels, range: job.pack?.resizing.range });
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
      problems.push([position, error.message]);
      continue;
    }
    if (job.pack === undefined || file === undefined) continue;
    const { data } = toStored(picture, job.pack.resizing);
    try {
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let at = 0; at < data.length;) at += file.writeSync(data.subarray(at));
    } catch (error) {
      throw new UserError(`${job.pack.file}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return problems;
});
