/**
 * The elementwise ops: one row each. A row's expression is written once, against {@link Emit}. It serves WGSL, scalar
 * and four-wide, and gpu.js. The fuser strings rows together into one kernel.
 *
 * NaN and what WGSL leaves open: a compiler may assume that there is no NaN and no infinity, and Metal's does. A
 * comparison with NaN may go either way, and `max` may drop it. On SwiftShader `exp(NaN)` is infinite and `log(−2)` is
 * ln 2. `tanh` beyond 44 to 88 is NaN where it is a quotient of sums of e^±x. So the rows know NaN and the sign by bits
 * and clamp what they give to a function. What each states holds under the worst arithmetic allowed
 * (`tests/kernels/open_arithmetic_test.ts`) and on every device (`nan_test.ts`). `isFinite` takes its mask from the
 * uniform buffer: where LLVM sees both the constant and fast arithmetic, it takes the test for true.
 *
 * To add an elementwise op, add a row here: its expression serves every device, its VJP is a line, its samples are its
 * tests.
 *
 * @module
 */

import type { Emit } from "./emit.ts";
import {
  type Builder,
  bytesOf,
  type Call,
  type Cut,
  defineOp,
  type ElementwiseOp,
  type OpSample,
  type SampleInput,
  type Shape,
  shapesText,
  sizeOf,
  type Tensor,
  type Vjp,
} from "./op.ts";

/** Shape of `shapes` broadcast together by NumPy's rule. Throws TypeError when they do not fit. */
export function broadcastShapes(name: string, shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - rank + shape.length] ?? 1).filter((size) => size !== 1);
    if (sizes.some((size) => size !== sizes[0])) {
      throw new TypeError(`Cannot ${name} ${shapesText(shapes)}: axis ${axis} has sizes ${sizes.join(" and ")}`);
    }
    return sizes[0] ?? 1;
  });
}

interface Row {
  readonly expression: ElementwiseOp["expression"];
  readonly vjp?: Vjp;
  /** Values of the sample's operands; default normal. */
  readonly values?: readonly SampleInput["values"][];
  readonly arity: number;
  /** Floating-point operations an element; default 1. */
  readonly flops?: number;
  /** Most that the expression is off by; default 0. */
  readonly error?: number;
  readonly sample?: Partial<OpSample>;
}

const unary = (expression: (emit: Emit, x: string) => string, rest: Omit<Row, "expression" | "arity"> = {}): Row => ({
  arity: 1,
  expression: (emit, [x]) => expression(emit, x),
  ...rest,
});

const binary = (
  expression: (emit: Emit, a: string, b: string) => string,
  rest: Omit<Row, "expression" | "arity"> = {},
): Row => ({ arity: 2, expression: (emit, [a, b]) => expression(emit, a, b), ...rest });

/** VJP of a row with one operand. */
const chain =
  (rule: (b: Builder, grad: Tensor, x: Tensor, y: Tensor) => Tensor): Vjp => ({ b, grad, inputs, output }) => [
    rule(b, grad, inputs[0], output),
  ];

/** VJP of a row with two operands: each rule gives the gradient in the output's shape, broadcasting is undone here. */
const chain2 = (
  ruleA: (b: Builder, grad: Tensor, x: Tensor, y: Tensor, out: Tensor) => Tensor,
  ruleB: typeof ruleA,
): Vjp =>
({ b, grad, inputs: [x, y], output, needs }) => [
  needs[0] ? b.sumTo(ruleA(b, grad, x, y, output), x.shape) : undefined,
  needs[1] ? b.sumTo(ruleB(b, grad, x, y, output), y.shape) : undefined,
];

const kinks = { values: ["distinct", "distinct"] } as const;

/** `value`, or x itself where that is NaN. */
const passingNaN = (e: Emit, x: string, value: string): string => e.select(e.isNaN(x), x, value);

