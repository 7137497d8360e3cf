/**
 * Times every kernel of the registry on each device present: `deno bench -A bench/kernels_bench.ts`, with names of ops
 * after `--` for those alone.
 *
 * No time stands alone. Two yardsticks are measured first, on the same device: the rate of a square matrix product and
 * the rate of an elementwise copy. An op's share is the time that its work would take at those rates, the slower of its
 * FLOPs and its bytes, over the time that it takes. 100% is as good as the yardsticks.
 *
 * @module
 */

import { registry } from "../kernels/mod.ts";
import type { Cost, Op, OpSample } from "../kernels/op.ts";
import type { Device } from "../src/device/device.ts";
import { GraphBuilder } from "../src/graph/builder.ts";
import { differentiate } from "../src/graph/differentiate.ts";
import { devices } from "../tests/kernels/devices.ts";
import { deviceSecondsOf, prepare, type Rates, ratesOf } from "./programs.ts";

/**
 * Sizes of the yardsticks, and how often a kernel is run: gpu.js takes seconds for what WebGPU takes milliseconds for.
 */
const sizesOf = ({ kind }: Device) =>
  kind === "gpujs" ? { side: 256, elements: 1 << 20, runs: 3 } : { side: 1024, elements: 1 << 24, runs: 7 };

/** Seconds of one run of `op`, or of its forward and backward pass. */
async function time(device: Device, op: Op, sample: OpSample, backward: boolean): Promise<number> {
  const b = new GraphBuilder();
  const xs = sample.inputs.map(({ shape }, k) => b.state(`x${k}`, shape));
  const y = b.op(op.name, xs, sample.attrs ?? {});
  b.output("y", y);
  if (backward) {
    const sources = xs.filter((_, k) => !sample.noGrad?.includes(k));
    differentiate(b, b.sum(b.square(y), undefined, false), sources).forEach((grad, k) => b.output(`dx${k}`, grad));
  }
  using prepared = await prepare(device, b.graph);
  return Math.max(1e-9, await deviceSecondsOf(prepared, sizesOf(device).runs));
}

function costOf(op: Op, sample: OpSample): Cost {
  const inputs = sample.inputs.map(({ shape }) => shape);
  const attrs = sample.attrs ?? {};
  return op.cost({ inputs, output: op.shape(inputs, attrs), attrs });
}

function report(name: string, sample: OpSample, seconds: number, cost: Cost | undefined, peak: Rates): string {
  const shapes = sample.inputs.map(({ shape }) => `[${shape}]`).join(" ");
  const line = `${name.padEnd(28)}${(seconds * 1000).toFixed(3).padStart(11)} ms`;
  if (!cost) return `${line}${"".padStart(30)}  ${shapes}`;
  const [atFlops, atBytes] = [cost.flops / peak.flops, cost.bytes / peak.bytes];
  const share = `${(100 * Math.max(atFlops, atBytes) / seconds).toFixed(0).padStart(6)}% of ${
    atFlops > atBytes ? "matmul" : "copy  "
  }`;
  const rate = atFlops > atBytes
    ? `${(cost.flops / seconds / 1e9).toFixed(1).padStart(9)} GFLOP/s`
    : `${(cost.bytes / seconds / 1e9).toFixed(1).padStart(9)} GB/s   `;
  return `${line}${rate}${share}  ${shapes}`;
}

/**
 * What is timed: all cases. On gpu.js, which takes seconds for them, it is the one with least work of each op.
 */
function casesOf(device: Device, op: Op): OpSample[] {
  const cases = op.samples.filter(({ bench }) => bench);
  const work = (sample: OpSample) => costOf(op, sample).flops + costOf(op, sample).bytes;
  return device.kind === "gpujs" ? cases.sort((a, b) => work(a) - work(b)).slice(0, 1) : cases;
}

async function printTable(device: Device, chosen: readonly Op[]): Promise<void> {
  const { side, elements } = sizesOf(device);
  const peak = await ratesOf(device, side, elements);
  const rates = `matmul ${(peak.flops / 1e9).toFixed(1)} GFLOP/s, copy ${(peak.bytes / 1e9).toFixed(1)} GB/s`;
  console.log(`\n${device.description}: ${rates}`);
  for (const op of chosen) {
    for (const sample of casesOf(device, op)) {
      console.log(report(op.name, sample, await time(device, op, sample, false), costOf(op, sample), peak));
      // A composition's gradient has no op of its own: its time stands beside the forward pass.
      if (op.lower && op.vjp) {
        const both = await time(device, op, sample, true);
        console.log(report(`${op.name} and gradient`, sample, both, undefined, peak));
      }
    }
  }
}

const wanted = Deno.args.filter((name) => registry.has(name));
const chosen = [...registry.values()].filter(({ name }) => wanted.length === 0 || wanted.includes(name));
for (const { name, present, open } of devices) {
  if (present) {
    await using device = await open();
    await printTable(device, chosen);
  } else {
    console.log(`\n${name}: not present, left out`);
  }
}
