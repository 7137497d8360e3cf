/**
 * Worker that decodes pictures into a pack (see `pack.ts`), or only to see whether they can be (see `broken.ts`).
 *
 * @module
 */

import { systemFault } from "../../errors.ts";
import { decodeAny, type Picture } from "../pictures/decode.ts";
import { readPictureFile } from "../pictures/file.ts";
import { PictureError } from "../pictures/header.ts";
import { serve } from "../workers.ts";
import { checksumOf } from "./checksum.ts";
import type { PackedPicture, PackJob } from "./pack.ts";
import { toStored } from "./reader.ts";

serve(async (job: PackJob): Promise<PackedPicture[]> => {
  const found: PackedPicture[] = [];
  using file = job.pack === undefined ? undefined : open(job.pack.file);
  for (const { position, path, offset } of job.items) {
    let picture: Picture;
    try {
      const decoding = { maxPixels: job.maxPixels, range: job.pack?.resizing.range };
      picture = await decodeAny(readPictureFile(path, decoding), decoding);
    } catch (error) {
      if (!(error instanceof PictureError)) throw systemFault(`Cannot read ${path}`, error);
      found.push([position, error.message]);
      continue;
    }
    if (job.pack === undefined || file === undefined) continue;
    const { data } = toStored(picture, job.pack.resizing);
    write(file, job.pack.file, data, offset);
    found.push([position, checksumOf(data)]);
  }
  return found;
});

function open(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true });
  } catch (error) {
    throw systemFault(`Cannot open ${path}`, error);
  }
}

function write(file: Deno.FsFile, path: string, data: Uint8Array, offset: number): void {
  try {
    file.seekSync(offset, Deno.SeekMode.Start);
    for (let at = 0; at < data.length;) at += file.writeSync(data.subarray(at));
  } catch (error) {
    throw systemFault(`Cannot write ${path}`, error);
  }
}
