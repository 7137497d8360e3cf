/**
 * How the elements of a map, or of a kernel's write-out, lie towards operands that are broadcast over them. Some
 * operands are read four at a time, some once for a run.
 *
 * A kernel divides indices with `quotient()` and `remainder()` of `arithmetic.wgsl`, since integer division has no
 * vector instruction on processors. What a fused producer broadcasts over a run of elements, such as a bias over a row
 * of pixels, is read once for the run (`enter`, `runs`, `emitRun`).
 *
 * @module
 */

import { type Shape, sizeOf } from "../../../kernels/op.ts";
import { type Node, storageOf } from "../../graph/graph.ts";
import type { FusedStep } from "../../graph/fused_step.ts";

/** One run of neighbouring axes that a broadcast operand has, or lacks. */
export interface Run {
  readonly kept: boolean;
  size: number;
}

/** The axes of `shape`, merged into runs that `operand` has in full or broadcasts over. */
export function runsOf(operand: Shape, shape: Shape): Run[] {
  const runs: Run[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const kept = (operand[axis - shape.length + operand.length] ?? 1) !== 1;
    const last = runs.at(-1);
    if (last?.kept === kept) last.size *= size;
    else runs.push({ kept, size });
  });
  return runs;
}

/** What the map reads, in the shapes it reads them as. */
function leavesOf(step: FusedStep): Node[] {
  const seen = new Set<Node>();
  const visit = (node: Node): Node[] => {
    if (seen.has(node)) return [];
    seen.add(node);
    return step.reads.includes(storageOf(node)) ? [node] : node.inputs.flatMap(visit);
  };
  return step.roots.flatMap((root) => root.inputs).flatMap(visit);
}

/** Can the map read each operand four elements at a time, or one for four? */
export function fourWide(step: FusedStep): boolean {
  const [write] = step.writes;
  return leavesOf(step).every((leaf) => {
    const last = runsOf(leaf.shape, write.shape).at(-1);
    return sizeOf(leaf.shape) === 1 || last === undefined || last.size % 4 === 0;
  });
}

/** Length of the runs of elements over which every operand that is broadcast to its neighbours stays the same. */
export function sharedRun(step: FusedStep): number {
  const [write] = step.writes;
  const inner = leavesOf(step).filter((leaf) => sizeOf(leaf.shape) > 1)
    .map((leaf) => runsOf(leaf.shape, write.shape).at(-1)!)
    .filter((run) => !run.kept);
  return inner.reduce((shared, { size }) => commonDivisor(shared, size), sizeOf(write.shape));
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** The largest divisor of `size` that is at most `most`. */
export function divisorBelow(size: number, most: number): number {
  let divisor = Math.min(size, most);
  while (size % divisor !== 0) divisor--;
  return divisor;
}

/** Position in the broadcast operand of the element at `index` of the whole: its kept axes, one after the other. */
export function broadcastIndex(runs: readonly Run[], sizes: readonly string[], index: string): string {
  const terms: string[] = [];
  const inner: string[] = [];
  const stride: string[] = [];
  for (let k = runs.length - 1; k >= 0; k--) {
    if (runs[k].kept) {
      const shifted = inner.length > 0 ? `quotient(${index}, ${inner.join(" * ")})` : index;
      const wrapped = k > 0 ? `remainder(${shifted}, ${sizes[k]})` : shifted;
      terms.push([wrapped, ...stride].join(" * "));
      stride.push(sizes[k]);
    }
    inner.push(sizes[k]);
  }
  return terms.join(" + ") || "0u";
}
