/**
 * Pieces of WebAssembly's text format.
 *
 * @module
 */

/** `(op a b …)`. */
export const op = (name: string, ...args: readonly (string | number)[]): string => `(${[name, ...args].join(" ")})`;

/** The value of a local. */
export const get = (name: string): string => `(local.get $${name})`;

/** Sets a local. */
export const set = (name: string, value: string): string => `(local.set $${name} ${value})`;

/** A whole number. */
export const int = (value: number): string => `(i32.const ${value})`;

/** Sum of whole numbers. */
export const add = (...terms: readonly string[]): string => terms.reduce((sum, term) => op("i32.add", sum, term));

/** Product of whole numbers. */
export const mul = (a: string, b: string): string => op("i32.mul", a, b);

/** Address of number `index` from `address` on. */
export const at = (address: string, index: string): string => add(address, op("i32.shl", index, int(2)));

/** The smaller of two whole numbers without a sign. */
export const least = (a: string, b: string): string => op("select", a, b, op("i32.lt_u", a, b));

/** A float's literal. */
export function literal(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value < 0 ? "-inf" : "inf";
  return Object.is(value, -0) ? "-0" : `${value}`;
}

/** Four times the same float. */
export const four = (value: number): string => `(v128.const f32x4${` ${literal(value)}`.repeat(4)})`;

/** Four times the same whole number. */
export const fourInts = (value: number): string => `(v128.const i32x4${` ${value | 0}`.repeat(4)})`;

/** A mask of the first so many of four numbers; of all, where there are more. */
export const firstLanes = (count: string): string =>
  op("i32x4.lt_u", "(v128.const i32x4 0 1 2 3)", op("i32x4.splat", count));

/** A loop while `condition` holds, which is asked before each turn. */
export const loop = (label: string, condition: string, body: readonly string[]): string =>
  `(block $${label}_end (loop $${label} (br_if $${label}_end (i32.eqz ${condition}))
${body.join("\n")}
(br $${label})))`;

/** A loop of `name` from `from` below `to`, by `step`. */
export const count = (name: string, from: string, to: string, body: readonly string[], step = 1): string =>
  `${set(name, from)}
${loop(name, op("i32.lt_u", get(name), to), [...body, set(name, add(get(name), int(step)))])}`;

/** What is done where a condition holds. */
export const when = (condition: string, body: readonly string[], otherwise: readonly string[] = []): string =>
  `(if ${condition} (then ${body.join("\n")})${otherwise.length > 0 ? ` (else ${otherwise.join("\n")})` : ""})`;

/** Whole numbers as parameters. */
export const parameters = (...names: readonly string[]): string =>
  names.map((name) => `(param $${name} i32)`).join(" ");

/** Locals of a function. */
export class Locals {
  readonly #types = new Map<string, string>();

  /** Names a local; the same name twice is one. */
  add(type: "i32" | "f32" | "v128", ...names: readonly string[]): void {
    for (const name of names) this.#types.set(name, type);
  }

  /** Their declarations. */
  toString(): string {
    return [...this.#types].map(([name, type]) => `(local $${name} ${type})`).join(" ");
  }
}
