/**
 * Worker that decodes pictures into a pack; see `pack.ts`.
 *
 * @module
 */

import { systemCode, systemFault } from "../../errors.ts";
import { decodeAny, type Picture } from "../pictures/decode.ts";
import { readPictureFile } from "../pictures/file.ts";
import { PictureError } from "../pictures/header.ts";
import { serve } from "../workers.ts";
import { checksumOf } from "./checksum.ts";
import type { PackItem, PackJob } from "./pack.ts";
import { toStored } from "./reader.ts";

/** Gives why a picture could not be decoded, or the checksum of its pixels, for each item. */
serve(async ({ file: path, resizing, maxPixels, items }: PackJob): Promise<(string | number)[]> => {
  const decoding = { maxPixels, range: resizing.range };
  const found: (string | number)[] = [];
  using file = open(path);
  for (const item of items) {
    if (item.checksum !== undefined && isThere(file, item)) {
      found.push(item.checksum);
      continue;
    }
    let picture: Picture;
    try {
      picture = await decodeAny(readPictureFile(item.path, decoding), decoding);
    } catch (error) {
      if (!(error instanceof PictureError)) throw systemFault(`Cannot read ${item.path}`, error);
      found.push(error.message);
      continue;
    }
    const { data } = toStored(picture, resizing);
    write(file, path, data, item.offset);
    found.push(checksumOf(data));
  }
  return found;
});

/** Are the pixels of a picture those that were written? Where they cannot be read, they are not. */
function isThere(file: Deno.FsFile, { offset, bytes, checksum }: PackItem): boolean {
  const data = new Uint8Array(bytes);
  try {
    file.seekSync(offset, Deno.SeekMode.Start);
    for (let at = 0; at < data.length;) {
      const read = file.readSync(data.subarray(at));
      if (read === null) return false;
      at += read;
    }
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return false;
  }
  return checksumOf(data) === checksum;
}

function open(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true, write: true });
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
