/**
 * A fingerprint of the kernels: two runs with the same one compute the same way.
 *
 * @module
 */

import { elementwise } from "../../kernels/elementwise.ts";
import type { Emit } from "../../kernels/emit.ts";
import { registry } from "../../kernels/mod.ts";
import type { Call, GpuKind, Kernel, Target } from "../../kernels/op.ts";
import { sha256 } from "../hash.ts";

/** Prints a row's expression by its structure alone. */
const structure: Emit = {
  number: (value) => `${value}`,
  call: (name, ...args) => `${name}(${args.join()})`,
  select: (...parts) => `select(${parts.join()})`,
  isFinite: (x) => `isFinite(${x})`,
  isNaN: (x) => `isNaN(${x})`,
  isNegative: (x) => `isNegative(${x})`,
  random: (...parts) => `random(${parts.join()})`,
  index: () => "index",
};

const KINDS: readonly GpuKind[] = ["discrete", "integrated", "apple"];

/** Texts of all candidates of a kernel, on a processor and on a GPU, and which is the first on each kind of GPU. */
function textsOf({ candidates, wgsl }: Kernel, call: Call): string[] {
  const texts = [true, false].map((isSoftware) => ({ isSoftware })).flatMap((target) =>
    (candidates?.(call, target) ?? [undefined]).map((candidate) => wgsl(call, target, candidate).code)
  );
  const targets = KINDS.map((gpuKind): Target => ({ isSoftware: false, gpuKind }));
  return [
    ...texts,
    ...candidates ? targets.flatMap((target) => [candidates(call, target)[0], wgsl(call, target).code]) : [],
  ];
}

let hash: string | undefined;

/** SHA-256, in hexadecimal, over every op's kernels at the sizes of its samples, all candidates included. */
export function kernelTableHash(): string {
  return hash ??= sha256(kernelTable());
}

function kernelTable(): string {
  const lines: string[] = [];
  for (const [name, op] of registry) {
    const row = elementwise.get(name);
    for (const { inputs, attrs = {} } of op.samples) {
      const shapes = inputs.map(({ shape }) => shape);
      if (row) lines.push(name, row.expression(structure, shapes.map((_, k) => `x${k}`), attrs));
      else if (op.kernel) {
        const call = { inputs: shapes, output: op.shape(shapes, attrs), attrs };
        lines.push(name, ...textsOf(op.kernel, call));
      }
    }
    lines.push(`${op.kernel?.gpujs ?? op.lower ?? ""} ${op.alternatives?.lowering ?? ""}`);
  }
  return lines.join("\n");
}
