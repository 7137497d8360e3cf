/**
 * Random erasing (Zhong et al. 2020), as timm has it: rectangles of the normalised picture become 0, which is the mean
 * colour, or noise of the normal distribution.
 *
 * @module
 */

import { randomBelow, type RandomStream } from "../../random.ts";
import { chance, gaussian, uniform } from "./draws.ts";
import { roundHalfEven } from "./picture_view.ts";
import { type HostTransformation, streamOf } from "./transformation.ts";

/** How random erasing goes. */
export interface Erasing {
  /** Share of the pictures. */
  readonly p: number;
  /** Shares of the picture's area, the least and the most. */
  readonly area: readonly [least: number, most: number];
  /** Least height over width; its inverse is the greatest. */
  readonly aspect: number;
  /** Rectangles, each of so much less area. */
  readonly count: number;
  /** What they become: the mean; a random colour; random pixels. */
  readonly mode: "const" | "rand" | "pixel";
}

/** A rectangle of a picture. */
interface Rectangle {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** A rectangle that lies in a square of a side; undefined where ten draws gave none. */
function rectangle(next: RandomStream, side: number, { area, aspect, count }: Erasing): Rectangle | undefined {
  for (let attempt = 0; attempt < 10; attempt++) {
    const wanted = uniform(next, ...area) * side * side / count;
    const ratio = Math.exp(uniform(next, Math.log(aspect), -Math.log(aspect)));
    const height = roundHalfEven(Math.sqrt(wanted * ratio));
    const width = roundHalfEven(Math.sqrt(wanted / ratio));
    if (height < side && width < side) {
      const top = randomBelow(next, side - height + 1);
      return { top, left: randomBelow(next, side - width + 1), height, width };
    }
  }
}

/**
 * Random erasing. It is done to the numbers that the model takes, after all transformations of pixels.
 *
 * @param place Its place in the list of transformations, which names its random numbers.
 * @param erasing How.
 */
export function erasingOf(place: number, erasing: Erasing): HostTransformation {
  const { p, count, mode } = erasing;
  return {
    name: "erase",
    apply: (picture) => picture,
    finish(values, key, size) {
      const next = streamOf(place, key);
      if (!chance(next, p)) return;
      const channels = values.length / (size * size);
      for (let k = 0; k < count; k++) {
        const found = rectangle(next, size, erasing);
        if (found === undefined) continue;
        const { top, left, height, width } = found;
        const colour = Array.from({ length: channels }, () => mode === "rand" ? gaussian(next) : 0);
        for (let c = 0; c < channels; c++) {
          for (let y = top; y < top + height; y++) {
            const row = (c * size + y) * size;
            for (let x = left; x < left + width; x++) values[row + x] = mode === "pixel" ? gaussian(next) : colour[c];
          }
        }
      }
    },
  };
}
