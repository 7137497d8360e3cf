/**
 * Gradient of a convolution with respect to its weight:
 *
 *     dw[o, c, r, s] = Σ over n, i, j of dout[n, o, i, j] · x[n, c, i · stride + r − padding, j · stride + s − padding]
 *
 * The sum is long (N · OH · OW) and the output small. So `conv2dWeightGradPartial` cuts the images into `splits` runs,
 * one output each, and `conv2dWeightGrad` adds them up. That gives enough invocations, in a fixed order, without
 * atomics.
 *
 * @module
 */

import { boundsFor } from "../writing/bounds.ts";
import { sidesOf, tileNames } from "../writing/candidates.ts";
import { isSummed, summedCandidates, summedWeightGrad } from "./depthwise_grad.ts";
import { stagedWeightGrad } from "./conv_staged.ts";
import { columnsOf, marchOf, stripOf } from "./weight_grad_march.ts";
import { formOf, isForm, otherForms } from "./conv_forms.ts";
import {
  checkConvGrad,
  type ConvAttrs,
  convCases,
  convCost,
  convShape,
  type ConvWindow,
  convWindow,
  sizePair,
} from "./conv_window.ts";
import {
  type Call,
  type ComposedOp,
  defineOp,
  type Kernel,
  type KernelOp,
  type Lowering,
  runsThatFit,
  type Shape,
  shapesText,
  type Target,
  type Wgsl,
} from "../op.ts";
import { isStaged, LEAST_STAGED_FIRST, stagedByRules, stagedCandidates, withStaged } from "../writing/staged_tile.ts";
import {
  COMPILE_COST,
  evenTile,
  LOAD_COST,
  plus,
  range,
  tiledMain,
  tileGrid,
  tilesIn,
  writeOut,
} from "../writing/tile.ts";
import { block, f32, u32 } from "../writing/block.ts";

/** Attributes: the convolution's, and [kh, kw]. */
type WeightGradAttrs = ConvAttrs & { readonly kernelSize: readonly number[] };

const NAME = "conv2dWeightGrad";

function shape([x, dout]: readonly Shape[], attrs: WeightGradAttrs): Shape {
  if (x.length !== 4 || dout.length !== 4) {
    throw new TypeError(`Cannot ${NAME} ${shapesText([x, dout])}: it takes [N, C, H, W] and [N, O, OH, OW]`);
  }
  const window = convWindow(NAME, attrs);
  const dw = [dout[1], x[1] / window.groups, ...sizePair(NAME, "kernelSize", attrs.kernelSize)];
  checkConvGrad(NAME, x, dw, dout, window);
  return dw;
}

/** Most accumulators that the heuristic takes: on a GPU that is no card half as many, where operands would spill. */
const mostByRules = (target: Target): number =>
  target.isSoftware || target.gpuKind === "discrete" ? boundsFor(target).accumulators : 36;

/**
 * Tiles of the weight that one invocation computes, the cheapest over a gradient `dout` first, compiling included. None
 * where the window is too large even for one pair of channels.
 */
function tilesOf([o, perGroup, kh, kw]: Shape, dout: Shape, { groups, stride }: ConvWindow, target: Target) {
  const [images, , height, width] = dout;
  const strip = stripOf(width);
  const strips = images * height * Math.ceil(width / strip);
  const bounds = boundsFor(target);
  const rows = kh * columnsOf(strip, stride, kw).length;
  const sized = (outs: number, ins: number) => {
    const tiles = groups * Math.ceil(o / groups / outs) * Math.ceil(perGroup / ins);
    // Of one strip: what is multiplied, and the fours that are loaded, of x one new row.
    const products = outs * ins * kh * kw * strip;
    const loads = LOAD_COST * (outs * strip + ins * (strip + kw)) / 4;
    return { outs, ins, tiles, cost: (tiles * strips + COMPILE_COST) * (products + loads) };
  };
  const sides = (size: number) => [8, 4, 2, 1].map((most) => evenTile(size, most));
  return sides(o / groups).flatMap((outs) => sides(perGroup).map((ins) => sized(outs, ins)))
    .filter(({ outs, ins }) =>
      outs * ins * kh * kw <= bounds.accumulators && outs * ins * kh * kw + ins * rows <= bounds.held
    )
    .sort((a, b) => a.cost - b.cost);
}

