/**
 * Random resized crops: a part of the picture of random area and proportions, resized to what the model takes (Szegedy
 * et al. 2015, section 6), as torchvision's `RandomResizedCrop`.
 *
 * @module
 */

import { randomBelow, type RandomStream } from "../../random.ts";
import type { Change } from "./change.ts";
import { uniform } from "./draws.ts";
import { cutOut, packed, roundHalfEven, wholeOf } from "./picture_view.ts";
import { type Part, resizePart } from "./resample.ts";

/** Least and most. */
type Range = readonly [least: number, most: number];

/** The part that is taken; the middle, as much as the proportions allow, where ten draws gave none. */
function drawPart(next: RandomStream, width: number, height: number, scale: Range, ratio: Range): Part {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = uniform(next, ...scale) * width * height;
    const across = Math.exp(uniform(next, Math.log(ratio[0]), Math.log(ratio[1])));
    const w = roundHalfEven(Math.sqrt(area * across));
    const h = roundHalfEven(Math.sqrt(area / across));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const top = randomBelow(next, height - h + 1);
      return { top, left: randomBelow(next, width - w + 1), width: w, height: h };
    }
  }
  const across = Math.min(ratio[1], Math.max(ratio[0], width / height));
  const w = Math.min(width, roundHalfEven(height * across));
  const h = Math.min(height, roundHalfEven(width / across));
  return { top: (height - h) >> 1, left: (width - w) >> 1, width: w, height: h };
}

/**
 * A random resized crop.
 *
 * @param scale Share of the picture's area.
 * @param ratio Width over height.
 */
export const resizedCrop = (scale: Range, ratio: Range): Change => (picture, next, { size, interpolation }) => {
  const { top, left, width, height } = drawPart(next, picture.width, picture.height, scale, ratio);
  const part = packed({ ...cutOut(wholeOf(picture), left, top, width), height });
  return resizePart(part, { width: size, height: size }, { left: 0, top: 0, width: size, height: size }, interpolation);
};
