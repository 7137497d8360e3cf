/**
 * A fingerprint of the kernels: two runs with the same one compute the same way.
 *
 * @module
 */

import { elementwise, type Emit } from "../../kernels/elementwise.ts";
import { registry } from "../../kernels/mod.ts";

/** Prints a row's expression by its structure alone. */
const structure: Emit = {
  number: (value) => `${value}`,
  call: (name, ...args) => `${name}(${args.join()})`,
  select: (...parts) => `select(${parts.join()})`,
  isFinite: (x) => `isFinite(${x})`,
  random: (...parts) => `random(${parts.join()})`,
  index: () => "index",
};

/** SHA-256, in hexadecimal, over every op's kernels at the sizes of its samples. */
export async function kernelTableHash(): Promise<string> {
  const lines: string[] = [];
  for (const [name, op] of registry) {
    const row = elementwise.get(name);
    for (const { inputs, attrs = {} } of op.samples) {
      const shapes = inputs.map(({ shape }) => shape);
      if (row) lines.push(name, row.expression(structure, shapes.map((_, k) => `x${k}`), attrs));
      else if (op.kernel) {
        const call = { inputs: shapes, output: op.shape(shapes, attrs), attrs };
        lines.push(name, ...[true, false].map((isSoftware) => op.kernel!.wgsl(call, { isSoftware }).code));
      }
    }
    lines.push(`${op.kernel?.gpujs ?? op.lower ?? ""}`);
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(lines.join("\n")));
  return new Uint8Array(digest).toHex();
}
