/**
 * The last features of pictures in two dimensions, by UMAP (McInnes, Healy and Melville, "UMAP: uniform manifold
 * approximation and projection for dimension reduction", 2018).
 *
 * @module
 */

import type { Tensor } from "../../kernels/op.ts";
import { UserError } from "../errors.ts";
import type { Node } from "../graph/graph.ts";
import { randomStream } from "../random.ts";
import { load } from "../report/draw.ts";
import type { Probe } from "./probe.ts";

/** A variable, so that nothing is fetched before it is used. */
const umapSpecifier = "npm:umap-js@1.4.0";

/** What is used of umap-js. */
interface Umap {
  initializeFit(data: readonly (readonly number[])[]): number;
  step(): number;
  getEmbedding(): number[][];
}

/** Neighbours that keep together, and how near they come: UMAP's own defaults. */
const NEIGHBOURS = 15;
const LEAST_DISTANCE = 0.1;

/** Stream of UMAP's draws. */
const umapStream = 0x03a9;

/** Features and logits of pictures. */
export interface Features {
  /** [N, F]. */
  readonly features: Float32Array;
  /** [N, K]. */
  readonly logits: Float32Array;
}

/**
 * What the last layer reads: the operand of the product that gives the logits, [N, F]; of a map its mean.
 *
 * @param images Pictures as the model takes them, [N, C, S, S].
 */
export async function featuresOf(probe: Probe, images: Float32Array): Promise<Features> {
  const { features, logits } = await probe.ask("features", images, undefined, ({ b, logits }) => {
    const read = lastRead(logits);
    const [batch, ...rest] = read.shape;
    const flat = rest.length === 3 ? b.mean(read, [2, 3], false) : read;
    b.output("features", b.reshape(flat, [batch, flat.shape.slice(1).reduce((size, axis) => size * axis, 1)]));
    b.output("logits", logits);
  });
  return { features, logits };
}

/** What the last product before the logits reads. */
function lastRead(logits: Tensor): Tensor {
  const pending = [logits as Node];
  for (let node = pending.shift(); node; node = pending.shift()) {
    if (node.op === "matmul" || node.op === "conv2d") return node.inputs[0];
    pending.push(...node.inputs);
  }
  throw new UserError("Cannot find the features of this model: no product gives its logits");
}

/**
 * Lays features out in two dimensions.
 *
 * @param features [N, F].
 * @param count Pictures N.
 * @param seed Names UMAP's draws: the same seed gives the same layout.
 * @param onProgress Is told how far it is.
 * @returns [N, 2].
 * @throws UserError where umap-js could be neither found nor fetched, or there are too few pictures.
 */
export async function embedded(
  features: Float32Array,
  count: number,
  seed: number,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<Float32Array> {
  if (count < 3) throw new UserError(`Cannot lay out ${count} pictures: give 3 or more`);
  const { UMAP } = await load(umapSpecifier);
  const next = randomStream(umapStream, seed);
  const umap: Umap = new UMAP({
    ...{ nComponents: 2, nNeighbors: Math.min(NEIGHBOURS, count - 1), minDist: LEAST_DISTANCE },
    random: () => next() / 2 ** 32,
  });
  const width = features.length / count;
  const rows = Array.from({ length: count }, (_, n) => [...features.subarray(n * width, (n + 1) * width)]);
  const epochs = umap.initializeFit(rows);
  for (let epoch = 0; epoch < epochs; epoch++) {
    umap.step();
    onProgress(epoch + 1, epochs);
  }
  return Float32Array.from(umap.getEmbedding().flat());
}
