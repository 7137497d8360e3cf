/**
 * Half precision: which of the tensors that a step stores are held in two bytes a number instead of four.
 *
 * It is a matter of storage alone. Kernels compute in float32 whatever they read and write; State (master weights,
 * moments, running statistics, sums), inputs and outputs are float32 always.
 *
 * A graph carries its `precision`, and {@link halfTensors} is the one rule of which temporaries are held as f16. The
 * plan counts their bytes, and shares places only between tensors that are held alike (`TensorPlace.precision`).
 * `assemble.ts` converts where a binding is read and written.
 *
 * Every kernel states how its result is held (`KernelOp.precision`). As under PyTorch's autocast, sums stay float32.
 * They need the range, the statistics that norms divide by need the digits, and most are small. Parts of sums are
 * sums, and transforms whose results cancel need digits, too. So do operands that are subtracted from each other,
 * whatever computed them. The tiles before the products of Winograd's F(2×2, 3×3) are halved, since they are four
 * times their pictures. The gradient of a picture is off by 2e-3 of its size for that, and by 2e-4 without. bfloat16
 * rounds by 4e-3. The tiles of F(4×4, 3×3) are not: they are nine quarters of their pictures, and three times as
 * sensitive. `half.wgsl` makes what is beyond 65504 infinite, which WGSL leaves open: the loss scale must see it.
 * Evaluation is in float32.
 *
 * @module
 */

import { opNamed } from "../../../kernels/mod.ts";
import { type Held, type KernelOp, type Op, sizeOf } from "../../../kernels/op.ts";
import { type Graph, liveNodes, type Node, partsOf, storageOf, STRUCTURAL } from "../graph.ts";

/** A tensor that is so many times smaller than the largest is small. */
const SMALL = 64;

/** The op of a node; undefined for what is no op of the registry. */
const opOf = (node: Node): Op | undefined => STRUCTURAL.has(node.op) ? undefined : opNamed(node.op);

/**
 * The tensors of a lowered graph that are held in half precision where they are stored: the results of kernels
 * (activations and the gradients that flow back through them), and what is computed from these element by element, but
 *
 * - not what outputs and State are made of, element by element or by movement, back to the kernel that computed it. So
 *   the gradient of a weight is float32 when the loss scale is taken out of it;
 * - not what kernels subtract;
 * - not what kernels hold in full, nor what is computed element by element from float32 alone;
 * - not small tensors: halving them saves nothing, and losses, logits and their gradients are among them.
 */
export function halfTensors(graph: Graph): ReadonlySet<Node> {
  if (graph.precision === "f32") return new Set();
  const kept = keptWhole(graph);
  const halves = new Set<Node>();
  for (const node of liveNodes(graph)) if (!kept.has(node) && isHalf(node, halves)) halves.add(node);
  const largest = Math.max(0, ...[...halves].map(({ shape }) => sizeOf(shape)));
  return new Set([...halves].filter(({ shape }) => sizeOf(shape) * SMALL >= largest));
}

function isHalf(node: Node, halves: ReadonlySet<Node>): boolean {
  const op = opOf(node);
  if (op?.kind === "kernel") {
    const held = heldBy(op, node);
    return held === "half" || held === "moved" && node.inputs.some((input) => halves.has(storageOf(input)));
  }
  // Positions and random numbers are not to be rounded at all.
  if (op?.kind !== "elementwise" || op.isPositional) return false;
  // What is broadcast has no say, unless there is nothing else: then the result is larger than all it is made of.
  const own = node.inputs.filter((input) => sizeOf(input.shape) === sizeOf(node.shape));
  return own.length === 0 || own.some((input) => halves.has(storageOf(input)));
}

function heldBy({ precision: { result } }: KernelOp, { attrs }: Node): Held {
  return typeof result === "function" ? result(attrs) : result;
}

/** What outputs and State are made of, and what kernels take whose operands stay float32, back to the kernels. */
function keptWhole(graph: Graph): Set<Node> {
  const kept = new Set<Node>();
  const pending = [
    ...Object.values(graph.outputs).flatMap(partsOf),
    ...graph.assignments.map(({ value }) => value),
    ...graph.nodes.filter((node) => operandsOf(node) === "full").flatMap(({ inputs }) => inputs),
  ];
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (kept.has(node)) continue;
    kept.add(node);
    if (isPassing(node)) pending.push(...node.inputs);
  }
  return kept;
}

/** Does a node give what it was given, in another order or shape, or element by element? */
function isPassing(node: Node): boolean {
  const op = opOf(node);
  return node.op === "reshape" || op?.kind === "elementwise" ||
    op?.kind === "kernel" && heldBy(op, node) === "moved";
}

function operandsOf(node: Node): "full" | undefined {
  const op = opOf(node);
  return op?.kind === "kernel" ? op.precision.operands : undefined;
}
