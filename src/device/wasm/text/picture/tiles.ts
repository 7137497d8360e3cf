/**
 * Pictures as tiles and back, and the weights that they meet: the transforms of Winograd's convolutions, four tiles
 * side by side at a time. A picture is brought into planes, in which neighbouring tiles are neighbours (`window.ts`).
 *
 * @module
 */

import { transposed } from "../../../../../kernels/conv/linear_map.ts";
import {
  filterings,
  type TilesAttrs,
  tilesOf,
  type Transform,
  transformOf,
} from "../../../../../kernels/conv/tile_transforms.ts";
import { type Shape, sizeOf } from "../../../../../kernels/op.ts";
import { storageOf } from "../../../../graph/graph.ts";
import type { FusedStep } from "../../../../graph/fused_step.ts";
import { SCRATCH } from "../../messages.ts";
import type { WrittenStep } from "../../written.ts";
import { WatModule } from "../module.ts";
import { defineEmit, storePart } from "../range.ts";
import { add, at, count, firstLanes, get, int, least, Locals, mul, op, set, when } from "../wat.ts";
import { transformSquare } from "./linear.ts";
import { defineStage, defineUnstage, planesOf, tapOffsets, type Window } from "./window.ts";

/** Numbers of pictures in a chunk. */
const IN_CHUNK = 2 ** 14;

const range = (length: number): number[] => Array.from({ length }, (_, k) => k);

/** What both directions know of pictures and tiles. */
function sizesOf(pictures: Shape, transform: Transform) {
  const [, channels, inHeight, inWidth] = pictures;
  const { matrix, side, before, step, by } = transform;
  const { rows, columns, count } = tilesOf(pictures, step);
  const window: Window = {
    ...{ inHeight, inWidth, outHeight: rows, outWidth: columns, kernelHeight: side, kernelWidth: side },
    ...{ stride: step, padding: before, transposed: false },
  };
  const planes = planesOf(window);
  // Vectors may be written past the last number of a plane.
  const planeBytes = planes.planeBytes(rows) + 16;
  const planesBytes = step ** 2 * planeBytes + 64;
  const [elementStep, channelStep] = by === "element" ? [channels, 1] : [1, matrix.length ** 2];
  return { channels, rows, columns, count, window, planes, planeBytes, planesBytes, elementStep, channelStep };
}

/** Can a thread hold a picture of this shape, and its planes? */
export const fitsTiles = (pictures: Shape, transform: Transform): boolean =>
  sizesOf(pictures, transform).planesBytes + 4 * sizeOf(pictures.slice(2)) <= SCRATCH;

/** Fours of tiles of a picture: local `p` is the first's place in the picture, `from` or `to` its place in scratch. */
function overTiles(
  { rows, columns, planes }: ReturnType<typeof sizesOf>,
  pointer: string,
  body: readonly string[],
): string {
  return count("i", int(0), int(rows), [
    count("j", int(0), int(columns), [
      set("p", add(mul(get("i"), int(columns)), get("j"))),
      set(pointer, at(get("scratch"), add(mul(get("i"), int(planes.width)), get("j")))),
      ...body,
    ], 4),
  ]);
}

/** A chunk's pictures, each a local `plane` of channel `c` and image `n`. */
function overPictures(module: WatModule, planes: number, inChunk: number, channels: number, body: readonly string[]) {
  const number = (name: string, value: number) => module.arg(value, name);
  return count(
    "plane",
    mul(get("chunk"), int(inChunk)),
    least(mul(add(get("chunk"), int(1)), int(inChunk)), number("planes", planes)),
    [
      set("c", op("i32.rem_u", get("plane"), number("channels", channels))),
      set("n", op("i32.div_u", get("plane"), number("channels", channels))),
      ...body,
    ],
  );
}

