/**
 * Numbers in other places: permutations, boxes, zeros around, and tensors behind each other. Rows are copied whole
 * where they are rows in the source too, and in blocks of 4 × 4 where its rows become columns.
 *
 * @module
 */

import { opNamed } from "../../../../kernels/mod.ts";
import { callOf, storageOf } from "../../../graph/graph.ts";
import type { FusedStep } from "../../../graph/fused_step.ts";
import type { WrittenStep } from "../written.ts";
import { defineSpaced, transposeVectors } from "./copy.ts";
import { WatModule } from "./module.ts";
import { add, at, count, get, int, least, Locals, loop, mul, op, set, when } from "./wat.ts";

/** Numbers of a chunk. */
const IN_CHUNK = 2 ** 15;

/** A module being written for one kernel, with what all of them need. */
function begin(step: FusedStep, relaxed: boolean) {
  const [{ kernel }] = step.kernels;
  const module = new WatModule(relaxed);
  const locals = new Locals();
  locals.add("i32", "unit", "rest", "index", "to", "from");
  return {
    ...{ module, locals },
    sizes: opNamed(kernel.op).kernel!.params(callOf(kernel)),
    operand: (k: number) => module.arg({ tensor: storageOf(kernel.inputs[k]) }, `x${k}`),
    out: module.arg({ tensor: step.writes[0] }, "out"),
    number: (name: string, value: number) => module.arg(value, name),
  };
}

/** The job that does `body` for every `unit`, each of so many numbers. */
function overUnits(
  module: WatModule,
  locals: Locals,
  units: number,
  numbers: number,
  body: readonly string[],
): WrittenStep {
  const inChunk = Math.max(1, Math.floor(IN_CHUNK / numbers));
  const each = module.arg(inChunk, "chunk");
  const last = least(mul(add(get("chunk"), int(1)), each), module.arg(units, "units"));
  return {
    jobs: [module.job(Math.ceil(units / inChunk), `${locals}`, [count("unit", mul(get("chunk"), each), last, body)])],
  };
}

/** An axis of a copy: its size, and how far apart its numbers are in source and result. */
interface CopyAxis {
  readonly size: number;
  readonly from: number;
  readonly to: number;
}

/** Axes of a kernel's parameters, outermost first. */
function axesOf(sizes: Readonly<Record<string, number>>): CopyAxis[] {
  const axes: CopyAxis[] = [];
  let to = 1;
  for (let axis = 5; axis >= 0; axis--) {
    const size = sizes[`size${axis}`];
    if (size > 1 || axis === 5) axes.unshift({ size, from: sizes[`stride${axis}`], to });
    to *= size;
  }
  return axes;
}

/** `permute` and `slice`. */
export function writeStrided(step: FusedStep, relaxed: boolean): WrittenStep {
  const { module, locals, sizes, operand, out, number } = begin(step, relaxed);
  const axes = axesOf(sizes);
  const row = axes.pop()!;
  // The axis along which the source has neighbours, where that is not the row.
  const unitAt = row.from === 1 || row.size < 4 ? -1 : axes.findIndex(({ from, size }) => from === 1 && size >= 4);
  const [unit] = unitAt < 0 ? [undefined] : axes.splice(unitAt, 1);
  const blocks = unit ? Math.ceil(unit.size / 4) : 1;
  const spaced = defineSpaced(module);
  const outer = axes.reduce((product, { size }) => product * size, 1);
  const start = [
    set("rest", get("unit")),
    set("from", number("offset", sizes.offset)),
    set("to", int(0)),
  ];
  const decode = [...axes.keys()].reverse().flatMap((axis, k) => {
    const { size, from, to } = axes[axis];
    const isLast = k === axes.length - 1;
    return [
      set("index", isLast ? get("rest") : op("i32.rem_u", get("rest"), number(`size ${axis}`, size))),
      ...isLast ? [] : [set("rest", op("i32.div_u", get("rest"), number(`size ${axis}`, size)))],
      set("from", add(get("from"), mul(get("index"), number(`from ${axis}`, from)))),
      set("to", add(get("to"), mul(get("index"), number(`to ${axis}`, to)))),
    ];
  });
  const addresses = [set("from", at(operand(0), get("from"))), set("to", at(out, get("to")))];
  const rowCall = (to: string, from: string) =>
    `(call $${spaced} ${to} (i32.const 4) ${from} ${number("row step", 4 * row.from)} ${number("row", row.size)})`;
  if (!unit) {
    return overUnits(module, locals, outer, row.size, [
      ...start,
      ...decode,
      ...addresses,
      rowCall(get("to"), get("from")),
    ]);
  }
  locals.add("i32", "first", "k", "r", "t0", "t1", "t2", "t3", "f");
  locals.add("v128", "v0", "v1", "v2", "v3", "w0", "w1", "w2", "w3");
  const rowStep = number("row step", 4 * row.from);
  const unitStep = number("unit step", 4 * unit.to);
  const lanes = [0, 1, 2, 3];
  const block = [
    set("t0", get("to")),
    ...[1, 2, 3].map((lane) => set(`t${lane}`, add(get(`t${lane - 1}`), unitStep))),
    set("f", get("from")),
    set("k", number("row", row.size)),
    loop("fours", op("i32.ge_s", get("k"), int(4)), [
      ...lanes.flatMap((lane) => [set(`v${lane}`, op("v128.load", get("f"))), set("f", add(get("f"), rowStep))]),
      ...transposeVectors(),
      ...lanes.flatMap((lane) => [
        op("v128.store", get(`t${lane}`), get(`v${lane}`)),
        set(`t${lane}`, add(get(`t${lane}`), int(16))),
      ]),
      set("k", op("i32.sub", get("k"), int(4))),
    ]),
    loop("ones", op("i32.gt_s", get("k"), int(0)), [
      ...lanes.flatMap((lane) => [
        op("f32.store", get(`t${lane}`), op("f32.load", `offset=${4 * lane}`, get("f"))),
        set(`t${lane}`, add(get(`t${lane}`), int(4))),
      ]),
      set("f", add(get("f"), rowStep)),
      set("k", op("i32.sub", get("k"), int(1))),
    ]),
  ];
  const rest = unit.size % 4;
  const singles = count("r", int(0), int(rest), [
    rowCall(add(get("to"), mul(get("r"), unitStep)), add(get("from"), op("i32.shl", get("r"), int(2)))),
  ]);
  const body = [
    ...start,
    set("first", op("i32.shl", op("i32.rem_u", get("rest"), number("blocks", blocks)), int(2))),
    set("rest", op("i32.div_u", get("rest"), number("blocks", blocks))),
    ...decode,
    set("from", add(get("from"), get("first"))),
    set("to", add(get("to"), mul(get("first"), number("unit to", unit.to)))),
    ...addresses,
    rest === 0
      ? block.join("\n")
      : when(op("i32.le_u", add(get("first"), int(4)), number("unit size", unit.size)), block, [singles]),
  ];
  return overUnits(module, locals, outer * blocks, 4 * row.size, body);
}

