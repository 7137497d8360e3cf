/**
 * Copies of numbers that need not be neighbours.
 *
 * @module
 */

import type { WatModule } from "./module.ts";
import { add, get, int, loop, op, parameters, set, when } from "./wat.ts";

/** Defines `spaced(to, toStep, from, fromStep, length)`: copies numbers so many bytes apart. */
export function defineSpaced(module: WatModule): string {
  const move = [
    op("f32.store", get("to"), op("f32.load", get("from"))),
    set("to", add(get("to"), get("toStep"))),
    set("from", add(get("from"), get("fromStep"))),
    set("length", op("i32.sub", get("length"), int(1))),
  ];
  return module.define(
    "spaced",
    `(func $spaced ${parameters("to", "toStep", "from", "fromStep", "length")}
${
      when(op("i32.and", op("i32.eq", get("toStep"), int(4)), op("i32.eq", get("fromStep"), int(4))), [
        loop("fours", op("i32.ge_s", get("length"), int(4)), [
          op("v128.store", get("to"), op("v128.load", get("from"))),
          set("to", add(get("to"), int(16))),
          set("from", add(get("from"), int(16))),
          set("length", op("i32.sub", get("length"), int(4))),
        ]),
      ])
    }
${loop("ones", op("i32.gt_s", get("length"), int(0)), move)})`,
  );
}
