/**
 * Relative position bias (Liu et al., "Swin transformer", 2021, equation 4): a learnt number for each offset between
 * two positions of a window, spread over all pairs of positions.
 *
 * An offset (yi − yj, xi − xj) of a window of [height, width] is row (yi − yj + height − 1) · (2 · width − 1) + xi − xj
 * + width − 1 of the table, as in torchvision's `relative_position_index`. The gradient gathers: an element of the
 * table adds up its pairs in a fixed order.
 *
 * @module
 */

import {
  bytesOf,
  type Call,
  defineOp,
  type Kernel,
  type KernelOp,
  linearGrid,
  type OpSample,
  type Shape,
  shapesText,
  sizeOf,
} from "../op.ts";
import spreadCode from "./relative_bias.wgsl" with { type: "text" };
import gatherCode from "./relative_bias_grad.wgsl" with { type: "text" };

/** Attributes: sides of a window. */
type BiasAttrs = { readonly height: number; readonly width: number };

/** Sides of a call's window. Throws RangeError when one is no count. */
function windowOf(name: string, attrs: BiasAttrs): { height: number; width: number } {
  const height = attrs.height;
  const width = attrs.width;
  if (![height, width].every((side) => Number.isInteger(side) && side >= 1)) {
    throw new RangeError(`Cannot ${name} over a window of ${height}×${width}: give whole sides of at least 1`);
  }
  return { height, width };
}

const positionsOf = (attrs: BiasAttrs) => attrs.height * attrs.width;
const offsetsOf = (attrs: BiasAttrs) => (2 * attrs.height - 1) * (2 * attrs.width - 1);

function params({ attrs }: Call<BiasAttrs>, heads: number): Record<string, number> {
  return { height: attrs.height, width: attrs.width, heads };
}

const spread: Kernel<BiasAttrs> = {
  params: (call) => params(call, call.output[0]),
  wgsl: ({ output }) => ({
    code: spreadCode,
    reads: ["f32"],
    writes: "f32",
    grid: linearGrid(sizeOf(output), 64),
  }),
  gpujs: function (table) {
    const positions = this.constants.height * this.constants.width;
    const j = this.thread.x % positions;
    const i = Math.floor(this.thread.x / positions) % positions;
    const k = Math.floor(this.thread.x / (positions * positions));
    const dy = Math.floor(i / this.constants.width) - Math.floor(j / this.constants.width) + this.constants.height - 1;
    const dx = i % this.constants.width - j % this.constants.width + this.constants.width - 1;
    return table[(dy * (2 * this.constants.width - 1) + dx) * this.constants.heads + k];
  },
};

const gather: Kernel<BiasAttrs> = {
  params: (call) => params(call, call.output[1]),
  // Each pair of positions has one offset: every element is read once.
  prologue: [0],
  wgsl: ({ output }) => ({
    code: gatherCode,
    reads: ["f32"],
    writes: "f32",
    grid: linearGrid(sizeOf(output), 64),
  }),
  gpujs: function (dbias) {
    const columns = 2 * this.constants.width - 1;
    const positions = this.constants.height * this.constants.width;
    const k = this.thread.x % this.constants.heads;
    const offset = Math.floor(this.thread.x / this.constants.heads);
    const dy = Math.floor(offset / columns) - (this.constants.height - 1);
    const dx = offset % columns - (this.constants.width - 1);
    let total = 0;
    for (let yj = 0; yj < this.constants.height; yj++) {
      for (let xj = 0; xj < this.constants.width; xj++) {
        const yi = yj + dy;
        const xi = xj + dx;
        if (yi >= 0 && yi < this.constants.height && xi >= 0 && xi < this.constants.width) {
          const i = yi * this.constants.width + xi;
          total += dbias[(k * positions + i) * positions + yj * this.constants.width + xj];
        }
      }
    }
    return total;
  },
};

/** Square and oblong windows, of one head and of several; Swin's and Swin V2's are worth timing. */
const cases = [
  { height: 3, width: 3, heads: 2 },
  { height: 2, width: 5, heads: 3 },
  { height: 4, width: 1, heads: 1 },
  { height: 1, width: 1, heads: 4 },
  { height: 7, width: 7, heads: 24, bench: true },
  { height: 8, width: 8, heads: 24, bench: true },
] as const;

const spreadSamples: readonly OpSample<BiasAttrs>[] = cases.map(({ heads, ...sample }) => {
  const { height, width } = sample;
  return {
    inputs: [{ shape: [offsetsOf({ height, width }), heads] }],
    attrs: { height, width },
    bench: "bench" in sample,
  };
});

const gatherSamples: readonly OpSample<BiasAttrs>[] = cases.map(({ heads, ...sample }) => {
  const { height, width } = sample;
  const positions = positionsOf({ height, width });
  return { inputs: [{ shape: [heads, positions, positions] }], attrs: { height, width }, bench: "bench" in sample };
});

/**
 * Spreads a table [(2 · height − 1) · (2 · width − 1), heads] over a window: [heads, height · width, height · width].
 * Attributes: `height` and `width` of the window. VJP: {@link relativeBiasGrad}.
 */
export const relativeBias: KernelOp = defineOp<BiasAttrs>({
  kind: "kernel",
  name: "relativeBias",
  shape([table], attrs): Shape {
    const { height, width } = windowOf("relativeBias", attrs);
    if (table.length !== 2 || table[0] !== offsetsOf(attrs)) {
      throw new TypeError(
        `Cannot relativeBias ${shapesText([table])} over a window of ${height}×${width}: it takes [${
          offsetsOf(attrs)
        }, heads]`,
      );
    }
    return [table[1], positionsOf(attrs), positionsOf(attrs)];
  },
  vjp: ({ b, grad, attrs }) => [b.op("relativeBiasGrad", [grad], attrs)],
  cost: (call) => ({ flops: 0, bytes: bytesOf(call) }),
  precision: { result: "half" },
  kernel: spread,
  samples: spreadSamples,
});

/**
 * Gradient of {@link relativeBias}: dbias [heads, height · width, height · width] gives dtable [(2 · height − 1) · (2 ·
 * width − 1), heads]. A row is the sum over the pairs of positions of its offset. Attributes as there. VJP: the
 * spreading again.
 */
export const relativeBiasGrad: KernelOp = defineOp<BiasAttrs>({
  kind: "kernel",
  name: "relativeBiasGrad",
  shape([dbias], attrs): Shape {
    const { height, width } = windowOf("relativeBiasGrad", attrs);
    const positions = positionsOf(attrs);
    if (dbias.length !== 3 || dbias[1] !== positions || dbias[2] !== positions) {
      throw new TypeError(
        `Cannot relativeBiasGrad ${
          shapesText([dbias])
        } over a window of ${height}×${width}: it takes [heads, ${positions}, ${positions}]`,
      );
    }
    return [offsetsOf(attrs), dbias[0]];
  },
  vjp: ({ b, grad, attrs }) => [b.op("relativeBias", [grad], attrs)],
  cost: (call) => ({ flops: sizeOf(call.inputs[0]), bytes: bytesOf(call) }),
  precision: { result: "half" },
  kernel: gather,
  samples: gatherSamples,
});
