/**
 * Bringing operands of products into panels: the numbers that a tile takes for one term of the sum, side by side.
 *
 * @module
 */

import { transposeVectors, VECTOR_LOCALS } from "../copy.ts";
import type { WatModule } from "../module.ts";
import { add, count, get, int, least, loop, mul, op, parameters, set } from "../wat.ts";

/**
 * Defines `panels(to, from, step, terms, width)`: of each term, `step` bytes apart, `width` numbers lie side by side.
 * They come into panels of `side` numbers a term; the last may be filled with what lies behind.
 */
export function definePanels(module: WatModule, side: 4 | 8): string {
  const name = `panels${side}`;
  if (module.has(name)) return name;
  const vectors = side === 8 ? [0, 16] : [0];
  return module.define(
    name,
    `(func $${name} ${parameters("to", "from", "step", "terms", "width")}
(local $k i32) (local $s i32) (local $d i32) (local $end i32)
${
      count("k", int(0), get("terms"), [
        set("s", get("from")),
        set("d", add(get("to"), op("i32.mul", get("k"), int(4 * side)))),
        set("end", add(get("s"), op("i32.shl", get("width"), int(2)))),
        loop("copy", op("i32.lt_u", get("s"), get("end")), [
          ...vectors.map((offset) =>
            op("v128.store", `offset=${offset}`, get("d"), op("v128.load", `offset=${offset}`, get("s")))
          ),
          set("s", add(get("s"), int(4 * side))),
          set("d", add(get("d"), op("i32.mul", get("terms"), int(4 * side)))),
        ]),
        set("from", add(get("from"), get("step"))),
      ])
    })`,
  );
}

/**
 * Defines `turned(to, from, step, terms, width)`: the same of an operand whose terms lie side by side, `step` bytes
 * from one of `width` to the next, in blocks of 4 × 4. What fills the last panel is its last column again. What is
 * written past the last term is written again by the next panel.
 */
export function defineTurned(module: WatModule): string {
  const lanes = [0, 1, 2, 3];
  const first = add(
    get("to"),
    mul(mul(op("i32.shr_u", get("w"), int(3)), get("terms")), int(32)),
    op("i32.shl", op("i32.and", get("w"), int(7)), int(2)),
  );
  const last = op("i32.sub", get("width"), int(1));
  const locals = ["w", "k", "d", ...lanes.map((lane) => `s${lane}`)].map((name) => `(local $${name} i32)`);
  return module.define(
    "turned8",
    `(func $turned8 ${parameters("to", "from", "step", "terms", "width")} ${[...locals, VECTOR_LOCALS].join(" ")}
${
      count("w", int(0), op("i32.and", add(get("width"), int(7)), int(-8)), [
        ...lanes.map((lane) =>
          set(`s${lane}`, add(get("from"), mul(least(add(get("w"), int(lane)), last), get("step"))))
        ),
        set("d", first),
        count("k", int(0), get("terms"), [
          ...lanes.map((lane) => set(`v${lane}`, op("v128.load", get(`s${lane}`)))),
          ...transposeVectors(),
          ...lanes.map((lane) => op("v128.store", `offset=${32 * lane}`, get("d"), get(`v${lane}`))),
          ...lanes.map((lane) => set(`s${lane}`, add(get(`s${lane}`), int(16)))),
          set("d", add(get("d"), int(128))),
        ], 4),
      ], 4)
    })`,
  );
}
