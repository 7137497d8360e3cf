/**
 * Draws maps over pictures.
 *
 * @module
 */

import type { RgbPixels } from "../report/png.ts";
import type { Explanation } from "./explainer.ts";

/** Fewest pixels of a drawn side: small pictures are drawn larger. */
const LEAST_SIDE = 224;

/** Of the values of a map, the share whose size is at most the full colour's: a few may be far above all others. */
const FULL = 0.995;

/** How much of the picture the strongest colour covers. */
const COVER = 0.8;

/** Colours of a map from 0 to its largest value: dark blue, violet, orange, light yellow; lighter all the way. */
const SCALE = [[20, 16, 90], [126, 30, 128], [205, 62, 96], [246, 132, 60], [252, 234, 130]] as const;

/** For the class, and against it. */
const FOR = [214, 39, 40] as const;
const AGAINST = [31, 99, 190] as const;

/**
 * Bilinear interpolation of a square map, as PyTorch's `interpolate(mode="bilinear", align_corners=False)`.
 *
 * @param values [from, from].
 * @param to Side that is wanted; the map's side lies over the first `across` of as many pixels, default all.
 * @returns [to, to].
 */
export function enlarged(values: Float32Array, from: number, to: number, across = to): Float32Array {
  const taps = Array.from({ length: to }, (_, i) => {
    const at = Math.max(0, Math.min(from - 1, (i + 0.5) * from / across - 0.5));
    const first = Math.floor(at);
    return { first, next: Math.min(from - 1, first + 1), share: at - first };
  });
  const out = new Float32Array(to * to);
  for (const [y, row] of taps.entries()) {
    for (const [x, column] of taps.entries()) {
      const line = (at: number) =>
        values[at * from + column.first] * (1 - column.share) + values[at * from + column.next] * column.share;
      out[y * to + x] = line(row.first) * (1 - row.share) + line(row.next) * row.share;
    }
  }
  return out;
}

/** A picture of at least {@link LEAST_SIDE} pixels a side. */
export function enlargedPicture({ width, rgb }: RgbPixels): RgbPixels {
  const side = drawnSide(width);
  if (side === width) return { width, height: width, rgb };
  const out = new Uint8Array(side * side * 3);
  for (let c = 0; c < 3; c++) {
    const channel = enlarged(Float32Array.from({ length: width * width }, (_, i) => rgb[3 * i + c]), width, side);
    channel.forEach((value, i) => out[3 * i + c] = Math.round(value));
  }
  return { width: side, height: side, rgb: out };
}

function drawnSide(side: number): number {
  return side * Math.ceil(LEAST_SIDE / side);
}

/** A map in the size of its picture: what lies beyond the picture's edge is cut off. */
export function mapOverPicture({ values, side, covered, picture }: Explanation, head = 0, scale = 1): Float32Array {
  const to = picture.width * scale;
  return enlarged(values.subarray(head * side * side, (head + 1) * side * side), side, to, covered * scale);
}

/**
 * A map over its picture. A map of both signs is red for the class and blue against it; others go from dark to light.
 * The picture is grey below, so that colours are the map's.
 *
 * @param head Which of the maps.
 */
export function overlayOf(explanation: Explanation, head = 0): RgbPixels {
  const { picture, isSigned } = explanation;
  const { width: side, rgb } = enlargedPicture(picture);
  const map = mapOverPicture(explanation, head, side / picture.width);
  const full = fullOf(map);
  const out = new Uint8Array(rgb.length);
  for (let i = 0; i < map.length; i++) {
    const grey = 0.299 * rgb[3 * i] + 0.587 * rgb[3 * i + 1] + 0.114 * rgb[3 * i + 2];
    const value = full === 0 ? 0 : Math.max(-1, Math.min(1, map[i] / full));
    const color = isSigned ? (value < 0 ? AGAINST : FOR) : scaleAt(value);
    const cover = COVER * (isSigned ? Math.abs(value) : 0.35 + 0.65 * value);
    for (let c = 0; c < 3; c++) out[3 * i + c] = Math.round(grey * (1 - cover) + color[c] * cover);
  }
  return { width: side, height: side, rgb: out };
}

/** What is drawn in the strongest colour; 0 where there is nothing. */
function fullOf(map: Float32Array): number {
  const sizes = map.map(Math.abs).sort();
  return sizes[Math.floor(FULL * (sizes.length - 1))] || sizes.at(-1)!;
}

function scaleAt(value: number): readonly number[] {
  const at = value * (SCALE.length - 1);
  const first = Math.min(SCALE.length - 2, Math.floor(at));
  return SCALE[first].map((start, c) => start + (SCALE[first + 1][c] - start) * (at - first));
}
