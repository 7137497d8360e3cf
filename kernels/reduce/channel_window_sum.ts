/**
 * Sums over neighbouring channels: what local response normalisation (Krizhevsky et al., 2012, section 3.3) divides by.
 *
 * @module
 */

import {
  byImage,
  bytesOf,
  type Call,
  defineOp,
  type Kernel,
  type KernelOp,
  linearGrid,
  type OpSample,
  sizeOf,
} from "../op.ts";
import { plus, range } from "../writing/tile.ts";

/** Attributes: channels in a window. */
type WindowSumAttrs = { readonly size: number };

/** Images, channels and what is behind them, as one axis each. */
function params({ inputs: [[images, channels, ...rest]], attrs }: Call<WindowSumAttrs>): Record<string, number> {
  return { images, channels, pixels: sizeOf(rest), reach: (attrs.size - 1) / 2 };
}

/**
 * The kernel: an invocation goes through the channels of one pixel and keeps the window's in registers, so that each
 * element is read once. The window is added up anew for every channel: a running sum would keep what it once rounded
 * away.
 *
 * Layouts: x and y [images, channels, pixels].
 * Grid: one invocation a pixel of an image; neighbours read neighbouring elements.
 */
function wgsl(call: Call<WindowSumAttrs>): ReturnType<Kernel<WindowSumAttrs>["wgsl"]> {
  const size = call.attrs.size;
  const { images, pixels, reach } = params(call);
  const window = range(size).map((k) => `x${k}`);
  const newest = window[size - 1];
  const code = `@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) wid: vec3u,
  @builtin(num_workgroups) num: vec3u,
  @builtin(local_invocation_index) l: u32,
) {
  let pixel = (wid.y * num.x + wid.x) * 64u + l;
  if (pixel >= p.images * p.pixels) {
    return;
  }
  let image = quotient(pixel, p.pixels);
  var at = image * p.channels * p.pixels + pixel - image * p.pixels;
${window.map((name) => `  var ${name} = 0.0;`).join("\n")}
${
    // What the first channel's window has read already; the loop shifts it into place.
    range(reach).map((k) =>
      `  if (${k}u < p.channels) {
    ${window[size - reach + k]} = load0(at + ${k}u * p.pixels);
  }`
    ).join("\n")}
  for (var c = 0u; c < p.channels; c++) {
${window.slice(0, -1).map((name, k) => `    ${name} = ${window[k + 1]};`).join("\n")}
    ${newest} = 0.0;
    if (${plus("c", reach)} < p.channels) {
      ${newest} = load0(at + ${reach}u * p.pixels);
    }
    emit(at, ${window.join(" + ")});
    at += p.pixels;
  }
}
`;
  return { code, reads: ["f32"], writes: "f32", grid: linearGrid(images * pixels, 64) };
}

const kernel: Kernel<WindowSumAttrs> = {
  params,
  prologue: [0],
  wgsl,
  gpujs: function (x) {
    const c = Math.floor(this.thread.x / this.constants.pixels) % this.constants.channels;
    const first = Math.max(0, c - this.constants.reach);
    const last = Math.min(this.constants.channels - 1, c + this.constants.reach);
    let total = 0;
    for (let k = first; k <= last; k++) {
      total += x[this.thread.x + (k - c) * this.constants.pixels];
    }
    return total;
  },
};

const samples: readonly OpSample<WindowSumAttrs>[] = [
  { inputs: [{ shape: [2, 9, 3, 5] }], attrs: { size: 5 } },
  { inputs: [{ shape: [1, 4, 6] }], attrs: { size: 3 } },
  // A window that is wider than all channels, and one of a channel alone.
  { inputs: [{ shape: [2, 2, 7] }], attrs: { size: 7 } },
  { inputs: [{ shape: [3, 4] }], attrs: { size: 1 } },
  { inputs: [{ shape: [32, 96, 55, 55] }], attrs: { size: 5 }, bench: true },
];

/**
 * y[n, c, …] = Σ of x[n, c', …] over |c' − c| ≤ (size − 1) / 2, of [N, C, …]; attribute `size`, odd. Channels that do
 * not exist count as 0. It is symmetric: its VJP is itself.
 */
export const channelWindowSum: KernelOp = defineOp<WindowSumAttrs>({
  kind: "kernel",
  name: "channelWindowSum",
  shape([x], attrs) {
    const size = attrs.size;
    if (x.length < 2) throw new TypeError(`Cannot channelWindowSum [${x.join(", ")}]: it takes [N, C, …]`);
    if (!Number.isInteger(size) || size < 1 || size % 2 === 0) {
      throw new RangeError(`Cannot channelWindowSum over ${size} channels: give an odd number from 1`);
    }
    return x;
  },
  vjp: ({ b, grad, attrs }) => [b.op("channelWindowSum", [grad], attrs)],
  cost: (call) => ({ flops: call.attrs.size * sizeOf(call.output), bytes: bytesOf(call) }),
  cuts: () => byImage(1),
  precision: { result: "full" },
  kernel,
  samples,
});