/** The job of `toTiles`. */
export function writeToTiles(step: FusedStep, relaxed: boolean): WrittenStep {
  const [{ kernel }] = step.kernels;
  const transform = transformOf({ attrs: kernel.attrs as TilesAttrs });
  const { shape } = kernel.inputs[0];
  const sizes = sizesOf(shape, transform);
  const { channels, rows, columns, count: all, window, planes, planeBytes, elementStep, channelStep } = sizes;
  const module = new WatModule(relaxed);
  const number = (name: string, value: number) => module.arg(value, name);
  const stage = defineStage(module, window, planes, planeBytes);
  const locals = new Locals();
  locals.add("i32", "plane", "c", "n", "i", "j", "p", "from", "first", "to");
  const offsets = tapOffsets(window, planes, planeBytes);
  const { side, matrix } = transform;
  const square = range(side).map((r) => range(side).map((s) => `x${r}_${s}`));
  locals.add("v128", ...square.flat());
  const { lines, rows: results } = transformSquare(module, locals, matrix, square);
  const elementBytes = number("elementBytes", 4 * elementStep * all);
  const eachOf = (store: (value: string) => readonly string[]) =>
    results.flat().flatMap((name) => [...store(get(name)), set("to", add(get("to"), elementBytes))]);
  const x = module.arg({ tensor: storageOf(kernel.inputs[0]) }, "x");
  const out = module.arg({ tensor: step.writes[0] }, "out");
  const inChunk = Math.max(1, Math.floor(IN_CHUNK / (shape[2] * shape[3])));
  const body = overPictures(module, shape[0] * channels, inChunk, channels, [
    `(call $${stage} ${get("scratch")} ${
      at(x, mul(get("plane"), number("picture", shape[2] * shape[3])))
    } (i32.const 1) (i32.const 0) ${int(rows)})`,
    set(
      "first",
      at(
        out,
        add(
          mul(mul(get("c"), number("channelStep", channelStep)), number("count", all)),
          mul(get("n"), int(rows * columns)),
        ),
      ),
    ),
    overTiles(sizes, "from", [
      ...square.flat().map((name, k) => set(name, op("v128.load", `offset=${offsets[k]}`, get("from")))),
      ...lines,
      set("to", at(get("first"), get("p"))),
      // What is written past a row is written again by the next; past the last row it is another picture's.
      when(
        op("i32.le_u", add(get("p"), int(4)), int(rows * columns)),
        eachOf((value) => [op("v128.store", get("to"), value)]),
        eachOf((value) => storePart(get("to"), value, op("i32.sub", int(columns), get("j")))),
      ),
    ]),
  ]);
  return { jobs: [module.job(Math.ceil(shape[0] * channels / inChunk), `${locals}`, [body])] };
}

/** The job of `fromTiles`. */
export function writeFromTiles(step: FusedStep, relaxed: boolean): WrittenStep {
  const [{ kernel }] = step.kernels;
  const transform = transformOf({ attrs: kernel.attrs as TilesAttrs });
  const { shape } = kernel;
  const sizes = sizesOf(shape, transform);
  const { channels, rows, columns, count: all, window, planes, planeBytes, planesBytes, elementStep, channelStep } =
    sizes;
  const module = new WatModule(relaxed);
  const number = (name: string, value: number) => module.arg(value, name);
  const emit = defineEmit(module, step);
  const unstage = defineUnstage(module, window, planes, planeBytes, rows + planes.extraRows);
  const { side, matrix, step: apart } = transform;
  const locals = new Locals();
  locals.add("i32", "plane", "c", "n", "i", "j", "p", "from", "first", "to");
  locals.add("v128", "mask");
  const square = matrix.map((_, a) => matrix.map((_, b) => `x${a}_${b}`));
  locals.add("v128", ...square.flat());
  const { lines, rows: results } = transformSquare(module, locals, transposed(matrix), square);
  const offsets = tapOffsets(window, planes, planeBytes);
  const overlaps = side > apart;
  const tiles = module.arg({ tensor: storageOf(kernel.inputs[0]) }, "tiles");
  const elementBytes = number("elementBytes", 4 * elementStep * all);
  const pixels = shape[2] * shape[3];
  const picture = add(get("scratch"), int(planesBytes));
  const inChunk = Math.max(1, Math.floor(IN_CHUNK / pixels));
  const body = overPictures(module, shape[0] * channels, inChunk, channels, [
    ...side === apart ? [] : [`(memory.fill ${get("scratch")} (i32.const 0) ${int(planesBytes)})`],
    set(
      "first",
      at(
        tiles,
        add(
          mul(mul(get("c"), number("channelStep", channelStep)), number("count", all)),
          mul(get("n"), int(rows * columns)),
        ),
      ),
    ),
    overTiles(sizes, "to", [
      set("from", at(get("first"), get("p"))),
      ...square.flat().flatMap((name) => [
        set(name, op("v128.load", get("from"))),
        set("from", add(get("from"), elementBytes)),
      ]),
      ...lines,
      // Tiles of the next row are no neighbours.
      ...overlaps
        ? [
          set("mask", firstLanes(op("i32.sub", int(columns), get("j")))),
        ]
        : [],
      ...results.flat().map((name, k) => {
        const offset = `offset=${offsets[k]}`;
        const value = overlaps
          ? op("f32x4.add", op("v128.load", offset, get("to")), op("v128.and", get(name), get("mask")))
          : get(name);
        return op("v128.store", offset, get("to"), value);
      }),
    ]),
    `(call $${unstage} ${picture} ${get("scratch")})`,
    set("p", mul(get("plane"), int(pixels))),
    `(call $${emit} ${get("p")} ${add(get("p"), int(pixels))} ${picture})`,
  ]);
  return { jobs: [module.job(Math.ceil(shape[0] * channels / inChunk), `${locals}`, [body])] };
}

