/**
 * What the expressions of elementwise ops are written against: one target language.
 *
 * @module
 */

/** Functions an expression may call; each exists in WGSL and in JavaScript's `Math`. */
export type MathFunction = "abs" | "exp" | "floor" | "log" | "max" | "min" | "sqrt" | "tanh";

/**
 * Writes expressions in one target language. Operands and results are source text; `+ - * / < > <= >= ==`
 * and parentheses mean the same in both languages and are written directly.
 *
 * Of numbers alone: WGSL lets a compiler assume that there is no NaN, no infinity and no overflow. A comparison with
 * NaN may then be true, `max` drop it, and a function give anything for it or where its terms overflow. So a row that
 * states what it gives for them looks at bits (`isNaN`, `isNegative`, `isFinite`) and uses functions where nothing
 * overflows. `tests/kernels/open_arithmetic_test.ts` evaluates the rows by the worst that is allowed.
 */
export interface Emit {
  /** A literal, of the width of the target's values. */
  number(value: number): string;
  call(name: MathFunction, ...args: string[]): string;
  /** By value: both are computed. */
  select(condition: string, ifTrue: string, ifFalse: string): string;
  /** Condition: neither infinite nor NaN, by the bits. */
  isFinite(x: string): string;
  /** Condition: NaN, by the bits. Comparing x with itself does not survive shader compilers. */
  isNaN(x: string): string;
  /** Condition: below 0 and no NaN, by the bits. */
  isNegative(x: string): string;
  /** A uniform random number in [0, 1) for this element, the first of which is number `start`: `kernels/random.ts`. */
  random(keyHi: string, keyLo: string, stream: number, start: number): string;
  /** The element's position in the flat tensor, as a number, counted from `start`. */
  index(start: number): string;
}
