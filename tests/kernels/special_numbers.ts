/**
 * Numbers where arithmetic ends, and what ops give for them.
 *
 * @module
 */

/** NaN as a processor makes it, with its sign set, and others. */
const NANS = [0x7fc00000, 0xffc00000, 0x7fffffff, 0xff800001];

/** Numbers on both sides of where functions overflow, vanish, saturate or change their form. */
const NUMBERS = [
  0,
  1e-40,
  2 ** -126,
  1e-20,
  0.3,
  1,
  2,
  9,
  15,
  44.5,
  87.5,
  88.5,
  89,
  100,
  1e4,
  1e19,
  1e38,
  3.4e38,
  Infinity,
]
  .flatMap((x) => [x, -x]);

/** NaNs and {@link NUMBERS}; there is a multiple of four of them. */
export const SPECIAL = new Float32Array(NANS.length + NUMBERS.length + 2);
new Uint32Array(SPECIAL.buffer).set(NANS);
SPECIAL.set([...NUMBERS, 0.5, -0.5], NANS.length);

/** ln(1 + eˣ). */
export const softplus = (x: number) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
/** 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** erf by its series, in float64. */
function erf(x: number): number {
  if (!(Math.abs(x) < 5)) return Number.isNaN(x) ? NaN : Math.sign(x);
  let [sum, term] = [x, x];
  for (let n = 1; n < 100; n++) {
    term *= -x * x / n;
    sum += term / (2 * n + 1);
  }
  return 2 / Math.sqrt(Math.PI) * sum;
}

/** What ops of one operand give, in float64. */
export const unary: Readonly<Record<string, (x: number) => number>> = {
  neg: (x) => -x,
  abs: Math.abs,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  rsqrt: (x) => 1 / Math.sqrt(x),
  square: (x) => x * x,
  sigmoid,
  tanh: Math.tanh,
  erf,
  gaussian: (x) => Math.exp(-x * x),
  relu: (x) => Math.max(x, 0),
  softplus,
  isFinite: (x) => Number.isFinite(x) ? 1 : 0,
};

/** What ops of two operands give, in float64. */
export const binary: Readonly<Record<string, (x: number, y: number) => number>> = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  maximum: Math.max,
  minimum: Math.min,
  greater: (x, y) => x > y ? 1 : 0,
  equal: (x, y) => x === y ? 1 : 0,
};

/** What an operand may be taken for: devices may flush what is smaller than 2⁻¹²⁶, and zeros have no sign. */
const takenFor = (x: number): number[] => Math.abs(x) < 2 ** -126 ? [x, 0, -0] : [x];

/** Is a result one of those that may be wanted, as far as float32 goes? */
export function isOneOf(got: number, wanted: readonly number[]): boolean {
  return wanted.map(Math.fround).some((want) =>
    Object.is(got, want) || got === want || Math.abs(got - want) <= 5e-7 + 1e-5 * Math.abs(want)
  );
}

/** Comparisons with NaN are left to the device. */
const COMPARISONS = ["greater", "equal"];

/** Does an op give `got` for these operands? */
export function isRight(op: string, operands: readonly number[], got: number): boolean {
  if (COMPARISONS.includes(op) && operands.some(Number.isNaN)) return got === 0 || got === 1;
  const [xs, ys = []] = operands.map(takenFor);
  return isOneOf(got, operands.length === 1 ? xs.map(unary[op]) : xs.flatMap((x) => ys.map((y) => binary[op](x, y))));
}