/**
 * `8x4`: output and input channels of a tile, the heuristic's first. A GPU also has `staged …` (`conv_staged.ts`);
 * large windows have nothing else. Where each channel is convolved by itself it has `strip …` before them
 * (`depthwise_grad.ts`).
 */
function candidates(
  { inputs: [, dout], output: [splits, ...dw], attrs }: Call<WeightGradAttrs>,
  target: Target,
): string[] {
  const window = convWindow(NAME, attrs);
  const { groups } = window;
  const [o, perGroup, kh, kw] = dw;
  const summed = summedCandidates({ dout, dw, window, splits }, target);
  const tiles = tilesOf(dw, dout, window, target);
  if (tiles.length === 0) return summed.length > 0 ? summed : [...LEAST_STAGED_FIRST];
  const few = mostByRules(target);
  const byRules = tiles.find(({ outs, ins }) => outs * ins * kh * kw <= few) ??
    tiles.reduce((a, b) => b.outs * b.ins < a.outs * a.ins ? b : a);
  const registers = tileNames([byRules.outs, byRules.ins], tiles.map(({ outs, ins }) => [outs, ins]));
  const [rows, columns] = [o / groups, perGroup * kh * kw];
  return [
    ...summed,
    ...withStaged(
      stagedByRules(rows, columns, groups * splits, target),
      stagedCandidates(rows, columns, target),
      registers,
    ),
  ];
}

/** Invocations worth having: beyond them, partial results cost more than idle lanes. */
const ENOUGH_INVOCATIONS = 1024;

function splitsOf(dw: Shape, dout: Shape, window: ConvWindow): number {
  const [images] = dout;
  const [{ tiles } = { tiles: dw[0] * dw[1] }] = tilesOf(dw, dout, window, { isSoftware: true });
  const wanted = Math.min(images, Math.ceil(ENOUGH_INVOCATIONS / tiles));
  return Math.ceil(images / Math.ceil(images / wanted));
}

/**
 * The gradient as the sum of `splits` partial ones; of as many as there are images, and as the device takes, at most.
 */
const inRuns = (runs: number): Lowering<WeightGradAttrs> => (b, [x, dout], attrs) => {
  const splits = runsThatFit(b, Math.min(runs, x.shape[0]), shape([x.shape, dout.shape], attrs));
  return b.sum(b.op("conv2dWeightGradPartial", [x, dout], { ...attrs, splits }), [0], false);
};

/** The composition in a form, by default the one that the heuristic chooses. */
const lowerBy = (name?: string): Lowering<WeightGradAttrs> => (b, [x, dout], attrs) => {
  const dw = shape([x.shape, dout.shape], attrs);
  const window = convWindow(NAME, attrs);
  const form = formOf(b, x.shape, dw, window, name);
  if (form) return form.weightGrad(b, x, dout, dw);
  return inRuns(splitsOf(dw, dout.shape, window))(b, [x, dout], attrs);
};

/**
 * Numbers of runs worth timing on a GPU, which may take any number of invocations: `runs 16`. In one run digits would
 * be lost.
 */
function runNames({ inputs: [x, dout], output: dw, attrs }: Call<WeightGradAttrs>, { isSoftware }: Target): string[] {
  const window = convWindow(NAME, attrs);
  if (isSoftware || formOf({ maxBytes: Infinity }, x, dw, window)) return [];
  const byRules = splitsOf(dw, dout, window);
  return [4, 16, 64].filter((runs) => runs <= x[0] && runs !== byRules).map((runs) => `runs ${runs}`);
}

/** The composition called so; undefined for other names. */
function runsNamed(name: string): Lowering<WeightGradAttrs> | undefined {
  const [, runs] = /^runs ([1-9]\d*)$/.exec(name) ?? [];
  return runs === undefined ? undefined : inRuns(Number(runs));
}

