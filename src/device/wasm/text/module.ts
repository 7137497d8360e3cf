/**
 * A module being written: its arguments, functions and exported `run`.
 *
 * @module
 */

import type { Arg, WrittenJob } from "../written.ts";
import { four, fourInts, op } from "./wat.ts";

/** Collects a module's parts. Arguments are globals, which `run` sets: every function sees them. */
export class WatModule {
  readonly #args = new Map<string, { readonly name: string; readonly arg: Arg }>();
  readonly #functions = new Map<string, string>();
  readonly #constants = new Map<string, string>();
  /** May a product and a sum be one instruction? */
  readonly relaxed: boolean;

  constructor(relaxed: boolean) {
    this.relaxed = relaxed;
  }

  /** Text of an argument's value: equal arguments of one purpose are one. */
  arg(arg: Arg, purpose = ""): string {
    const key = typeof arg === "number"
      ? `${purpose}=${arg}`
      : `${purpose} ${"tensor" in arg ? `t${arg.tensor.id}` : JSON.stringify(arg)}`;
    let known = this.#args.get(key);
    if (!known) this.#args.set(key, known = { name: `arg${this.#args.size}`, arg });
    return `(global.get $${known.name})`;
  }

  /**
   * A vector that does not change, as a global: V8 makes a literal anew wherever it stands, by three instructions, and
   * takes this by one.
   */
  constant(literal: string): string {
    let name = this.#constants.get(literal);
    if (!name) this.#constants.set(literal, name = `k${this.#constants.size}`);
    return `(global.get $${name})`;
  }

  /** Four times the same float. */
  four(value: number): string {
    return this.constant(four(value));
  }

  /** Four times the same whole number. */
  fourInts(value: number): string {
    return this.constant(fourInts(value));
  }

  /** `a · b + sum` of vectors, in one instruction where the host has it. */
  madd(a: string, b: string, sum: string): string {
    if (this.relaxed) return op("f32x4.relaxed_madd", a, b, sum);
    return op("f32x4.add", op("f32x4.mul", a, b), sum);
  }

  /** Adds a function once, and gives its name. */
  define(name: string, text: string): string {
    this.#functions.set(name, text);
    return name;
  }

  /** Has it such a function? */
  has(name: string): boolean {
    return this.#functions.has(name);
  }

  /**
   * The job whose `run(chunk, scratch)` does `body`.
   *
   * @param locals Declarations of the body's locals.
   */
  job(chunks: number, locals: string, body: readonly string[]): WrittenJob {
    const args = [...this.#args.values()];
    const code = `(module
(import "fovea" "memory" (memory 1 65536 shared))
${args.map(({ name }) => `(global $${name} (mut i32) (i32.const 0))`).join("\n")}
${[...this.#constants].map(([literal, name]) => `(global $${name} (mut v128) ${literal})`).join("\n")}
${[...this.#functions.values()].join("\n")}
(func (export "run") (param $chunk i32) (param $scratch i32) ${
      args.map(({ name }) => `(param $${name} i32)`).join(" ")
    } ${locals}
${args.map(({ name }) => `(global.set $${name} (local.get $${name}))`).join("\n")}
${body.join("\n")})
)`;
    return { code, chunks, args: args.map(({ arg }) => arg) };
  }
}
