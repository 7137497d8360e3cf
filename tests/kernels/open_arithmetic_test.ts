import { assertEquals } from "@std/assert";
import { elementwise } from "../../kernels/elementwise.ts";
import type { Emit, MathFunction } from "../../kernels/emit.ts";
import { binary, isRight, SPECIAL, unary } from "./special_numbers.ts";

/**
 * Arithmetic that takes every liberty which WGSL gives with NaN and overflow. `whim` is which of two ways it goes: real
 * devices have been seen to go either.
 */
class OpenArithmetic {
  readonly #whim: boolean;

  constructor(whim: boolean) {
    this.#whim = whim;
  }

  #either<T>(a: T, b: T): T {
    return this.#whim ? a : b;
  }

  /** A function outside its domain, and of NaN, may give anything. */
  #within(x: number, isInside: boolean, value: number): number {
    return isInside ? value : Number.isNaN(x) ? this.#either(0, Infinity) : this.#either(NaN, 1);
  }

  readonly isFinite = Number.isFinite;
  readonly isNaN = Number.isNaN;
  readonly isNegative = (x: number): boolean => x < 0;
  readonly select = (condition: boolean, a: number, b: number): number => condition ? a : b;
  readonly less = (a: number, b: number): boolean => Number.isNaN(a) || Number.isNaN(b) ? this.#whim : a < b;
  readonly same = (a: number, b: number): boolean => Number.isNaN(a) || Number.isNaN(b) ? this.#whim : a === b;
  readonly abs = Math.abs;
  readonly floor = Math.floor;
  readonly min = (a: number, b: number): number =>
    Number.isNaN(a) || Number.isNaN(b) ? this.#either(a, b) : Math.min(a, b);
  readonly max = (a: number, b: number): number =>
    Number.isNaN(a) || Number.isNaN(b) ? this.#either(a, b) : Math.max(a, b);
  /** What is beyond 2¹²⁶ cannot be divided by either. */
  readonly exp = (x: number): number => this.#within(x, x <= 126 * Math.LN2, Math.exp(x));
  readonly log = (x: number): number => this.#within(x, x >= 0, Math.log(x));
  readonly sqrt = (x: number): number => this.#within(x, x >= 0, Math.sqrt(x));
  /** Seen to be NaN from 44 on. */
  readonly tanh = (x: number): number => this.#within(x, Math.abs(x) <= 44, Math.tanh(x));
}

/** Its liberties as names of {@link OpenArithmetic}'s methods. */
const COMPARISONS: Readonly<Record<string, (a: string, b: string) => string>> = {
  "<": (a, b) => `m.less(${a}, ${b})`,
  ">": (a, b) => `m.less(${b}, ${a})`,
  "==": (a, b) => `m.same(${a}, ${b})`,
  "!=": (a, b) => `!m.same(${a}, ${b})`,
};

/** Prints calls of {@link OpenArithmetic}. Operators of numbers stay: they are in the rows' text. */
const open: Emit = {
  number: (value) => `(${value})`,
  call: (name: MathFunction, ...args) => `m.${name}(${args.join(", ")})`,
  select(condition, ifTrue, ifFalse) {
    const compared = /^(\S+) (<|>|==|!=) (\S+)$/.exec(condition);
    if (!compared && !condition.startsWith("m.is")) throw new Error(`What compares ${condition} with NaN?`);
    const opened = compared ? COMPARISONS[compared[2]](compared[1], compared[3]) : condition;
    return `m.select(${opened}, ${ifTrue}, ${ifFalse})`;
  },
  isFinite: (x) => `m.isFinite(${x})`,
  isNaN: (x) => `m.isNaN(${x})`,
  isNegative: (x) => `m.isNegative(${x})`,
  random: () => {
    throw new Error("No row of the table is random");
  },
  index: () => {
    throw new Error("No row of the table has an index");
  },
};

/** A row as a function. */
function functionOf(op: string, names: readonly string[], whim: boolean): (...operands: number[]) => number {
  const source = elementwise.get(op)!.expression(open, names, {});
  return new Function("m", `return (${names.join(", ")}) => ${source};`)(new OpenArithmetic(whim));
}

/** e^x is left to overflow as devices have it, which is to infinity: WGSL has no text for what it should be. */
const isLeft = (op: string, [x]: readonly number[]): boolean => op === "exp" && x > 87;

for (const whim of [false, true]) {
  Deno.test(`rows keep what they state where arithmetic is open, ${whim ? "one" : "the other"} way`, () => {
    const calls = [
      ...Object.keys(unary).flatMap((op) => [...SPECIAL].map((x) => ({ op, operands: [x] }))),
      ...Object.keys(binary).flatMap((op) =>
        [...SPECIAL].flatMap((x) => [...SPECIAL].map((y) => ({ op, operands: [x, y] })))
      ),
    ];
    const functions = new Map<string, (...operands: number[]) => number>();
    for (const op of Object.keys(unary)) functions.set(op, functionOf(op, ["x"], whim));
    for (const op of Object.keys(binary)) functions.set(op, functionOf(op, ["x", "y"], whim));
    const wrong = calls.flatMap(({ op, operands }) => {
      const got = functions.get(op)!(...operands);
      return isRight(op, operands, got) || isLeft(op, operands) ? [] : [`${op}(${operands.join(", ")}) = ${got}`];
    });
    assertEquals(wrong, []);
  });
}