/**
 * The kernel: an invocation computes `outs` × `ins` × kh × kw weights. It goes down strips of dout, a few columns each.
 * At each row it loads that row of dout and the rows of x that the window has newly come to; those it still covers stay
 * in registers. A 3×3 window over 4 columns, 8 × 8 channels, is 2,304 products for 24 loads of four numbers where rows
 * are whole fours.
 *
 * Layouts: x [N, groups · inChannels, inHeight, inWidth], dout [N, groups · outChannels, outHeight, outWidth],
 * out [splits, groups · outChannels, inChannels, kh, kw].
 * Grid: one invocation a tile; tile of input channels fastest, then of output channels, group, split.
 */
function wgsl(call: Call<WeightGradAttrs>, target: Target, candidate = candidates(call, target)[0]): Wgsl {
  const { inputs: [x, dout], output: [splits, ...dw], attrs } = call;
  const { stride, padding, groups } = convWindow(NAME, attrs);
  const [o, perGroup, kh, kw] = dw;
  if (isStaged(candidate)) {
    const [, , outHeight, outWidth] = dout;
    const window = { kernel: [kh, kw], groups, stride, padding } as const;
    const sizes = { outChannels: o / groups, inChannels: perGroup, outHeight, outWidth, splits };
    return stagedWeightGrad({ ...window, ...sizes }, candidate);
  }
  if (isSummed(candidate)) {
    return summedWeightGrad({ x, dout, dw, window: { stride, padding, groups }, splits }, candidate);
  }
  const [outs, ins] = sidesOf(candidate, 2);
  const tiles = groups * Math.ceil(o / groups / outs) * Math.ceil(perGroup / ins);
  const { weights, width, setup, before, row } = marchOf({ x, dout, outs, ins, kernel: [kh, kw], stride, padding });
  const body = block((w) => {
    w.let("o0", u32(`oTile * ${outs}u`));
    w.let("c0", u32(`cTile * ${ins}u`));
    for (const { name } of weights) w.var(name, f32("0.0"));
    const last = w.let("last", u32("min((split + 1u) * p.perSplit, p.images)"));
    w.for("n", { from: u32("split * p.perSplit"), to: last }, (n) => {
      for (const c of range(ins)) {
        const channel = `(${n} * p.groups + group) * p.inChannels + min(${plus("c0", c)}, p.inChannels - 1u)`;
        w.let(`plane${c}`, u32(`(${channel}) * p.inHeight * p.inWidth`));
      }
      w.for("j0", { to: u32("p.outWidth"), by: width }, () => {
        w.line(...setup);
        before(w, "0u");
        w.for("i", { to: u32("p.outHeight") }, () => w.line(...row));
      });
    });
    w.line(...writeOut(weights.map(({ name }) => name), [kh * kw], 1, (index, name) =>
      `{
        let i = ${index};
        let o = o0 + i / ${ins * kh * kw}u;
        let c = c0 + (i / ${kh * kw}u) % ${ins}u;
        if (o < p.outChannels && c < p.inChannels) {
          let pair = ((split * p.groups + group) * p.outChannels + o) * p.inChannels + c;
          emit(pair * ${kh * kw}u + i % ${kh * kw}u, ${name});
        }
      }`));
  });
  return {
    code: tiledMain([
      ["cTile", tilesIn("p.inChannels", ins)],
      ["oTile", tilesIn("p.outChannels", outs)],
      ["group", "p.groups"],
      ["split", "p.splits"],
    ], body),
    reads: ["vec4f", "vec4f"],
    writes: "f32",
    grid: tileGrid(tiles * splits),
  };
}

