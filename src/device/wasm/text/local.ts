/**
 * Products of each position with those around it (`kernels/local`), four positions of a row at a time. A row's last
 * four may go on into the next row: what they leave there is written after them, or masked. Windows that are several
 * positions apart are read with such steps.
 *
 * @module
 */

import { opNamed } from "../../../../kernels/mod.ts";
import { callOf, storageOf } from "../../../graph/graph.ts";
import type { FusedStep } from "../../../graph/fused_step.ts";
import { SCRATCH } from "../messages.ts";
import type { WrittenStep } from "../written.ts";
import { defineSpaced, loadSpaced } from "./copy.ts";
import { WatModule } from "./module.ts";
import { defineEmit } from "./range.ts";
import { add, at, count, firstLanes, get, int, Locals, mul, op, set } from "./wat.ts";

/** Larger windows run as JavaScript: their text would be long. */
const MOST_TAPS = 128;

/** So do windows further apart: the last four would look too far past their tensor. */
const MOST_STRIDE = 16;

/** Sums that stay in registers while a position's channels pass. */
const MOST_SUMS = 10;

/** A step's sizes, and what its writers share; undefined where windows are too large, or too far apart. */
function partsOf(step: FusedStep, relaxed: boolean) {
  const [{ kernel }] = step.kernels;
  const sizes = opNamed(kernel.op).kernel!.params(callOf(kernel));
  if (sizes.kernel ** 2 > MOST_TAPS || sizes.stride > MOST_STRIDE) return undefined;
  const module = new WatModule(relaxed);
  const [a, b] = kernel.inputs.map((input, k) => module.arg({ tensor: storageOf(input) }, `operand ${k}`));
  const locals = new Locals();
  locals.add("i32", "i", "j", "d", "from", "to", "first");
  locals.add("v128", "x");
  const [pixels, whole] = [sizes.outHeight * sizes.outWidth, sizes.height * sizes.width];
  const named = sizes as Record<
    "depth" | "kernel" | "stride" | "planes" | "outHeight" | "outWidth" | "height" | "width",
    number
  >;
  return { ...named, pixels, whole, module, a, b, locals, step };
}

type Parts = NonNullable<ReturnType<typeof partsOf>>;

/**
 * Fours of positions: local `p` is the first's place among all, `seen` its place in the map that is looked at.
 *
 * @param down How far apart rows are in that map, and `across` columns.
 */
function overPositions(
  { outHeight, outWidth, locals }: Parts,
  { down, across }: Readonly<Record<"down" | "across", number>>,
  body: readonly string[],
): string {
  locals.add("i32", "p", "seen");
  return count("i", int(0), int(outHeight), [
    count("j", int(0), int(outWidth), [
      set("p", add(mul(get("i"), int(outWidth)), get("j"))),
      set("seen", add(mul(get("i"), int(down)), mul(get("j"), int(across)))),
      ...body,
    ], 4),
  ]);
}

/** Steps of windows in the map as it is stored. */
const inMap = ({ stride, width }: Parts) => ({ down: stride * width, across: stride });

/** Emits `length` numbers from `first` on, which lie at `from`. */
const emitted = ({ module, step }: Parts, first: string, length: number, from: string): string =>
  `(call $${defineEmit(module, step)} ${first} ${add(first, int(length))} ${from})`;

const taps = (kernel: number): number[] => Array.from({ length: kernel }, (_, k) => k);

/** The job of `localScores`: a chunk is a row of the window, for one plane. */
export function writeLocalScores(step: FusedStep, relaxed: boolean): WrittenStep | undefined {
  const parts = partsOf(step, relaxed);
  if (!parts) return undefined;
  const { depth, kernel, stride, planes, pixels, whole, width, module, a, b, locals } = parts;
  // The last four of a plane look past it.
  const pitch = pixels + 4;
  if (kernel > MOST_SUMS || 4 * kernel * pitch > SCRATCH) return undefined;
  const sums = taps(kernel);
  locals.add("i32", "plane", "r", "k");
  locals.add("v128", ...sums.map((c) => `s${c}`));
  const body = [
    set("plane", op("i32.div_u", get("chunk"), int(kernel))),
    set("r", op("i32.rem_u", get("chunk"), int(kernel))),
    overPositions(parts, inMap(parts), [
      ...sums.map((c) => set(`s${c}`, module.four(0))),
      set("from", at(a, add(mul(get("plane"), int(depth * pixels)), get("p")))),
      set("k", at(b, add(mul(get("plane"), int(depth * whole)), mul(get("r"), int(width)), get("seen")))),
      count("d", int(0), int(depth), [
        set("x", op("v128.load", get("from"))),
        ...sums.map((c) => set(`s${c}`, module.madd(get("x"), loadSpaced(stride, 4 * c, get("k")), get(`s${c}`)))),
        set("from", add(get("from"), int(4 * pixels))),
        set("k", add(get("k"), int(4 * whole))),
      ]),
      set("to", at(get("scratch"), get("p"))),
      ...sums.map((c) => op("v128.store", `offset=${4 * c * pitch}`, get("to"), get(`s${c}`))),
    ]),
    ...sums.map((c) =>
      emitted(
        parts,
        mul(add(mul(get("chunk"), int(kernel)), int(c)), int(pixels)),
        pixels,
        add(get("scratch"), int(4 * c * pitch)),
      )
    ),
  ];
  return { jobs: [module.job(planes * kernel, `${locals}`, body)] };
}

