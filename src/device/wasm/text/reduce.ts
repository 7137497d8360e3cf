/**
 * Sums and maxima over axes. What is reduced is computed on the fly, so a normalised picture, say, is never stored.
 *
 * Where the last axis is reduced, an output is folded row by row into vectors. Where it is kept, a run of outputs is
 * held in scratch and every row of elements is added to it. An output of many elements is reduced in parts, whose
 * results a second job combines, always in the same order.
 *
 * @module
 */

import { collapse } from "../../../../kernels/reduce.ts";
import type { Node } from "../../../graph/graph.ts";
import type { FusedStep } from "../../../graph/fused_step.ts";
import type { WrittenJob, WrittenStep } from "../written.ts";
import { WatModule } from "./module.ts";
import { defineEmit, defineRange, maskPart, type Sink, storePart } from "./range.ts";
import { add, at, count, four, get, int, least, literal, Locals, loop, mul, op, set } from "./wat.ts";

/** Elements of a chunk. */
const IN_CHUNK = 2 ** 15;

/** Chunks that are enough for all threads. */
const ENOUGH_CHUNKS = 32;

/** Outputs in a run, where the last axis is kept. */
const MOST_IN_RUN = 512;
const LEAST_IN_RUN = 32;

/** How two numbers are combined. */
interface Reduction {
  readonly identity: number;
  readonly combine: "add" | "max";
}

const reductions: Readonly<Record<string, Reduction>> = {
  sum: { identity: 0, combine: "add" },
  // In WebAssembly a NaN is the maximum.
  max: { identity: -3.4028234663852886e38, combine: "max" },
};

/** Sizes of a reduction: axes kept and reduced in turn, and in how many parts an output is reduced. */
interface Sizes {
  readonly r0: number;
  readonly k1: number;
  readonly r1: number;
  readonly k2: number;
  readonly outputs: number;
  readonly parts: number;
  /** Elements of an output, or rows of a run of them, in a part. */
  readonly perPart: number;
}

/** What the jobs share. */
interface Writing {
  readonly step: FusedStep;
  readonly roots: readonly Node[];
  readonly reduction: Reduction;
  readonly sizes: Sizes;
  readonly relaxed: boolean;
}

/** The jobs of reductions, of which several are equal calls. */
export function writeReduce(step: FusedStep, relaxed: boolean): WrittenStep {
  const [{ kernel }] = step.kernels;
  const roots = step.kernels.map(({ kernel, prologue }) => prologue.get(0) ?? kernel.inputs[0]);
  const [k0, r0, k1, r1, k2] = collapse(kernel.inputs[0].shape, kernel.attrs.axes as readonly number[])!;
  const outputs = k0 * k1 * k2;
  const reduced = r0 * r1;
  const few = Math.ceil(ENOUGH_CHUNKS / (k2 === 1 ? outputs : Math.ceil(outputs / LEAST_IN_RUN)));
  const parts = Math.max(
    1,
    Math.min(few, Math.floor(reduced * Math.min(outputs, k2 === 1 ? 1 : LEAST_IN_RUN) / IN_CHUNK)),
  );
  const sizes = { r0, k1, r1, k2, outputs, parts: 1, perPart: reduced };
  if (parts > 1) {
    const perPart = Math.ceil(reduced / parts);
    Object.assign(sizes, { perPart, parts: Math.ceil(reduced / perPart) });
  }
  const writing = { step, roots, reduction: reductions[kernel.op], sizes, relaxed };
  const first = k2 === 1 ? writeFold(writing) : writeRuns(writing);
  if (sizes.parts === 1) return { jobs: [first] };
  return { jobs: [first, writeCombine(writing)], workspace: 4 * sizes.parts * outputs * roots.length };
}

/** Where results of outputs from local `o` on go from scratch. */
function giveOut(module: WatModule, { step, roots, sizes: { parts, outputs } }: Writing, inScratch: number): string[] {
  const source = (k: number) => add(get("scratch"), int(4 * k * inScratch));
  if (parts > 1) {
    const place = (k: number) =>
      at(
        module.arg({ workspace: 0 }, "parts"),
        add(mul(add(get("part"), int(k * parts)), module.arg(outputs, "outputs")), get("o")),
      );
    return roots.map((_, k) => `(memory.copy ${place(k)} ${source(k)} ${op("i32.shl", get("length"), int(2))})`);
  }
  if (roots.length === 1) {
    return [`(call $${defineEmit(module, step)} ${get("o")} ${add(get("o"), get("length"))} ${source(0)})`];
  }
  return step.writes.map((write, k) =>
    `(memory.copy ${at(module.arg({ tensor: write }, "out"), get("o"))} ${source(k)} ${
      op("i32.shl", get("length"), int(2))
    })`
  );
}