/** `pad`: a unit is a row of the result. */
export function writePad(step: FusedStep, relaxed: boolean): WrittenStep {
  const { module, locals, sizes, operand, out, number } = begin(step, relaxed);
  locals.add("i32", "isIn", "stride");
  const spaced = defineSpaced(module);
  const [size, before, inner] = [sizes.size3, sizes.before3, sizes.inner3];
  const outer = [2, 1, 0];
  const units = outer.reduce((product, axis) => product * sizes[`size${axis}`], 1);
  const body = [
    set("rest", get("unit")),
    set("isIn", int(1)),
    set("stride", number("inner", inner)),
    set("from", int(0)),
    ...outer.flatMap((axis) => [
      set(
        "index",
        op(
          "i32.sub",
          op("i32.rem_u", get("rest"), number(`size ${axis}`, sizes[`size${axis}`])),
          number(`before ${axis}`, sizes[`before${axis}`]),
        ),
      ),
      set("rest", op("i32.div_u", get("rest"), number(`size ${axis}`, sizes[`size${axis}`]))),
      // What lies before is a very large number without a sign.
      set(
        "isIn",
        op("i32.and", get("isIn"), op("i32.lt_u", get("index"), number(`inner ${axis}`, sizes[`inner${axis}`]))),
      ),
      set("from", add(get("from"), mul(get("index"), get("stride")))),
      set("stride", mul(get("stride"), number(`inner ${axis}`, sizes[`inner${axis}`]))),
    ]),
    set("to", at(out, mul(get("unit"), number("size", size)))),
    ...inner === size ? [] : [`(memory.fill ${get("to")} (i32.const 0) ${number("row bytes", 4 * size)})`],
    when(get("isIn"), [
      `(call $${spaced} ${add(get("to"), number("before", 4 * before))} (i32.const 4) ${
        at(operand(0), get("from"))
      } (i32.const 4) ${number("inner", inner)})`,
    ], inner === size ? [`(memory.fill ${get("to")} (i32.const 0) ${number("row bytes", 4 * size)})`] : []),
  ];
  return overUnits(module, locals, units, size, body);
}

/** `concatPair`: a unit is a row of both. */
export function writeConcat(step: FusedStep, relaxed: boolean): WrittenStep {
  const { module, locals, sizes, operand, out, number } = begin(step, relaxed);
  const { outer, aInner, bInner } = sizes;
  const spaced = defineSpaced(module);
  const copy = (to: string, k: number, length: string) =>
    `(call $${spaced} ${to} (i32.const 4) ${at(operand(k), mul(get("unit"), length))} (i32.const 4) ${length})`;
  const [a, b] = [number("a", aInner), number("b", bInner)];
  return overUnits(module, locals, outer, aInner + bInner, [
    set("to", at(out, mul(get("unit"), add(a, b)))),
    copy(get("to"), 0, a),
    copy(at(get("to"), a), 1, b),
  ]);
}
