/**
 * The fingerprints of the devices' kernels, `src/device/fingerprints.json`. As a program it writes them.
 *
 * @module
 */

import { elementwise } from "../../kernels/elementwise.ts";
import type { Emit } from "../../kernels/emit.ts";
import { registry } from "../../kernels/mod.ts";
import type { Call, GpuKind, Kernel, Op, OpSample, Target } from "../../kernels/op.ts";
import type { DeviceName } from "../../src/device/registry.ts";
import { TARGET } from "../../src/device/wasm/target.ts";
import { waysOfKernel, writeStep } from "../../src/device/wasm/write_step.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { compile } from "../../src/graph/compile.ts";
import { sha256 } from "../../src/hash.ts";

const kept = new URL("../../src/device/fingerprints.json", import.meta.url);

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

/** WGSL of all candidates of a kernel, on a processor and on a GPU, and which is the first on each kind of GPU. */
function wgslOf({ candidates, wgsl }: Kernel, call: Call): string[] {
  const texts = [true, false].map((isSoftware) => ({ isSoftware })).flatMap((target) =>
    (candidates?.(call, target) ?? [undefined]).map((candidate) => wgsl(call, target, candidate).code)
  );
  const targets = KINDS.map((gpuKind): Target => ({ isSoftware: false, gpuKind }));
  return [
    ...texts,
    ...candidates ? targets.flatMap((target) => [candidates(call, target)[0], wgsl(call, target).code]) : [],
  ];
}

/** WebAssembly's texts of an op by itself, and their chunks, by the heuristic and in each way. */
function watOf(name: string, { inputs, attrs = {} }: OpSample, call: Call): string[] {
  const b = new GraphBuilder();
  b.output("y", b.op(name, inputs.map(({ shape }, k) => b.state(`x${k}`, shape)), attrs));
  return [true, false].flatMap((relaxed) =>
    [undefined, ...waysOfKernel(name, call, { isSoftware: true })].flatMap((way) => {
      const choices = { of: () => way };
      return compile(b.graph, TARGET, choices).steps.flatMap((step) =>
        writeStep(step, relaxed, choices).jobs.map(({ code, chunks }) => `${JSON.stringify(code)} ${chunks}`)
      );
    })
  );
}

/** What all devices have of an op: how it is composed, and its JavaScript. */
const sharedBy = (op: Op): string => `${op.kernel?.gpujs ?? op.lower ?? ""} ${op.alternatives?.lowering ?? ""}`;

/** A fingerprint for each kind of device: over every op at the sizes of its samples, all variants included. */
export function fingerprints(): Readonly<Record<DeviceName, string>> {
  const lines: Readonly<Record<DeviceName, string[]>> = { webgpu: [], wasm: [], gpujs: [] };
  for (const [name, op] of registry) {
    const row = elementwise.get(name);
    for (const texts of Object.values(lines)) texts.push(name, sharedBy(op));
    for (const sample of op.samples) {
      const { inputs, attrs = {} } = sample;
      const shapes = inputs.map(({ shape }) => shape);
      const call = { inputs: shapes, output: op.shape(shapes, attrs), attrs };
      if (row) {
        const text = row.expression(structure, shapes.map((_, k) => `x${k}`), attrs);
        for (const texts of Object.values(lines)) texts.push(text);
      } else if (op.kernel) lines.webgpu.push(...wgslOf(op.kernel, call));
      if (row || op.kernel) lines.wasm.push(...watOf(name, sample, call));
    }
  }
  const hashes = Object.entries(lines).map(([kind, texts]) => [kind, sha256(texts.join("\n"))]);
  return Object.fromEntries(hashes);
}

if (import.meta.main) await Deno.writeTextFile(kept, `${JSON.stringify(fingerprints(), null, 2)}\n`);