/** The larger or smaller of a and b; NaN where either is. */
const extremum = (e: Emit, name: "max" | "min", a: string, b: string): string =>
  passingNaN(e, a, passingNaN(e, b, e.call(name, a, b)));

/** A function of numbers from 0 on: NaN below, and of NaN. */
const fromZero = (e: Emit, x: string, value: string): string =>
  passingNaN(e, x, e.select(e.isNegative(x), e.number(NaN), value));

/** eˣ stays below 2¹²⁶ up to here: WGSL leaves quotients open where the divisor is beyond. */
const MOST_EXPONENT = 87;

/** From here on both are ±1 in float32: tanh from 9.01 on, erf from 3.92 on. */
const TANH_SATURATED = 15;
const ERF_SATURATED = 10;

/**
 * What all rows give where numbers end is what IEEE 754 says: NaN of NaN, and infinities as limits. The rows' comments
 * repeat it where it is not plain. Left to the device are operands and results nearer to 0 than 2⁻¹²⁶, which may be
 * flushed to 0, and the sign of 0. So are comparisons with NaN, which are 1 or 0, and quotients by more than 2¹²⁶. So
 * is overflow of eˣ and in `+ − · /`, which is infinite on every device known.
 */
const rows: Record<string, Row> = {
  // d(a + b) = da + db
  add: binary((_, a, b) => `(${a} + ${b})`, { vjp: chain2((_, g) => g, (_, g) => g) }),
  // d(a − b) = da − db
  sub: binary((_, a, b) => `(${a} - ${b})`, { vjp: chain2((_, g) => g, (b, g) => b.neg(g)) }),
  // d(ab) = b da + a db
  mul: binary((_, a, b) => `(${a} * ${b})`, { vjp: chain2((b, g, _x, y) => b.mul(g, y), (b, g, x) => b.mul(g, x)) }),
  // d(a/b) = da/b − (a/b) db/b
  div: binary((_, a, b) => `(${a} / ${b})`, {
    values: ["normal", "positive"],
    vjp: chain2((b, g, _x, y) => b.div(g, y), (b, g, _x, y, out) => b.neg(b.div(b.mul(g, out), y))),
  }),
  neg: unary((_, x) => `(-${x})`, { vjp: chain((b, g) => b.neg(g)) }),
  // d|x| = sign(x) dx
  abs: unary((e, x) => e.call("abs", x), {
    values: ["distinct"],
    vjp: chain((b, g, x) => b.where(b.greater(x, 0), g, b.neg(g))),
  }),
  // Above 88.72 infinite, below −87.34 nothing. deˣ = eˣ dx
  exp: unary((e, x) => passingNaN(e, x, e.call("exp", x)), { vjp: chain((b, g, _, y) => b.mul(g, y)) }),
  // ln 0 = −∞, below it NaN: some devices take |x|. d ln x = dx / x
  log: unary((e, x) => fromZero(e, x, e.call("log", x)), {
    values: ["positive"],
    vjp: chain((b, g, x) => b.div(g, x)),
  }),
  // Below 0 NaN. d√x = dx / 2√x
  sqrt: unary((e, x) => fromZero(e, x, e.call("sqrt", x)), {
    values: ["positive"],
    vjp: chain((b, g, _, y) => b.div(b.mul(g, 0.5), y)),
  }),
  // Of 0 infinite, below it NaN. d x^(−1/2) = −½ x^(−3/2) dx
  rsqrt: unary((e, x) => fromZero(e, x, `(${e.number(1)} / ${e.call("sqrt", x)})`), {
    values: ["positive"],
    vjp: chain((b, g, x, y) => b.div(b.mul(b.mul(g, y), -0.5), x)),
    flops: 2,
  }),
  // dx² = 2x dx
  square: unary((_, x) => `(${x} * ${x})`, { vjp: chain((b, g, x) => b.mul(g, b.mul(x, 2))) }),
  // Below −87 it is 0: e^−x would overflow. dσ = σ(1 − σ) dx
  sigmoid: unary((e, x) => {
    const value = `(${e.number(1)} / (${e.number(1)} + ${e.call("exp", `-${x}`)}))`;
    return passingNaN(e, x, e.select(`${x} < ${e.number(-MOST_EXPONENT)}`, e.number(0), value));
  }, {
    vjp: chain((b, g, _, y) => b.mul(g, b.mul(y, b.sub(1, y)))),
    flops: 4,
  }),
  // As a quotient of sums of e^±x it overflows to NaN at 44 or 88 on some devices. d tanh = (1 − tanh²) dx
  tanh: unary((e, x) => {
    const within = e.call("max", e.call("min", x, e.number(TANH_SATURATED)), e.number(-TANH_SATURATED));
    return passingNaN(e, x, e.call("tanh", within));
  }, {
    vjp: chain((b, g, _, y) => b.mul(g, b.sub(1, b.square(y)))),
    flops: 8,
  }),
  // Abramowitz and Stegun, 7.1.26: |error| ≤ 1.5e-7. erf(−x) = −erf(x). d = 2/√π e^(−x²) dx
  erf: unary((e, x) => {
    const size = e.call("min", e.call("abs", x), e.number(ERF_SATURATED));
    const t = `(${e.number(1)} / (${e.number(1)} + ${e.number(0.3275911)} * ${size}))`;
    const factors = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
    const series = factors.reduce(
      (sum, factor) => sum ? `(${sum} * ${t} + ${e.number(factor)})` : e.number(factor),
      "",
    );
    const positive = `(${e.number(1)} - ${series} * ${t} * ${e.call("exp", `-(${size} * ${size})`)})`;
    return passingNaN(e, x, e.select(`${x} < ${e.number(0)}`, `(-${positive})`, positive));
  }, {
    vjp: chain((b, g, x) => b.mul(g, b.mul(b.op("gaussian", [x]), 2 / Math.sqrt(Math.PI)))),
    flops: 20,
    error: 1.5e-7,
  }),
  // e^(−x²), its slope. d = −2x y dx
  gaussian: unary((e, x) => passingNaN(e, x, e.call("exp", `-(${x} * ${x})`)), {
    vjp: chain((b, g, x, y) => b.mul(g, b.mul(b.mul(x, -2), y))),
    flops: 3,
  }),
  // max(NaN, 0) is 0 on some devices and would hide a NaN; so would a comparison with 0, which Mesa's OpenGL turns into
  // max. d = dx where y > 0
  relu: unary((e, x) => e.select(e.isNegative(x), e.number(0), x), {
    values: ["distinct"],
    vjp: chain((b, g, _, y) => b.where(b.greater(y, 0), g, 0)),
  }),
  // ln(1 + eˣ) = max(x, 0) + ln(1 + e^−|x|), which does not overflow. d = σ(x) dx
  softplus: unary(
    (e, x) => {
      const rest = e.call("log", `(${e.number(1)} + ${e.call("exp", `-${e.call("abs", x)}`)})`);
      return passingNaN(e, x, `(${e.call("max", x, e.number(0))} + ${rest})`);
    },
    { vjp: chain((b, g, x) => b.mul(g, b.sigmoid(x))), flops: 8 },
  ),
  // NaN where either is. The gradient goes to the larger; on a tie, to the first.
  maximum: binary((e, a, b) => extremum(e, "max", a, b), {
    ...kinks,
    vjp: chain2((b, g, x, y) => b.where(b.greater(y, x), 0, g), (b, g, x, y) => b.where(b.greater(y, x), g, 0)),
  }),
  minimum: binary((e, a, b) => extremum(e, "min", a, b), {
    ...kinks,
    vjp: chain2((b, g, x, y) => b.where(b.greater(x, y), 0, g), (b, g, x, y) => b.where(b.greater(x, y), g, 0)),
  }),
  // Comparisons and finiteness give 1 or 0 and stop gradients. Which of them, with NaN, is left to the device.
  greater: binary((e, a, b) => e.select(`${a} > ${b}`, e.number(1), e.number(0)), {
    ...kinks,
    sample: { noGrad: [0, 1] },
  }),
  equal: binary((e, a, b) => e.select(`${a} == ${b}`, e.number(1), e.number(0)), {
    values: ["integer", "integer"],
    sample: { noGrad: [0, 1] },
  }),
  isFinite: unary((e, x) => e.select(e.isFinite(x), e.number(1), e.number(0)), { sample: { noGrad: [0] } }),
  // condition ≠ 0 ? a : b. What is not chosen may be NaN or infinite.
  where: {
    arity: 3,
    expression: (e, [condition, a, b]) => e.select(`${condition} != ${e.number(0)}`, a, b),
    values: ["integer", "normal", "normal"],
    vjp: ({ b, grad, inputs: [condition, x, y], needs }) => [
      undefined,
      needs[1] ? b.sumTo(b.where(condition, grad, 0), x.shape) : undefined,
      needs[2] ? b.sumTo(b.where(condition, 0, grad), y.shape) : undefined,
    ],
    sample: { noGrad: [0] },
  },
};