/** The last axis is reduced. */
function writeFold(writing: Writing): WrittenJob {
  const { step, roots, reduction: { identity, combine }, sizes: { r0, k1, r1, outputs, parts, perPart }, relaxed } =
    writing;
  const module = new WatModule(relaxed);
  const vector = (a: string, b: string) => op(`f32x4.${combine}`, a, b);
  const scalar = (a: string, b: string) => op(`f32.${combine}`, a, b);
  const held = (k: number, lane: number) => `total${k}_${lane}`;
  const lanes = [0, 1, 2, 3];
  const sink: Sink = {
    signature: `(result${" f32".repeat(roots.length)})`,
    begin: (locals) =>
      roots.flatMap((_, k) =>
        lanes.map((lane) => {
          locals.add("v128", held(k, lane));
          return set(held(k, lane), four(identity));
        })
      ),
    whole: (values, lane) => values.map((value, k) => set(held(k, lane), vector(get(held(k, lane)), value))),
    part: (values) =>
      values.map((value, k) => set(held(k, 0), vector(get(held(k, 0)), maskPart(value, four(identity))))),
    end: () => [
      ...roots.map((_, k) =>
        set(
          held(k, 0),
          vector(vector(get(held(k, 0)), get(held(k, 1))), vector(get(held(k, 2)), get(held(k, 3)))),
        )
      ),
      ...roots.map((_, k) => {
        const one = (lane: number) => op("f32x4.extract_lane", lane, get(held(k, 0)));
        return scalar(scalar(one(0), one(1)), scalar(one(2), one(3)));
      }),
    ],
  };
  const fold = defineRange(module, { name: "fold", step, roots, shape: roots[0].shape, sink });
  const inChunk = parts > 1 ? 1 : Math.max(1, Math.min(4096, Math.floor(IN_CHUNK / (r0 * r1))));
  const number = (name: string, value: number) => module.arg(value, name);
  const locals = new Locals();
  locals.add("i32", "o", "q", "length", "part", "u", "end", "row", "column", "first", "run");
  roots.forEach((_, k) => locals.add("f32", `sum${k}`, `value${k}`));
  const body = [
    ...parts > 1
      ? [
        set("o", op("i32.div_u", get("chunk"), number("parts", parts))),
        set("part", op("i32.rem_u", get("chunk"), number("parts", parts))),
        set("length", int(1)),
      ]
      : [
        set("o", mul(get("chunk"), number("inChunk", inChunk))),
        set(
          "length",
          op("i32.sub", least(add(get("o"), number("inChunk", inChunk)), number("outputs", outputs)), get("o")),
        ),
      ],
    count("q", int(0), get("length"), [
      ...roots.map((_, k) => `(local.set $sum${k} (f32.const ${literal(identity)}))`),
      set("u", mul(get("part"), number("perPart", perPart))),
      set("end", least(add(get("u"), number("perPart", perPart)), number("reduced", r0 * r1))),
      loop("elements", op("i32.lt_u", get("u"), get("end")), [
        set("row", op("i32.div_u", get("u"), number("r1", r1))),
        set("column", op("i32.rem_u", get("u"), number("r1", r1))),
        set("run", least(op("i32.sub", number("r1", r1), get("column")), op("i32.sub", get("end"), get("u")))),
        set("first", op("i32.div_u", add(get("o"), get("q")), number("k1", k1))),
        set("first", mul(add(mul(get("first"), number("r0", r0)), get("row")), number("k1", k1))),
        set("first", add(get("first"), op("i32.rem_u", add(get("o"), get("q")), number("k1", k1)))),
        set("first", add(mul(get("first"), number("r1", r1)), get("column"))),
        `(call $${fold} ${get("first")} ${add(get("first"), get("run"))})`,
        ...roots.map((_, k) => `(local.set $value${roots.length - 1 - k})`),
        ...roots.map((_, k) => set(`sum${k}`, scalar(get(`sum${k}`), get(`value${k}`)))),
        set("u", add(get("u"), get("run"))),
      ]),
      ...roots.map((_, k) =>
        op("f32.store", `offset=${4 * k * inChunk}`, at(get("scratch"), get("q")), get(`sum${k}`))
      ),
    ]),
    ...giveOut(module, writing, inChunk),
  ];
  return module.job(parts > 1 ? outputs * parts : Math.ceil(outputs / inChunk), `${locals}`, body);
}

