/**
 * Notes what a run would lose of the pictures: parts that are cut off, and grey levels of 16 bits.
 *
 * @module
 */

import type { Dataset } from "../dataset.ts";
import { counted, printable } from "../names.ts";
import { PictureError } from "../pictures/header.ts";
import { valuesOf } from "../pictures/decode.ts";
import { readPictureFile } from "../pictures/file.ts";
import type { Fit, ValueRange } from "../pictures/resize.ts";
import { type OnProgress, scanPictures } from "../store/scan.ts";
import { pathOf } from "../store/source.ts";

/** How pictures are to be prepared: what is given needs no note. */
export interface Prepared {
  /** How pictures become square. */
  readonly fit?: Fit;
  /** Values of 16-bit pictures that become black and white. */
  readonly range?: ValueRange;
}

/** A picture this many times as long as wide loses half of itself where it is cropped. */
const LONG = 2;

/** Long pictures are worth a note where one picture in so many is long. */
const MANY = 20;

/** Pictures of 16 bits that are decoded to see their values, and pixels of all of them. */
const LOOKED_AT = { pictures: 16, pixels: 40e6 };

/** Values that are few: they leave at most 64 of 256 grey levels. */
const FEW = 0x4000;

/**
 * Notes about pictures that lose much on their way to the model.
 *
 * @param data The data set.
 * @param prepared What is given.
 * @param onProgress Is told how far the reading of the pictures is.
 * @returns A line each.
 */
export async function pictureNotes(data: Dataset, prepared: Prepared, onProgress?: OnProgress): Promise<string[]> {
  const { fit = "crop", range } = prepared;
  const scan = await scanPictures(data.source, onProgress);
  const cropped = fit === "crop" ? longPictures(data, scan) : [];
  return range === undefined ? [...cropped, ...fewValues(data, scan)] : cropped;
}

type Sizes = Pick<Awaited<ReturnType<typeof scanPictures>>, "widths" | "heights" | "bits">;

function longPictures({ samples, positions }: Dataset, { widths, heights }: Sizes): string[] {
  const lengthOf = (position: number) => {
    const sides = [widths[position], heights[position]];
    return Math.max(...sides) / Math.max(1, Math.min(...sides));
  };
  const long = positions.flatMap((position, i) => lengthOf(position) >= LONG ? [i] : []);
  if (long.length === 0 || long.length * MANY < positions.length) return [];
  const first = long.reduce((a, b) => lengthOf(positions[b]) > lengthOf(positions[a]) ? b : a);
  const size = `${widths[positions[first]]}×${heights[positions[first]]}`;
  return [
    `${long.length} of ${counted(positions.length, "picture")} are at least twice as long as wide, such as ${
      printable(samples[first].file)
    } (${size}): cropping keeps half of them or less; option fit pad or squash keeps all`,
  ];
}

function fewValues({ source, positions }: Dataset, { widths, heights, bits }: Sizes): string[] {
  if (source.form !== "files") return [];
  const deep = positions.filter((position) => bits[position] === 16);
  const step = Math.max(1, deep.length / LOOKED_AT.pictures);
  let [least, most, count, pixels] = [0xffff, 0, 0, 0];
  for (let i = 0; i < deep.length && pixels < LOOKED_AT.pixels; i += step) {
    const position = deep[Math.floor(i)];
    pixels += widths[position] * heights[position];
    try {
      const values = valuesOf(readPictureFile(pathOf(source, position), source));
      if (values === undefined) continue;
      [least, most] = [Math.min(least, values.least), Math.max(most, values.most)];
      count++;
    } catch (error) {
      // A broken one is refused, or left out, when the pictures are decoded.
      if (!(error instanceof PictureError)) throw error;
    }
  }
  if (count === 0 || most - least >= FEW) return [];
  const levels = (most >> 8) - (least >> 8) + 1;
  // From 0 on up to a whole number of bits, unless the values lie far from 0.
  const range = least > most - least
    ? `${least}:${Math.max(most, least + 1)}`
    : `0:${2 ** Math.max(1, bitsOf(most)) - 1}`;
  return [
    `pictures of 16 bits use values ${least} to ${most} only (${count} of ${deep.length} looked at), which leaves ` +
    `${levels} of 256 grey levels; option range ${range} keeps them apart`,
  ];
}

const bitsOf = (value: number): number => 32 - Math.clz32(value);