const kernel: Kernel<WeightGradAttrs> = {
  params(
    { inputs: [x, dout], output: [splits, o, inChannels, kernelHeight, kernelWidth], attrs }: Call<WeightGradAttrs>,
  ) {
    const { stride, padding, groups } = convWindow(NAME, attrs);
    const [images, , inHeight, inWidth] = x;
    const [, , outHeight, outWidth] = dout;
    const perSplit = Math.ceil(images / splits);
    return {
      ...{ images, splits, perSplit, groups, stride, padding, kernelHeight, kernelWidth },
      ...{ inChannels, inHeight, inWidth, outChannels: o / groups, outHeight, outWidth },
    };
  },
  candidates,
  wgsl,
  gpujs: function (x, dout) {
    const s = this.thread.x % this.constants.kernelWidth;
    const r = Math.floor(this.thread.x / this.constants.kernelWidth) % this.constants.kernelHeight;
    const pair = Math.floor(this.thread.x / (this.constants.kernelWidth * this.constants.kernelHeight));
    const c = pair % this.constants.inChannels;
    const channels = this.constants.groups * this.constants.outChannels;
    const o = Math.floor(pair / this.constants.inChannels) % channels;
    const split = Math.floor(pair / (this.constants.inChannels * channels));
    const channel = Math.floor(o / this.constants.outChannels) * this.constants.inChannels + c;
    const last = Math.min((split + 1) * this.constants.perSplit, this.constants.images);
    let total = 0;
    for (let n = split * this.constants.perSplit; n < last; n++) {
      for (let i = 0; i < this.constants.outHeight; i++) {
        const row = i * this.constants.stride + r - this.constants.padding;
        if (row >= 0 && row < this.constants.inHeight) {
          const from =
            ((n * this.constants.groups * this.constants.inChannels + channel) * this.constants.inHeight + row) *
            this.constants.inWidth;
          const to = ((n * channels + o) * this.constants.outHeight + i) * this.constants.outWidth;
          for (let j = 0; j < this.constants.outWidth; j++) {
            const column = j * this.constants.stride + s - this.constants.padding;
            if (column >= 0 && column < this.constants.inWidth) total += x[from + column] * dout[to + j];
          }
        }
      }
    }
    return total;
  },
};

const inputsOf = ({ x, weight, window }: typeof convCases[number]) => [
  { shape: x },
  { shape: convShape("conv2d", x, weight, window) },
];

/**
 * The sums of {@link conv2dWeightGrad} over each of `splits` runs of ⌈N / splits⌉ images: [splits, O, C / groups, kh,
 * kw]. Attributes: those of the whole, and `splits`. Made by lowering, after differentiation: no VJP.
 */
export const conv2dWeightGradPartial: KernelOp = defineOp<WeightGradAttrs & { readonly splits: number }>({
  kind: "kernel",
  name: "conv2dWeightGradPartial",
  shape: (inputs, attrs) => [attrs.splits, ...shape(inputs, attrs)],
  cost: ({ inputs: [x, dout], output }) => convCost(x, output.slice(1), dout),
  cuts: () => [{ inputs: [0, 0], output: "sum" }],
  precision: { result: "full" },
  kernel,
  samples: convCases.map((one) => ({
    inputs: inputsOf(one),
    attrs: { ...one.window, kernelSize: one.weight.slice(2), splits: one.x[0] > 2 ? 2 : 1 },
    abs: one.abs,
    noGrad: [0, 1],
    bench: one.bench,
  })).filter(({ bench }) => !bench),
});

/**
 * dw [O, C / groups, kh, kw] of a convolution from x [N, C, H, W] and dout [N, O, OH, OW]. Attributes: the
 * convolution's `stride`, `padding`, `groups`, and `kernelSize` [kh, kw], which the strides leave open. It is linear in
 * both: its VJP is the input's gradient and the convolution.
 */
export const conv2dWeightGrad: ComposedOp = defineOp<WeightGradAttrs>({
  kind: "composed",
  name: NAME,
  shape,
  vjp({ b, inputs: [x, dout], attrs, grad, needs }) {
    const window = { ...convWindow(NAME, attrs) };
    const [, , h, w] = x.shape;
    return [
      needs[0] ? b.op("conv2dInputGrad", [grad, dout], { ...window, inputSize: [h, w] }) : undefined,
      needs[1] ? b.op("conv2d", [x, grad], window) : undefined,
    ];
  },
  cost: ({ inputs: [x, dout], output }) => convCost(x, output, dout),
  lower: lowerBy(),
  alternatives: {
    names(call, target) {
      const { inputs: [x], output: dw, attrs } = call;
      return [...otherForms(x, dw, convWindow(NAME, attrs)), ...runNames(call, target)];
    },
    lowering: (name) => isForm(name) ? lowerBy(name) : runsNamed(name),
  },
  samples: convCases.map((one) => ({
    inputs: inputsOf(one),
    attrs: { ...one.window, kernelSize: one.weight.slice(2) },
    abs: one.abs,
    bench: one.bench,
  })),
});