/** The job of `localSum`: a chunk is a channel. */
export function writeLocalSum(step: FusedStep, relaxed: boolean): WrittenStep | undefined {
  const parts = partsOf(step, relaxed);
  if (!parts) return undefined;
  const { depth, kernel, stride, planes, pixels, whole, width, module, a, b, locals } = parts;
  if (4 * pixels + 16 > SCRATCH) return undefined;
  locals.add("v128", "total");
  locals.add("i32", "v");
  const body = [
    set("first", mul(op("i32.div_u", get("chunk"), int(depth)), int(kernel ** 2 * pixels))),
    overPositions(parts, inMap(parts), [
      set("total", module.four(0)),
      set("from", at(a, add(get("first"), get("p")))),
      set("v", at(b, add(mul(get("chunk"), int(whole)), get("seen")))),
      ...taps(kernel).flatMap((r) =>
        taps(kernel).map((c) =>
          set(
            "total",
            module.madd(
              op("v128.load", `offset=${4 * (r * kernel + c) * pixels}`, get("from")),
              loadSpaced(stride, 4 * (r * width + c), get("v")),
              get("total"),
            ),
          )
        )
      ),
      op("v128.store", at(get("scratch"), get("p")), get("total")),
    ]),
    emitted(parts, mul(get("chunk"), int(pixels)), pixels, get("scratch")),
  ];
  return { jobs: [module.job(planes * depth, `${locals}`, body)] };
}

/**
 * The job of `localSpread`: a chunk is a channel, to which each position adds its window. Where windows are apart, a
 * tap's positions are put together by their remainders in maps of their own, and the channel is made of those.
 */
export function writeLocalSpread(step: FusedStep, relaxed: boolean): WrittenStep | undefined {
  const parts = partsOf(step, relaxed);
  if (!parts) return undefined;
  const { depth, kernel, stride, planes, outWidth, pixels, height, width, whole, module, a, b, locals } = parts;
  const [down, across] = [height, width].map((size) => Math.ceil(size / stride));
  // Place of row r and column c of a window in the maps of their remainders.
  const placeOf = (r: number, c: number) =>
    (r % stride * stride + c % stride) * down * across + Math.floor(r / stride) * across + Math.floor(c / stride);
  // A row's last four may lie past the last row.
  const bytes = 4 * (stride ** 2 * down * across + 4);
  const joined = stride === 1 ? 0 : bytes;
  if (joined + 4 * whole > SCRATCH || bytes > SCRATCH) return undefined;
  locals.add("v128", "mask");
  locals.add("i32", "zero");
  const body = [
    count("zero", get("scratch"), add(get("scratch"), int(bytes - 12)), [
      op("v128.store", get("zero"), module.four(0)),
    ], 16),
    set("first", mul(op("i32.div_u", get("chunk"), int(depth)), int(kernel ** 2 * pixels))),
    overPositions(parts, { down: across, across: 1 }, [
      set("mask", firstLanes(op("i32.sub", int(outWidth), get("j")))),
      set("x", op("v128.and", get("mask"), op("v128.load", at(b, add(mul(get("chunk"), int(pixels)), get("p")))))),
      set("from", at(a, add(get("first"), get("p")))),
      set("to", at(get("scratch"), get("seen"))),
      ...taps(kernel).flatMap((r) =>
        taps(kernel).map((c) => {
          const place = `offset=${4 * placeOf(r, c)}`;
          const weights = op("v128.load", `offset=${4 * (r * kernel + c) * pixels}`, get("from"));
          return op(
            "v128.store",
            place,
            get("to"),
            // Both are masked: what lies behind a row may be no number.
            module.madd(get("x"), op("v128.and", get("mask"), weights), op("v128.load", place, get("to"))),
          );
        })
      ),
    ]),
    ...stride === 1 ? [] : join(parts, across, placeOf, joined),
    emitted(parts, mul(get("chunk"), int(whole)), whole, add(get("scratch"), int(joined))),
  ];
  return { jobs: [module.job(planes * depth, `${locals}`, body)] };
}

/** Puts rows together, `to` bytes behind scratch, of maps `across` wide that hold every `stride`-th row and column. */
function join(
  { stride, height, width, module, locals }: Parts,
  across: number,
  placeOf: (r: number, c: number) => number,
  to: number,
): string[] {
  const spaced = defineSpaced(module);
  locals.add("i32", "h");
  return taps(stride).flatMap((r) => [
    set("from", get("scratch")),
    count("h", int(r), int(height), [
      set("to", add(get("scratch"), int(to), mul(get("h"), int(4 * width)))),
      ...taps(stride).map((c) =>
        `(call $${spaced} ${add(get("to"), int(4 * c))} ${int(4 * stride)} ${
          add(get("from"), int(4 * placeOf(r, c)))
        } (i32.const 4) ${int(Math.ceil((width - c) / stride))})`
      ),
      set("from", add(get("from"), int(4 * across))),
    ], stride),
  ]);
}
