/**
 * WebAssembly as a target language of the elementwise rows, four elements at a time. Rows print infix; what they
 * declare is kept as trees, each with how often it changes.
 *
 * @module
 */

import type { Shape } from "../../../../kernels/op.ts";
import { type Node, storageOf } from "../../../graph/graph.ts";
import type { Language } from "../../expression.ts";
import { call } from "./functions.ts";
import { namesIn, readInfix, type Tree } from "./infix.ts";
import type { WatModule } from "./module.ts";
import { get, op } from "./wat.ts";

/** How often a value changes: never, from row to row, or from element to element. */
export type Rank = 0 | 1 | 2;

/** A stored tensor as it is read. */
export interface Leaf {
  readonly name: string;
  readonly node: Node;
}

/** A value that is computed once and has a name. */
export interface Statement {
  readonly name: string;
  readonly tree: Tree;
}

/** The value of the step's kernel, in an epilogue. */
export const VALUE = "own";
/** Flat position of the four elements, as whole numbers. */
export const POSITION = "position";

const INFIX: Readonly<Record<string, string>> = {
  ...{ "+": "add", "-": "sub", "*": "mul", "/": "div" },
  ...{ "<": "lt", ">": "gt", "<=": "le", ">=": "ge", "==": "eq", "!=": "ne" },
  ...{ max: "pmax", min: "pmin", abs: "abs", floor: "floor", sqrt: "sqrt", neg: "neg" },
};

/** Collects what an expression reads and computes. */
export class WatLanguage implements Language {
  readonly leaves: Leaf[] = [];
  readonly scalars: string[] = [];
  readonly statements: Statement[] = [];

  declare(name: string, value: string): string {
    this.statements.push({ name, tree: readInfix(value) });
    return "";
  }

  leaf(node: Node, _shape: Shape): string {
    const key = `${storageOf(node).id} ${node.shape}`;
    const known = this.leaves.find(({ node: other }) => `${storageOf(other).id} ${other.shape}` === key);
    if (known) return known.name;
    const name = `x${this.leaves.length}`;
    this.leaves.push({ name, node });
    return name;
  }

  scalar(name: string): string {
    if (!this.scalars.includes(name)) this.scalars.push(name);
    return `s${this.scalars.indexOf(name)}`;
  }

  number(value: number): string {
    return value < 0 || Object.is(value, -0) ? `(-${-value})` : `${value}`;
  }

  call(name: string, ...args: string[]): string {
    return `${name}(${args.join(", ")})`;
  }

  select(condition: string, ifTrue: string, ifFalse: string): string {
    return `select(${condition}, ${ifTrue}, ${ifFalse})`;
  }

  isFinite(x: string): string {
    return `${x} - ${x} == 0`;
  }

  isNaN(x: string): string {
    return `isNaN(${x})`;
  }

  isNegative(x: string): string {
    return `${x} < 0`;
  }

  random(keyHi: string, keyLo: string, stream: number, start: number): string {
    const key = this.#name(`key(${keyHi}, ${keyLo})`);
    const first = this.#name(`randomFirst(${key}, ${stream})`);
    const last = this.#name(`randomLast(${key}, ${stream})`);
    return `random(${first}, ${last}, ${POSITION}, ${start})`;
  }

  index(start: number): string {
    return `index(${POSITION}, ${start})`;
  }

  /** A statement of its own. */
  #name(value: string): string {
    const name = `r${this.statements.length}`;
    this.declare(name, value);
    return name;
  }
}

/** How often each name changes. */
export function ranksOf(statements: readonly Statement[], known: ReadonlyMap<string, Rank>): Map<string, Rank> {
  const ranks = new Map(known);
  for (const { name, tree } of statements) ranks.set(name, rankOf(tree, ranks));
  return ranks;
}

/** How often a tree's value changes. */
export function rankOf(tree: Tree, ranks: ReadonlyMap<string, Rank>): Rank {
  return Math.max(0, ...namesIn(tree).map((name) => ranks.get(name) ?? 2)) as Rank;
}

/** Instructions that compute a tree; every name is a local of its own. */
export function print(module: WatModule, tree: Tree): string {
  if (tree.kind === "number") return module.four(tree.value);
  if (tree.kind === "name") return get(tree.name);
  const whole = (at: number) => (tree.args[at] as Tree & { kind: "number" }).value;
  const args = tree.args.map((arg) => print(module, arg));
  const mix = (x: string) => call(module, "randomMix", x);
  const xor = (a: string, b: string) => op("v128.xor", a, b);
  switch (tree.name) {
    case "select":
      return op("v128.bitselect", args[1], args[2], args[0]);
    case "isNaN":
      return op("f32x4.ne", args[0], args[0]);
    case "exp":
    case "log":
    case "tanh":
      return call(module, tree.name, args[0]);
    case "index":
      return op("f32x4.convert_i32x4_u", shifted(module, args[0], whole(1)));
    // What does not depend on the element is computed once.
    case "key":
      return op("v128.or", op("i32x4.shl", ints(args[0]), "(i32.const 16)"), ints(args[1]));
    case "randomFirst":
      return mix(xor(mix(args[0]), module.fourInts(whole(1))));
    case "randomLast":
      return xor(args[0], module.fourInts(whole(1)));
    case "random": {
      const state = mix(xor(mix(xor(args[0], shifted(module, args[2], whole(3)))), args[1]));
      return op(
        "f32x4.mul",
        op("f32x4.convert_i32x4_u", op("i32x4.shr_u", state, "(i32.const 8)")),
        module.four(2 ** -24),
      );
    }
    case "neg":
      if (tree.args[0].kind === "number") return module.four(-tree.args[0].value);
  }
  return op(`f32x4.${INFIX[tree.name]}`, ...args);
}

const ints = (x: string): string => op("i32x4.trunc_sat_f32x4_u", x);
const shifted = (module: WatModule, position: string, start: number): string =>
  start === 0 ? position : op("i32x4.add", position, module.fourInts(start));