/** Broadcasting partners that exercise every form of index: same shape, row, column, scalar. */
const partners: readonly Shape[] = [[3, 4, 5], [5], [4, 1], [], [3, 1, 8], [2, 4, 4]];

function samplesOf(row: Row): OpSample[] {
  const input = (shape: Shape, k: number): SampleInput => {
    const values = row.values?.[k] ?? "normal";
    return values === "integer" ? { shape, values, below: 3 } : { shape, values };
  };
  const shapes: Shape[] = row.arity === 1 ? [[3, 4, 5], [16]] : [...partners];
  const small = shapes.map((partner): OpSample => {
    const whole: Shape = partner.length === 3 && partner[1] === 1
      ? [3, 2, 8]
      : partner.length === 3
      ? partner
      : [3, 4, 5];
    const inputs = row.arity === 1
      ? [input(partner, 0)]
      : Array.from({ length: row.arity }, (_, k) => input(k === row.arity - 1 ? partner : whole, k));
    return { inputs, ...row.sample };
  });
  const large: OpSample = {
    inputs: Array.from({ length: row.arity }, (_, k) => input([32, 32, 32, 32], k)),
    bench: true,
    ...row.sample,
  };
  return [...small, large];
}

const table: ElementwiseOp[] = Object.entries(rows).map(([name, row]) => ({
  kind: "elementwise",
  isPositional: false,
  name,
  expression: row.expression,
  vjp: row.vjp,
  error: row.error,
  shape(inputs) {
    if (inputs.length !== row.arity) {
      throw new TypeError(`Cannot ${name} ${inputs.length} tensors: it takes ${row.arity}`);
    }
    return broadcastShapes(name, inputs);
  },
  cost: (call: Call) => ({ flops: (row.flops ?? 1) * sizeOf(call.output), bytes: bytesOf(call) }),
  cuts: (call: Call) => [alongFirst(call)],
  samples: samplesOf(row),
}));