/** Pairs of channels in a chunk. */
const PAIRS = 2048;

/** The job of `winogradWeight` and of its gradient. */
export function writeWinogradWeight(step: FusedStep, relaxed: boolean): WrittenStep {
  const [{ kernel }] = step.kernels;
  const isForward = kernel.op === "winogradWeight";
  const { g } = filterings[kernel.attrs.tile as 2 | 4];
  const weight = isForward ? kernel.inputs[0].shape : kernel.shape;
  const pairs = sizeOf(weight) / 9;
  const module = new WatModule(relaxed);
  const number = (name: string, value: number) => module.arg(value, name);
  const locals = new Locals();
  locals.add("i32", "i", "stop", "from", "to");
  const from = isForward ? 3 : g.length;
  const square = range(from).map((r) => range(from).map((s) => `x${r}_${s}`));
  locals.add("v128", ...square.flat());
  const { lines, rows } = transformSquare(module, locals, isForward ? g : transposed(g), square);
  const source = module.arg({ tensor: storageOf(kernel.inputs[0]) }, "from");
  const out = module.arg({ tensor: step.writes[0] }, "to");
  const planeBytes = number("planeBytes", 4 * pairs);
  const left = op("i32.sub", get("stop"), get("i"));
  const isWhole = op("i32.le_u", add(get("i"), int(4)), get("stop"));
  /** Pair i's 9 numbers follow each other, those of pair i + 1 after them. */
  const pairAt = (base: string) => add(base, mul(get("i"), int(36)));
  const planewise = (store: (value: string) => readonly string[]) =>
    rows.flat().flatMap((name) => [...store(get(name)), set("to", add(get("to"), planeBytes))]);
  const load = isForward
    ? [
      set("from", pairAt(source)),
      ...square.flat().map((_, t) =>
        [1, 2, 3].reduce(
          (vector, lane) => `(v128.load32_lane offset=${4 * t + 36 * lane} ${lane} ${get("from")} ${vector})`,
          op("v128.load32_zero", `offset=${4 * t}`, get("from")),
        )
      ).map((value, t) => set(square.flat()[t], value)),
    ]
    : [
      set("from", at(source, get("i"))),
      ...square.flat().flatMap((name) => [
        set(name, op("v128.load", get("from"))),
        set("from", add(get("from"), planeBytes)),
      ]),
    ];
  const store = isForward
    ? [
      set("to", at(out, get("i"))),
      when(
        isWhole,
        planewise((value) => [op("v128.store", get("to"), value)]),
        planewise((value) => storePart(get("to"), value)),
      ),
    ]
    : [
      set("to", pairAt(out)),
      ...range(4).map((lane) =>
        when(
          op("i32.gt_u", left, int(lane)),
          rows.flat().map((name, t) =>
            `(v128.store32_lane offset=${4 * t + 36 * lane} ${lane} ${get("to")} ${get(name)})`
          ),
        )
      ),
    ];
  const body = [
    set("stop", least(mul(add(get("chunk"), int(1)), int(PAIRS)), number("pairs", pairs))),
    count("i", mul(get("chunk"), int(PAIRS)), get("stop"), [...load, ...lines, ...store], 4),
  ];
  return { jobs: [module.job(Math.ceil(pairs / PAIRS), `${locals}`, body)] };
}
