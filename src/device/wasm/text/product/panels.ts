/**
 * Bringing operands of products into panels: the numbers that a tile takes for one term of the sum, side by side.
 *
 * @module
 */

import type { WatModule } from "../module.ts";
import { add, count, get, int, loop, op, parameters, set } from "../wat.ts";

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
 * from one of `width` to the next. What fills the last panel is 0.
 */
export function defineTurned(module: WatModule): string {
  const name = "turned8";
  if (module.has(name)) return name;
  const place = add(
    get("to"),
    op("i32.mul", op("i32.mul", op("i32.shr_u", get("w"), int(3)), get("terms")), int(32)),
    op("i32.shl", op("i32.and", get("w"), int(7)), int(2)),
  );
  return module.define(
    name,
    `(func $${name} ${parameters("to", "from", "step", "terms", "width")}
(local $k i32) (local $w i32) (local $s i32) (local $d i32)
${
      count("w", int(0), op("i32.and", add(get("width"), int(7)), int(-8)), [
        set("s", add(get("from"), op("i32.mul", get("w"), get("step")))),
        set("d", place),
        count("k", int(0), get("terms"), [
          op(
            "f32.store",
            get("d"),
            op(
              "if",
              "(result f32)",
              op("i32.lt_u", get("w"), get("width")),
              `(then ${op("f32.load", get("s"))})`,
              "(else (f32.const 0))",
            ),
          ),
          set("s", add(get("s"), int(4))),
          set("d", add(get("d"), int(32))),
        ]),
      ])
    })`,
  );
}