/** Attributes of a generator: the result's shape, and the number of its first element. */
type GeneratorAttrs = { readonly shape: Shape; readonly start?: number };

const startOf = ({ start = 0 }: GeneratorAttrs): number => start;

/** Elementwise ops are cut along the first axis; what is broadcast over it is not. */
const alongFirst = (call: Call): Cut => ({
  inputs: call.inputs.map((shape) => shape.length === call.output.length && shape[0] !== 1 ? 0 : undefined),
  output: 0,
});

const firstOfParts = (shape: Shape, parts: number): Shape => [shape[0] / parts, ...shape.slice(1)];

/**
 * A generator: a row whose shape is an attribute and whose values come from the element's position, counted from
 * attribute `start` (default 0).
 */
const generator = <A extends GeneratorAttrs>(
  name: string,
  expression: ElementwiseOp<A>["expression"],
  flops: number,
  samples: readonly OpSample<A>[],
): ElementwiseOp =>
  defineOp<A>({
    kind: "elementwise",
    isPositional: true,
    name,
    expression,
    shape: (_, { shape }) => shape,
    cost: (call) => ({ flops: flops * sizeOf(call.output), bytes: 4 * sizeOf(call.output) }),
    cuts: (call) => [{
      ...alongFirst(call),
      attrs: (part, parts) => ({
        shape: firstOfParts(call.output, parts),
        start: startOf(call.attrs) + part * sizeOf(call.output) / parts,
      }),
    }],
    samples,
  });

