/**
 * Occlusion (Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014, section 4.2).
 *
 * @module
 */

import type { Method } from "../method.ts";

/**
 * How far the logit falls when a square is hidden behind the mean colour: at each pixel the mean over the squares that
 * cover it. Squares go to the last row and column, the last of them as near as it takes.
 */
export const occlusion: Method = {
  name: "occlusion",
  summary: "how far the logit falls when a square of the picture is hidden; any model (Zeiler and Fergus 2014)",
  uses: ["window", "stride"],
  isSigned: true,
  lacks: () => undefined,
  explain: async (probe, { image, select, window: asked, stride: step }) => {
    const { channels, imageSize: side, classes } = probe.model;
    const window = asked ?? Math.max(2, Math.round(side / 8));
    const stride = step ?? Math.max(1, Math.round(window / 2));
    const starts = startsOf(side, window, stride);
    const scoresOf = async (images: Float32Array): Promise<number[]> => {
      const { logits } = await probe.ask("logits", images, undefined, ({ b, logits }) => b.output("logits", logits));
      return Array.from(
        { length: logits.length / classes },
        (_, row) => select.reduce((sum, factor, c) => sum + factor * logits[row * classes + c], 0),
      );
    };
    const [whole] = await scoresOf(image);
    const [falls, covers] = [new Float32Array(side * side), new Float32Array(side * side)];
    for (const y of starts) {
      const hidden = new Float32Array(starts.length * image.length);
      starts.forEach((x, k) => {
        const copy = hidden.subarray(k * image.length, (k + 1) * image.length);
        copy.set(image);
        for (let row = 0; row < channels * window; row++) {
          const from = (Math.floor(row / window) * side + y + row % window) * side + x;
          copy.fill(0, from, from + window);
        }
      });
      (await scoresOf(hidden)).forEach((score, k) => {
        for (let row = y; row < y + window; row++) {
          for (let i = row * side + starts[k]; i < row * side + starts[k] + window; i++) {
            falls[i] += whole - score;
            covers[i]++;
          }
        }
      });
    }
    return { side, values: falls.map((sum, i) => sum / covers[i]) };
  },
};

/** Where squares begin along a side: every `stride`, and the last at the end. */
function startsOf(side: number, window: number, stride: number): number[] {
  const last = side - window;
  return Array.from({ length: Math.ceil(last / stride) + 1 }, (_, k) => Math.min(last, k * stride));
}
