/**
 * Which pixels a place of a map can see.
 *
 * @module
 */

import { elementwise } from "../../kernels/elementwise.ts";
import type { Tensor } from "../../kernels/op.ts";
import type { Graph, Node } from "../graph/graph.ts";

/** What the places of a map see, along either side. */
export interface ReceptiveField {
  /** First pixel of the first place; below 0 where it begins beyond the edge. */
  readonly first: number;
  /** Last pixel of the first place. */
  readonly last: number;
  /** Pixels from one place to the next. */
  readonly step: number;
}

/** Ops that look beside a channel, and not beside a place. */
const WITHIN_PLACE: ReadonlySet<string> = new Set(["channelWindowSum"]);

/**
 * What the places of a tensor see of the pictures.
 *
 * @param graph With both.
 * @param images The pictures, [N, C, S, S].
 * @param of The tensor.
 * @returns undefined where they may see all of it: after attention, a mean over the picture, or tokens.
 */
export function receptiveField({ nodes }: Graph, images: Tensor, of: Tensor): ReceptiveField | undefined {
  const fields = new Map<Tensor, ReceptiveField | undefined>([[images, { first: 0, last: 0, step: 1 }]]);
  for (const node of nodes) {
    if (node === images || !node.inputs.some((input) => fields.has(input))) continue;
    fields.set(node, fieldOf(node, fields));
    if (node === of) break;
  }
  return fields.get(of);
}

function fieldOf(node: Node, fields: ReadonlyMap<Tensor, ReceptiveField | undefined>): ReceptiveField | undefined {
  const [input] = node.inputs;
  const before = fields.get(input);
  const windowed = windowOf(node);
  if (windowed) {
    if (!before) return undefined;
    const { kernel, stride, padding } = windowed;
    return {
      first: before.first - padding * before.step,
      last: before.last + (kernel - 1 - padding) * before.step,
      step: before.step * stride,
    };
  }
  if (WITHIN_PLACE.has(node.op)) return before;
  if (!elementwise.has(node.op) || node.shape.length !== 4) return undefined;
  // A factor that is one for a whole channel, such as an excitation, says nothing of places.
  const seen = node.inputs.filter((operand) => fields.has(operand) && operand.shape.at(-1) === node.shape.at(-1));
  const all = seen.map((operand) => fields.get(operand));
  if (all.length === 0 || all.includes(undefined)) return undefined;
  const known = all as ReceptiveField[];
  return {
    first: Math.min(...known.map(({ first }) => first)),
    last: Math.max(...known.map(({ last }) => last)),
    step: known[0].step,
  };
}

/** The window of a convolution or pooling. */
function windowOf({ op, attrs, inputs }: Node): { kernel: number; stride: number; padding: number } | undefined {
  if (!["conv2d", "maxPool2d", "avgPool2d"].includes(op)) return undefined;
  const kernel = op === "conv2d" ? inputs[1].shape[2] : attrs.kernel as number;
  return { kernel, stride: attrs.stride as number, padding: attrs.padding as number };
}
