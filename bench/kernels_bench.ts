/**
 * Every op of the registry on each device present, for `deno bench -A`: `--filter conv2d` chooses by op, shapes or
 * device, and `--json` prints what tools read. A group is an op at its shapes; the first device present is its
 * baseline.
 *
 * An iteration is several runs, which are waited for together, so that the wait does not count. The name says how many.
 * `deno task bench kernels` holds the same cases against each device's own rates.
 *
 * @module
 */

import type { Device } from "../src/device/device.ts";
import { devices } from "../tests/kernels/devices.ts";
import { casesFor, graphOf, type KernelCase, kernelCases } from "./kernel_cases.ts";
import { prepare, type Prepared } from "./programs.ts";

/** Work of an iteration, in FLOPs and bytes: a tenth of a second and more on a processor. */
const WORK = 2.5e8;

/** The same number on each device, so that the times of a group can be compared. */
const runsOf = ({ cost }: KernelCase) => Math.max(2, Math.ceil(WORK / (cost.flops + cost.bytes)));

/** The program of one case at a time: all together would need more memory than there is. */
let held: { readonly of: KernelCase; readonly on: Device; readonly prepared: Prepared } | undefined;

async function programOf(on: Device, of: KernelCase): Promise<Prepared> {
  if (held?.of !== of || held.on !== on) {
    held?.prepared[Symbol.dispose]();
    held = undefined;
    held = { of, on, prepared: await prepare(on, graphOf(of)) };
  }
  return held.prepared;
}

const present = devices.filter(({ present }) => present);
const opened = await Promise.all(present.map(async ({ name, open }) => {
  const device = await open();
  return { name, device, cases: new Set(casesFor(device.kind)) };
}));

for (const of of kernelCases) {
  const runs = runsOf(of);
  for (const [k, { name, device }] of opened.filter(({ cases }) => cases.has(of)).entries()) {
    Deno.bench({
      name: `${of.name}, ${runs} runs, ${name}`,
      group: of.name,
      baseline: k === 0,
      warmup: 1,
      n: 5,
      fn: async (b) => {
        const { session, program, inputs } = await programOf(device, of);
        b.start();
        for (let run = 0; run < runs; run++) program.run(inputs);
        await session.settle();
        b.end();
      },
    });
  }
}
