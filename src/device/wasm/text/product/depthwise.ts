/**
 * Convolutions of each channel by itself, and their gradients with respect to the input. There is no sum over channels
 * that a product could share: every number is a few taps of one picture. A chunk brings the pictures of some channels
 * into scratch, one after the other, with zeros around them (`../picture/window.ts`), and puts what becomes of them
 * side by side, as it lies in memory. So the way out goes over a long range.
 *
 * @module
 */

import { isDepthwise } from "../../../../../kernels/conv/conv_window.ts";
import { opNamed } from "../../../../../kernels/mod.ts";
import { callOf, storageOf } from "../../../../graph/graph.ts";
import type { FusedStep } from "../../../../graph/fused_step.ts";
import { BLOCK_BYTES } from "../../messages.ts";
import type { WrittenStep } from "../../written.ts";
import { WatModule } from "../module.ts";
import { defineEmit } from "../range.ts";
import { add, at, count, get, int, least, Locals, loop, mul, op, parameters, set } from "../wat.ts";
import { evenPart, wholes } from "./blocks.ts";
import { defineStage, type Planes, planesOf, tapOffsets, type Window } from "../picture/window.ts";

/** Numbers of a chunk, where pictures have so many. */
const NUMBERS_WANTED = 4096;

/** Vectors of a tile: sums that stay in registers while a tap passes. */
const VECTORS = 4;

/** A tile of the result: some rows of some vectors. Its columns are no more than the picture's, where that can be. */
const tileOf = (outWidth: number) => {
  const vectors = outWidth >= 16 ? 4 : outWidth > 4 ? 2 : 1;
  return { rows: VECTORS / vectors, vectors, columns: 4 * vectors };
};

/** Defines `tiles(planes, taps, to, rows)`: so many rows of one picture's result, one after the other. */
function defineTiles(module: WatModule, window: Window, planes: Planes, planeBytes: number): string {
  const { outWidth } = window;
  const { rows, vectors, columns } = tileOf(outWidth);
  const parts = Array.from({ length: rows }, (_, r) => Array.from({ length: vectors }, (_, v) => ({ r, v }))).flat();
  const locals = new Locals();
  locals.add("i32", "row", "j", "from", "at");
  locals.add("v128", "tap", ...parts.map(({ r, v }) => `sum${r}_${v}`));
  // The last tile of a row ends with it. A row below a tile's columns runs into the next, which is written after it.
  const lastTile = Math.max(0, outWidth - columns);
  const body = count("row", int(0), get("rows"), [
    set("j", int(0)),
    loop("tiles", op("i32.ge_s", get("j"), int(0)), [
      set("from", at(get("planes"), add(mul(get("row"), int(planes.width)), get("j")))),
      set("at", at(get("to"), add(mul(get("row"), int(outWidth)), get("j")))),
      ...tapOffsets(window, planes, planeBytes).flatMap((offset, tap) => [
        set("tap", op("v128.load32_splat", `offset=${4 * tap}`, get("taps"))),
        ...parts.map(({ r, v }) => {
          const x = op("v128.load", `offset=${offset + 4 * r * planes.width + 16 * v}`, get("from"));
          const sum = `sum${r}_${v}`;
          return set(sum, tap === 0 ? op("f32x4.mul", get("tap"), x) : module.madd(get("tap"), x, get(sum)));
        }),
      ]),
      ...parts.map(({ r, v }) =>
        op("v128.store", `offset=${4 * r * outWidth + 16 * v}`, get("at"), get(`sum${r}_${v}`))
      ),
      set(
        "j",
        op("select", int(-1), least(add(get("j"), int(columns)), int(lastTile)), op("i32.eq", get("j"), int(lastTile))),
      ),
    ]),
  ], rows);
  return module.define("tiles", `(func $tiles ${parameters("planes", "taps", "to", "rows")} ${locals}\n${body})`);
}

/** The job of a `convolve` with one channel a group on both sides; undefined for others. */
export function writeDepthwise(step: FusedStep, relaxed: boolean): WrittenStep | undefined {
  const [{ kernel }] = step.kernels;
  const sizes = opNamed(kernel.op).kernel!.params(callOf(kernel)) as Record<string, number>;
  const { images, groups, inChannels, outChannels, outHeight, outWidth, inHeight, inWidth } = sizes;
  const window = { ...sizes, transposed: sizes.transposed === 1 } as Window & typeof sizes;
  const taps = window.kernelHeight * window.kernelWidth;
  if (!isDepthwise(inChannels, outChannels, taps)) return undefined;
  const planes = planesOf(window);
  const tile = tileOf(outWidth);
  const rows = evenPart(outHeight, Math.max(1, Math.floor(NUMBERS_WANTED / planes.width)));
  const pictures = rows < outHeight ? 1 : Math.max(1, Math.floor(NUMBERS_WANTED / (outHeight * outWidth)));
  const planeBytes = planes.planeBytes(rows);
  // The last tile looks past the last row, and writes there.
  const results = wholes(planes.phases ** 2 * planeBytes + 4 * (tile.rows * planes.width + tile.columns), 64);
  const bytes = results + 4 * (pictures * rows * outWidth + tile.rows * outWidth + tile.columns);
  if (bytes > BLOCK_BYTES) return undefined;
  const module = new WatModule(relaxed);
  const number = (name: string, value: number) => module.arg(value, name);
  const x = module.arg({ tensor: storageOf(kernel.inputs[0]) }, "x");
  const weights = module.arg({ tensor: storageOf(kernel.inputs[1]) }, "taps");
  const emit = defineEmit(module, step);
  const stage = defineStage(module, window, planes, planeBytes);
  const tiles = defineTiles(module, window, planes, planeBytes);
  const rowBlocks = Math.ceil(outHeight / rows);
  const locals = new Locals();
  locals.add("i32", "first", "last", "plane", "i0", "rows", "to", "begin");
  const body = [
    set("i0", mul(op("i32.rem_u", get("chunk"), number("rowBlocks", rowBlocks)), int(rows))),
    set("first", mul(op("i32.div_u", get("chunk"), number("rowBlocks", rowBlocks)), number("pictures", pictures))),
    set("last", least(add(get("first"), number("pictures", pictures)), number("planes", images * groups))),
    set("rows", op("i32.sub", least(add(get("i0"), int(rows)), number("outHeight", outHeight)), get("i0"))),
    set("to", add(get("scratch"), int(results))),
    count("plane", get("first"), get("last"), [
      `(call $${stage} ${get("scratch")} ${at(x, mul(get("plane"), number("picture", inHeight * inWidth)))} ${int(1)} ${
        get("i0")
      } ${get("rows")})`,
      `(call $${tiles} ${get("scratch")} ${
        at(weights, mul(op("i32.rem_u", get("plane"), number("groups", groups)), number("window", taps)))
      } ${get("to")} ${get("rows")})`,
      set("to", at(get("to"), mul(get("rows"), number("outWidth", outWidth)))),
    ]),
    set(
      "begin",
      mul(add(mul(get("first"), number("outHeight", outHeight)), get("i0")), number("outWidth", outWidth)),
    ),
    `(call $${emit} ${get("begin")} ${
      add(
        get("begin"),
        mul(mul(op("i32.sub", get("last"), get("first")), get("rows")), number("outWidth", outWidth)),
      )
    } ${add(get("scratch"), int(results))})`,
  ];
  return { jobs: [module.job(rowBlocks * Math.ceil(images * groups / pictures), `${locals}`, body)] };
}
