/**
 * Times every kernel of the registry on each device present: `deno bench -A bench/kernels_bench.ts`, with names of ops
 * after `--` for those alone.
 *
 * No time stands alone. Two yardsticks are measured first, on the same device: the rate of a square matrix product and
 * the rate of an elementwise copy. An op's share is the time that its work would take at those rates (the slower of
 * its FLOPs and its bytes) over the time that it takes: 100% is as good as the yardsticks.
 *
 * @module
 */

import { registry } from "../kernels/mod.ts";
import { type Cost, type Op, type Sample, type SampleInput, sizeOf } from "../kernels/op.ts";
import type { Device, Session } from "../src/device/device.ts";
import { GraphBuilder } from "../src/graph/builder.ts";
import { differentiate } from "../src/graph/differentiate.ts";
import { devices } from "../tests/kernels/devices.ts";
import { valuesOf } from "../tests/kernels/trials.ts";

/** A measurement goes on for this long, and at least one run. */
const SECONDS = 0.2;

/** Sizes of the yardsticks: large enough that launching costs nothing, small enough for the device's speed. */
const YARDSTICKS = { webgpu: { matmul: 1024, copy: 1 << 24 }, gpujs: { matmul: 256, copy: 1 << 20 } } as const;

/** Rates of the yardsticks, in FLOP/s and bytes/s. */
interface Peak {
  readonly flops: number;
  readonly bytes: number;
}

/** Numbers of a kind, repeated: what they are changes no time. */
function fill(input: SampleInput): Float32Array {
  const tile = valuesOf({ ...input, shape: [1009] }, 0, 0);
  return Float32Array.from({ length: sizeOf(input.shape) }, (_, i) => tile[i % tile.length]);
}

/** Seconds of one run of `op`, or of its forward and backward pass. */
async function time(device: Device, op: Op, sample: Sample, backward: boolean): Promise<number> {
  using session = device.open();
  const b = new GraphBuilder();
  const xs = sample.inputs.map((input, k) => {
    session.write(`x${k}`, fill(input));
    return b.state(`x${k}`, input.shape);
  });
  const y = b.op(op.name, xs, sample.attrs ?? {});
  b.output("y", y);
  if (backward) {
    const sources = xs.filter((_, k) => !sample.noGrad?.includes(k));
    differentiate(b, b.sum(b.square(y), undefined, false), sources).forEach((grad, k) => b.output(`dx${k}`, grad));
  }
  session.write("fence", new Float32Array(1));
  const program = session.compile(b.graph);
  const runs = async (count: number) => {
    const start = performance.now();
    for (let k = 0; k < count; k++) program.run({});
    await finish(session);
    return (performance.now() - start) / 1000;
  };
  // The first run compiles; what an empty wait takes is not the kernel's.
  const first = await runs(1);
  const wait = await runs(0);
  if (device.kind === "gpujs" && first > 2) return first;
  const guess = Math.max(1e-6, await runs(1) - wait);
  const count = Math.ceil(SECONDS / guess);
  return Math.max(1e-9, await runs(count) - wait) / count;
}

/** Waits until the device has done all it was given. */
const finish = (session: Session): Promise<unknown> => session.read(["fence"]);

async function measurePeak(device: Device): Promise<Peak> {
  const { matmul: size, copy } = YARDSTICKS[device.kind];
  const square = { shape: [size, size] };
  const attrs = { transposeA: false, transposeB: false };
  const product = await time(device, registry.get("matmul")!, { inputs: [square, square], attrs }, false);
  const moved = await time(device, registry.get("neg")!, { inputs: [{ shape: [copy] }] }, false);
  return { flops: 2 * size ** 3 / product, bytes: 8 * copy / moved };
}

function costOf(op: Op, sample: Sample): Cost {
  const inputs = sample.inputs.map(({ shape }) => shape);
  const attrs = sample.attrs ?? {};
  return op.cost({ inputs, output: op.shape(inputs, attrs), attrs });
}

function report(name: string, sample: Sample, seconds: number, cost: Cost | undefined, peak: Peak): string {
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

/** What is timed: all cases on WebGPU, of each op the one with least work on gpu.js, which takes seconds for the others. */
function casesOf(device: Device, op: Op): Sample[] {
  const cases = op.samples.filter(({ bench }) => bench);
  const work = (sample: Sample) => costOf(op, sample).flops + costOf(op, sample).bytes;
  return device.kind === "webgpu" ? cases : cases.sort((a, b) => work(a) - work(b)).slice(0, 1);
}

async function printTable(device: Device, chosen: readonly Op[]): Promise<void> {
  const peak = await measurePeak(device);
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
