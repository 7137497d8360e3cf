/**
 * How much a map is worth (Petsiuk, Das and Saenko, "RISE: randomized input sampling for explanation of black-box
 * models", 2018, section 4.3): pixels are taken away, or put in, in the order of the map.
 *
 * @module
 */

import { probabilitiesOf } from "../run/prediction.ts";
import { mapOverPicture } from "./draw.ts";
import type { Explainer, Explanation } from "./explainer.ts";
import { classNames } from "../data/labels.ts";

/** Parts of a curve: so many times a share of the pixels is changed. */
export const CURVE_PARTS = 20;

/** Deviation of the blur that insertion begins from, as a share of the picture's side: the paper's 5 pixels of 224. */
const BLUR = 5 / 224;

/** What becomes of a class's probability. */
export interface Curves {
  /** Pixels become the mean colour, the most important first: [parts + 1], from none on. It should fall fast. */
  readonly deletion: Float32Array;
  /** Pixels of a blurred picture become sharp, the most important first. It should rise fast. */
  readonly insertion: Float32Array;
}

/**
 * Deletes and inserts pixels in the order of a map.
 *
 * @param explainer The model.
 * @param image The picture as the model takes it, [C, S, S].
 * @param explanation Its map, of the class whose probability is followed; of several heads their mean.
 */
export async function curvesOf(explainer: Explainer, image: Float32Array, explanation: Explanation): Promise<Curves> {
  const { heads, picture: { width: side } } = explanation;
  const maps = Array.from({ length: heads }, (_, head) => mapOverPicture(explanation, head));
  const map = maps[0].map((_, i) => maps.reduce((sum, one) => sum + one[i], 0));
  const order = [...map.keys()].sort((a, b) => map[b] - map[a] || a - b);
  const grey = new Float32Array(image.length);
  return {
    deletion: await follow(explainer, image, grey, order, explanation.class),
    insertion: await follow(explainer, blurred(image, side), image, order, explanation.class),
  };
}

/** The mean height of a curve between its ends, by trapezoids: the area below it. */
export function areaOf(curve: Float32Array): number {
  const ends = (curve[0] + curve[curve.length - 1]) / 2;
  return (curve.reduce((sum, value) => sum + value, 0) - ends) / (curve.length - 1);
}

/** The class's probability as pixels of one picture become those of another, in an order. */
async function follow(
  { probe, task, classes }: Explainer,
  from: Float32Array,
  to: Float32Array,
  order: readonly number[],
  name: string,
): Promise<Float32Array> {
  const plane = order.length;
  const images = new Float32Array((CURVE_PARTS + 1) * from.length);
  for (let part = 0; part <= CURVE_PARTS; part++) {
    const copy = images.subarray(part * from.length, (part + 1) * from.length);
    copy.set(from);
    for (const i of order.slice(0, Math.round(plane * part / CURVE_PARTS))) {
      for (let at = i; at < from.length; at += plane) copy[at] = to[at];
    }
  }
  const { logits } = await probe.ask("logits", images, undefined, ({ b, logits }) => b.output("logits", logits));
  const place = classNames(task, classes).indexOf(name);
  const width = logits.length / (CURVE_PARTS + 1);
  return Float32Array.from(
    { length: CURVE_PARTS + 1 },
    (_, part) => probabilitiesOf(task, logits.slice(part * width, (part + 1) * width))[place],
  );
}

/** A picture [C, S, S] through a Gaussian filter, held at the edges. */
function blurred(image: Float32Array, side: number): Float32Array {
  const deviation = Math.max(1, BLUR * side);
  const reach = Math.ceil(3 * deviation);
  const taps = Array.from({ length: 2 * reach + 1 }, (_, k) => Math.exp(-(((k - reach) / deviation) ** 2) / 2));
  const total = taps.reduce((sum, tap) => sum + tap, 0);
  const along = (values: Float32Array, step: number, across: number) =>
    values.map((_, at) => {
      const plane = at - at % (side * side);
      const [own, other] = [Math.floor((at - plane) / step) % side, Math.floor((at - plane) / across) % side];
      let sum = 0;
      for (let k = -reach; k <= reach; k++) {
        const near = Math.max(0, Math.min(side - 1, own + k));
        sum += taps[k + reach] * values[plane + near * step + other * across];
      }
      return sum / total;
    });
  return along(along(image, 1, side), side, 1);
}
