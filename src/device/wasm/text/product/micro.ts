/**
 * The innermost loops of products: a tile of results whose sums stay in registers. WebAssembly has 16 vectors of four
 * floats on most processors, so a tile has 8 or 10 of them, and the rest is for operands.
 *
 * `outer` has a results' row in vectors and multiplies them by single numbers of A; `dot` has vectors along the sum,
 * for operands that both lie along it.
 *
 * @module
 */

import type { WatModule } from "../module.ts";
import { add, at, firstLanes, four, get, int, Locals, loop, op, parameters, set, when } from "../wat.ts";

/** How an operand of a tile lies in memory. */
export interface OuterForm {
  /** `rows`: each row of A by itself, along the sum; `panel`: the rows' numbers of each term side by side. */
  readonly a: "rows" | "panel";
  /** `strided`: vectors of each term so many bytes apart; `offsets`: where a table in memory says. */
  readonly b: "strided" | "offsets";
  readonly rows: number;
  readonly columns: number;
  /**
   * Bytes from C to what its sums have lost by rounding. Then a part's sums begin at 0, and are added to those before
   * them without loss (Kahan 1965).
   */
  readonly lost?: number;
}

/** Terms of the sum in a turn. */
const UNROLLED = 4;

const range = (count: number): number[] => Array.from({ length: count }, (_, k) => k);

/** The sum of a vector's four numbers. */
export function sumOfLanes(value: string): string {
  const lane = (k: number) => op("f32x4.extract_lane", k, value);
  return op("f32.add", op("f32.add", lane(0), lane(1)), op("f32.add", lane(2), lane(3)));
}

/**
 * Defines `outer(a, aStep, b, bStep, c, cStep, d, dStep, terms, isFirst)`: a tile of sums, which go on from C unless it
 * is the first part of them, and are put in D. All steps are bytes. `aStep` is from row to row of `rows`, and from term
 * to term of a `panel`; `bStep` from term to term of what is `strided`, and the table's address for `offsets`.
 */
export function defineOuter(module: WatModule, form: OuterForm): string {
  const { rows, columns } = form;
  const name = `outer_${form.a}_${form.b}_${rows}x${columns}${form.lost === undefined ? "" : "_compensated"}`;
  if (module.has(name)) return name;
  const vectors = range(columns / 4);
  const locals = new Locals();
  locals.add("i32", "end", "main", "p");
  if (form.a === "rows") locals.add("i32", ...range(rows).map((r) => `a${r}`));
  const sums = range(rows).flatMap((r) => vectors.map((v) => ({ r, v, name: `c${r}_${v}` })));
  locals.add("v128", ...sums.map(({ name }) => name), ...vectors.map((v) => `b${v}`), "s");
  /** One term of the sum, `q` terms after where the pointers stand. */
  const term = (q: number): string[] => {
    const isOffset = form.b === "offsets";
    const base = isOffset ? get("p") : get("b");
    return [
      ...isOffset ? [set("p", add(get("b"), op("i32.load", `offset=${4 * q}`, get("bStep"))))] : [],
      ...vectors.map((v) => set(`b${v}`, op("v128.load", `offset=${16 * v}`, base))),
      ...isOffset ? [] : [set("b", add(get("b"), get("bStep")))],
      ...range(rows).flatMap((r) => [
        set(
          "s",
          form.a === "rows"
            ? op("v128.load32_splat", `offset=${4 * q}`, get(`a${r}`))
            : op("v128.load32_splat", `offset=${4 * (q * rows + r)}`, get("a")),
        ),
        ...vectors.map((v) => set(`c${r}_${v}`, module.madd(get("s"), get(`b${v}`), get(`c${r}_${v}`)))),
      ]),
    ];
  };
  const advance = (terms: number): string[] => [
    ...form.a === "rows"
      ? range(rows).map((r) => set(`a${r}`, add(get(`a${r}`), int(4 * terms))))
      : [set("a", add(get("a"), int(4 * terms * rows)))],
    ...form.b === "offsets" ? [set("bStep", add(get("bStep"), int(4 * terms)))] : [],
  ];
  const counter = form.a === "rows" ? "a0" : "a";
  const width = form.a === "rows" ? 4 : 4 * rows;
  const bytes = (terms: string) => op("i32.mul", terms, int(width));
  const row = (matrix: "c" | "d", r: number) => add(get(matrix), op("i32.mul", get(`${matrix}Step`), int(r)));
  const before = (r: number, v: number, past = 0) => op("v128.load", `offset=${16 * v + past}`, row("c", r));
  /** Sums of a part, in locals, become the whole so far; what that loses is kept. */
  const compensated = (parts: typeof sums, lost: number): string[] => {
    const keep = (r: number, v: number, value: string) =>
      op("v128.store", `offset=${16 * v + lost}`, row("c", r), value);
    return [
      `(if ${get("isFirst")} (then ${parts.map(({ r, v }) => keep(r, v, four(0))).join(" ")}) (else ${
        parts.flatMap(({ r, v, name }) => [
          set(name, op("f32x4.sub", get(name), before(r, v, lost))),
          set("s", op("f32x4.add", before(r, v), get(name))),
          keep(r, v, op("f32x4.sub", op("f32x4.sub", get("s"), before(r, v)), get(name))),
          set(name, get("s")),
        ]).join(" ")
      }))`,
    ];
  };
  const body = [
    ...form.a === "rows"
      ? range(rows).map((r) => set(`a${r}`, add(get("a"), op("i32.mul", get("aStep"), int(r)))))
      : [],
    set("end", add(get(counter), bytes(get("terms")))),
    set("main", add(get(counter), bytes(op("i32.and", get("terms"), int(-UNROLLED))))),
    ...form.lost !== undefined ? [] : [
      when(op("i32.eqz", get("isFirst")), sums.map(({ r, v, name }) => set(name, before(r, v)))),
    ],
    loop("turns", op("i32.lt_u", get(counter), get("main")), [
      ...range(UNROLLED).flatMap(term),
      ...advance(UNROLLED),
    ]),
    loop("rest", op("i32.lt_u", get(counter), get("end")), [...term(0), ...advance(1)]),
    ...form.lost === undefined ? [] : compensated(sums, form.lost),
    ...sums.map(({ r, v, name }) => op("v128.store", `offset=${16 * v}`, row("d", r), get(name))),
  ];
  return module.define(
    name,
    `(func $${name} ${parameters("a", "aStep", "b", "bStep", "c", "cStep", "d", "dStep", "terms", "isFirst")} ${locals}
${body.join("\n")})`,
  );
}

