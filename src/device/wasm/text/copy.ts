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

/** Four of the eight numbers of two vectors. */
const fourOf = (a: string, b: string, lanes: readonly number[]): string =>
  `(i8x16.shuffle ${lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)).join(" ")} ${a} ${b})`;

/** Four of the eight numbers of locals a and b. */
const pick = (a: string, b: string, lanes: readonly number[]): string => fourOf(get(a), get(b), lanes);

const [LOW, HIGH] = [[0, 4, 1, 5], [2, 6, 3, 7]];
const [EVEN, ODD] = [[0, 2, 4, 6], [1, 3, 5, 7]];

/** Four numbers that are `step` apart, the first so many bytes behind `address`; up to 3 · step behind it are read. */
export function loadSpaced(step: number, offset: number, address: string): string {
  const load = (k: number) => op("v128.load", `offset=${offset + 4 * k}`, address);
  if (step === 1) return load(0);
  if (step === 2) return fourOf(load(0), load(3), [0, 2, 5, 7]);
  const first = op("v128.load32_splat", `offset=${offset}`, address);
  return [1, 2, 3].reduce(
    (four, lane) => op("v128.load32_lane", `offset=${offset + 4 * step * lane}`, lane, address, four),
    first,
  );
}

/** Declarations of the locals of {@link transposeVectors} and of {@link apart}. */
export const VECTOR_LOCALS: string = [0, 1, 2, 3].map((k) => `(local $v${k} v128) (local $w${k} v128)`).join(" ");

/** Lines that make rows of the columns of the block of 4 × 4 in locals `v0` to `v3`; they use `w0` to `w3`. */
export function transposeVectors(): string[] {
  const [left, right] = [[0, 1, 4, 5], [2, 3, 6, 7]];
  return [
    ...[["w0", "v0", "v1", LOW], ["w1", "v0", "v1", HIGH], ["w2", "v2", "v3", LOW], ["w3", "v2", "v3", HIGH]] as const,
    ...[["v0", "w0", "w2", left], ["v1", "w0", "w2", right]] as const,
    ...[["v2", "w1", "w3", left], ["v3", "w1", "w3", right]] as const,
  ].map(([name, a, b, lanes]) => set(name, pick(a, b, lanes)));
}

/** Lines that part the eight numbers of locals `v0` and `v1` into every second one, and the others; or join them. */
export function apart(isJoined: boolean): string[] {
  const [first, second] = isJoined ? [LOW, HIGH] : [EVEN, ODD];
  return [set("w0", pick("v0", "v1", first)), set("v1", pick("v0", "v1", second)), set("v0", get("w0"))];
}
