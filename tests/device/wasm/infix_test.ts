import { assertEquals, assertThrows } from "@std/assert";
import { readInfix, type Tree } from "../../../src/device/wasm/text/infix.ts";

/** A tree as Lisp has it. */
const text = (tree: Tree): string =>
  tree.kind === "call"
    ? `(${[tree.name, ...tree.args.map(text)].join(" ")})`
    : `${tree.kind === "name" ? tree.name : tree.value}`;

const sources: readonly (readonly [source: string, tree: string])[] = [
  ["a + b * c - d", "(- (+ a (* b c)) d)"],
  ["a / b / c", "(/ (/ a b) c)"],
  ["-x * y", "(* (neg x) y)"],
  ["-(x - 1.5e-7)", "(neg (- x 1.5e-7))"],
  ["a - a == 0", "(== (- a a) 0)"],
  ["select(x < 0, max(a, b), f())", "(select (< x 0) (max a b) (f))"],
  ["Infinity + NaN", "(+ Infinity NaN)"],
];

Deno.test("readInfix() binds operators as JavaScript does", () => {
  for (const [source, tree] of sources) assertEquals(text(readInfix(source)), tree, source);
});

Deno.test("readInfix() refuses what is no expression", () => {
  for (const source of ["a +", "(a", "a b", "f(a", "a ? b", "* a", "f(a b)"]) {
    assertThrows(() => readInfix(source), SyntaxError, "Cannot read", source);
  }
});