/**
 * Uniform random numbers in [0, 1): a function of (key, stream, element) alone, so the backward pass computes them
 * again.
 */
export const random: ElementwiseOp = generator<GeneratorAttrs & { readonly stream: number }>(
  "random",
  (emit, [keyHi, keyLo], attrs) => emit.random(keyHi, keyLo, attrs.stream, startOf(attrs)),
  20,
  [
    {
      inputs: [{ shape: [], values: "integer", below: 65536 }, { shape: [], values: "integer", below: 65536 }],
      attrs: { shape: [5, 7], stream: 12345 },
      abs: 0,
      rel: 0,
      noGrad: [0, 1],
    },
    {
      inputs: [{ shape: [], values: "integer", below: 65536 }, { shape: [], values: "integer", below: 65536 }],
      attrs: { shape: [4, 8], stream: 12345, start: 11 },
      abs: 0,
      rel: 0,
      noGrad: [0, 1],
    },
    {
      inputs: [{ shape: [], values: "integer", below: 65536 }, { shape: [], values: "integer", below: 65536 }],
      attrs: { shape: [32, 32, 32, 32], stream: 1 },
      noGrad: [0, 1],
      bench: true,
    },
  ],
);

/** 0, 1, 2, … in the order of the flat tensor. */
export const iota: ElementwiseOp = generator<GeneratorAttrs>(
  "iota",
  (emit, _, attrs) => emit.index(startOf(attrs)),
  0,
  [
    { inputs: [], attrs: { shape: [4, 5], start: 7 }, abs: 0, rel: 0 },
    { inputs: [], attrs: { shape: [3, 8] }, abs: 0, rel: 0 },
    { inputs: [], attrs: { shape: [32, 32, 32, 32] }, bench: true },
  ],
);

/** Repeats axes of size 1. The VJP of a sum; a reader broadcasts by itself. */
export const broadcastTo: ElementwiseOp = defineOp<{ readonly shape: Shape }>({
  kind: "elementwise",
  isPositional: false,
  name: "broadcastTo",
  expression: (_, [x]) => x,
  shape([x], { shape }) {
    if (`${broadcastShapes("broadcast", [x, shape])}` !== `${shape}`) {
      throw new TypeError(`Cannot broadcast [${x.join(", ")}] to [${shape.join(", ")}]: only axes of size 1 repeat`);
    }
    return shape;
  },
  vjp: ({ b, inputs: [x], grad }) => [b.sumTo(grad, x.shape)],
  cost: (call) => ({ flops: 0, bytes: bytesOf(call) }),
  cuts: (call) => [{ ...alongFirst(call), attrs: (_, parts) => ({ shape: firstOfParts(call.output, parts) }) }],
  samples: [
    { inputs: [{ shape: [3, 1, 8] }], attrs: { shape: [2, 3, 4, 8] } },
    { inputs: [{ shape: [5, 1] }], attrs: { shape: [5, 3] } },
    { inputs: [{ shape: [1, 32, 1, 1] }], attrs: { shape: [32, 32, 32, 32] }, bench: true },
  ],
});

/** All elementwise ops by name. */
export const elementwise: ReadonlyMap<string, ElementwiseOp> = new Map(
  [...table, random, iota, broadcastTo].map((row) => [row.name, row]),
);
