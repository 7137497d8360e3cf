/**
 * Every op of the registry beside its device's own rates.
 *
 * Two yardsticks are measured first on each device: the rate of a square matrix product and that of an elementwise
 * copy. An op's share is the time that its work would take at those rates, the slower of its FLOPs and its bytes, over
 * the time that it takes. 100% is as good as the yardsticks.
 *
 * @module
 */

import type { Device } from "../../src/device/device.ts";
import { isSlow } from "../../src/device/registry.ts";
import { devices } from "../../tests/kernels/devices.ts";
import type { Item } from "../item.ts";
import { casesFor, graphOf, type KernelCase } from "../kernel_cases.ts";
import { deviceSecondsOf, prepare, type Rates, ratesOf } from "../programs.ts";
import { type Cell, percent } from "../table.ts";

/** Sizes of the yardsticks, and how often a kernel is run: gpu.js takes seconds where WebGPU takes milliseconds. */
const sizesOf = (device: Device) =>
  isSlow(device) ? { side: 256, elements: 1 << 20, runs: 3 } : { side: 1024, elements: 1 << 24, runs: 7 };

/** Milliseconds, the rate, and the share of a yardstick. With a gradient, whose work is not counted, the time alone. */
async function rowOf(name: string, device: Device, of: KernelCase, peak: Rates): Promise<Cell[]> {
  using prepared = await prepare(device, graphOf(of));
  const seconds = Math.max(1e-9, await deviceSecondsOf(prepared, sizesOf(device).runs));
  const row = [of.name, name, 1000 * seconds];
  if (of.backward) return [...row, undefined, undefined];
  const { flops, bytes } = of.cost;
  const [atFlops, atBytes] = [flops / peak.flops, bytes / peak.bytes];
  return atFlops > atBytes
    ? [...row, `${(flops / seconds / 1e9).toFixed(1)} GFLOP/s`, `${percent(atFlops / seconds)} of the product's`]
    : [...row, `${(bytes / seconds / 1e9).toFixed(1)} GB/s`, `${percent(atBytes / seconds)} of the copy's`];
}

export const kernels: Item = {
  name: "kernels",
  async run() {
    const rows: Cell[][] = [];
    const notes: string[] = [];
    for (const { name, present, open } of devices) {
      if (!present) {
        notes.push(`${name} is not here and left out.`);
        continue;
      }
      await using device = await open();
      const { side, elements } = sizesOf(device);
      const peak = await ratesOf(device, side, elements);
      notes.push(
        `${device.description}: ${(peak.flops / 1e9).toFixed(1)} GFLOP/s in a product of ${side}³, ${
          (peak.bytes / 1e9).toFixed(1)
        } GB/s in a copy.`,
      );
      for (const of of casesFor(device.kind)) rows.push(await rowOf(name, device, of, peak));
    }
    return { title: "Kernels", columns: ["op", "device", "ms", "rate", "share"], rows, notes };
  },
};