/** The last axis is kept. */
function writeRuns(writing: Writing): WrittenJob {
  const { step, roots, reduction: { identity, combine }, sizes: { r0, k1, r1, k2, outputs, parts, perPart }, relaxed } =
    writing;
  const module = new WatModule(relaxed);
  const run = runOf(k2, outputs / k2 * parts);
  const place = (k: number) => add(get("held"), int(4 * k * run), get("offset"));
  const sink: Sink = {
    signature: "(param $held i32)",
    // Element `begin` is the first that is held.
    begin: () => [set("held", op("i32.sub", get("held"), op("i32.shl", get("begin"), int(2))))],
    whole: (values, lane) =>
      values.map((value, k) => {
        const old = op("v128.load", `offset=${16 * lane}`, place(k));
        return op("v128.store", `offset=${16 * lane}`, place(k), op(`f32x4.${combine}`, old, value));
      }),
    part: (values) =>
      values.flatMap((value, k) => storePart(place(k), op(`f32x4.${combine}`, op("v128.load", place(k)), value))),
  };
  const gather = defineRange(module, { name: "gather", step, roots, shape: roots[0].shape, sink });
  const runs = Math.ceil(k2 / run);
  const number = (name: string, value: number) => module.arg(value, name);
  const locals = new Locals();
  locals.add("i32", "o", "length", "part", "u", "end", "first", "kept", "column", "q");
  const body = [
    set("column", mul(op("i32.rem_u", get("chunk"), number("runs", runs)), number("run", run))),
    set("kept", op("i32.div_u", get("chunk"), number("runs", runs))),
    set("part", op("i32.rem_u", get("kept"), number("parts", parts))),
    set("kept", op("i32.div_u", get("kept"), number("parts", parts))),
    set("length", op("i32.sub", least(add(get("column"), number("run", run)), number("k2", k2)), get("column"))),
    set("o", add(mul(get("kept"), number("k2", k2)), get("column"))),
    count("q", int(0), int(run * roots.length), [
      op("v128.store", at(get("scratch"), get("q")), four(identity)),
    ], 4),
    set("u", mul(get("part"), number("perPart", perPart))),
    set("end", least(add(get("u"), number("perPart", perPart)), number("reduced", r0 * r1))),
    count("u", get("u"), get("end"), [
      set("first", op("i32.div_u", get("kept"), number("k1", k1))),
      set(
        "first",
        mul(add(mul(get("first"), number("r0", r0)), op("i32.div_u", get("u"), number("r1", r1))), number("k1", k1)),
      ),
      set("first", add(get("first"), op("i32.rem_u", get("kept"), number("k1", k1)))),
      set("first", add(mul(get("first"), number("r1", r1)), op("i32.rem_u", get("u"), number("r1", r1)))),
      set("first", add(mul(get("first"), number("k2", k2)), get("column"))),
      `(call $${gather} ${get("first")} ${add(get("first"), get("length"))} ${get("scratch")})`,
    ]),
    ...giveOut(module, writing, run),
  ];
  return module.job(runs * parts * outputs / k2, `${locals}`, body);
}

/** Outputs of a run: as many as leave enough runs, in whole fours. */
function runOf(k2: number, others: number): number {
  const wanted = Math.ceil(k2 / Math.max(1, Math.ceil(ENOUGH_CHUNKS / others)));
  const most = Math.min(MOST_IN_RUN, Math.max(LEAST_IN_RUN, wanted));
  return 4 * Math.ceil(Math.min(k2, most) / 4);
}

/** Combines the parts of every output. */
function writeCombine(writing: Writing): WrittenJob {
  const { roots, reduction: { identity, combine }, sizes, relaxed } = writing;
  const { parts, outputs } = sizes;
  const module = new WatModule(relaxed);
  const number = (name: string, value: number) => module.arg(value, name);
  const inChunk = Math.min(outputs, 4096);
  const locals = new Locals();
  locals.add("i32", "o", "length", "q", "p");
  locals.add("f32", "sum");
  const part = (k: number) =>
    at(
      module.arg({ workspace: 0 }, "parts"),
      add(mul(add(get("p"), int(k * parts)), number("outputs", outputs)), get("o"), get("q")),
    );
  const body = [
    set("o", mul(get("chunk"), number("inChunk", inChunk))),
    set(
      "length",
      op("i32.sub", least(add(get("o"), number("inChunk", inChunk)), number("outputs", outputs)), get("o")),
    ),
    ...roots.map((_, k) =>
      count("q", int(0), get("length"), [
        `(local.set $sum (f32.const ${literal(identity)}))`,
        count("p", int(0), number("parts", parts), [
          set("sum", op(`f32.${combine}`, get("sum"), op("f32.load", part(k)))),
        ]),
        op("f32.store", `offset=${4 * k * inChunk}`, at(get("scratch"), get("q")), get("sum")),
      ])
    ),
    ...giveOut(module, { ...writing, sizes: { ...sizes, parts: 1 } }, inChunk),
  ];
  return module.job(Math.ceil(outputs / inChunk), `${locals}`, body);
}