/**
 * Defines `dot(a, aStep, b0, b1, c, cStep, terms)`: adds to `rows` × 2 numbers of C the products of rows of A with two
 * of B, all along the sum. What lies behind the last term is not looked at.
 */
export function defineDot(module: WatModule, rows: number): string {
  const name = `dot_${rows}`;
  if (module.has(name)) return name;
  const locals = new Locals();
  locals.add("i32", "end", ...range(rows).map((r) => `a${r}`));
  const sums = range(rows).flatMap((r) => [0, 1].map((v) => ({ r, v, name: `c${r}_${v}` })));
  locals.add("v128", ...sums.map(({ name }) => name), "x0", "x1", "s", "mask");
  const term = (q: number, of = (value: string) => value): string[] => [
    set("x0", of(op("v128.load", `offset=${16 * q}`, get("b0")))),
    set("x1", of(op("v128.load", `offset=${16 * q}`, get("b1")))),
    ...range(rows).flatMap((r) => [
      set("s", of(op("v128.load", `offset=${16 * q}`, get(`a${r}`)))),
      ...[0, 1].map((v) => set(`c${r}_${v}`, module.madd(get("s"), get(`x${v}`), get(`c${r}_${v}`)))),
    ]),
  ];
  const advance = (fours: number): string[] =>
    [...range(rows).map((r) => `a${r}`), "b0", "b1"].map((pointer) => set(pointer, add(get(pointer), int(16 * fours))));
  const body = [
    ...range(rows).map((r) => set(`a${r}`, add(get("a"), op("i32.mul", get("aStep"), int(r))))),
    set("end", at(get("a0"), op("i32.and", get("terms"), int(-8)))),
    loop("turns", op("i32.lt_u", get("a0"), get("end")), [...term(0), ...term(1), ...advance(2)]),
    when(op("i32.and", get("terms"), int(4)), [...term(0), ...advance(1)]),
    when(op("i32.and", get("terms"), int(3)), [
      set("mask", firstLanes(op("i32.and", get("terms"), int(3)))),
      ...term(0, (value) => op("v128.and", value, get("mask"))),
    ]),
    ...sums.map(({ r, v, name }) => {
      const place = add(get("c"), op("i32.mul", get("cStep"), int(r)));
      const offset = `offset=${4 * v}`;
      return op("f32.store", offset, place, op("f32.add", op("f32.load", offset, place), sumOfLanes(get(name))));
    }),
  ];
  return module.define(
    name,
    `(func $${name} ${parameters("a", "aStep", "b0", "b1", "c", "cStep", "terms")} ${locals}
${body.join("\n")})`,
  );
}
