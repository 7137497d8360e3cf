/**
 * Pictures as tiles and back, and the weights that they meet: the transforms of Winograd's convolutions, four tiles
 * side by side at a time. A picture is brought into planes, in which neighbouring tiles are neighbours (`window.ts`).
 *
 * The m² elements of a tile lie far apart, mostly by a power of two, which a cache has few places for. So tiles are
 * gathered in scratch, and move between it and memory many at a time.
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
import { add, at, count, firstLanes, get, int, least, Locals, loop, mul, op, parameters, set, when } from "../wat.ts";
import { transformSquare } from "./linear.ts";
import { defineStage, defineUnstage, planesOf, tapOffsets, type Window } from "./window.ts";

/** Numbers of pictures in a chunk. */
const IN_CHUNK = 2 ** 14;

/** Tiles that move at once: a whole row of tiles, or as many rows as are no more than this. */
const GATHERED = 256;

const range = (length: number): number[] => Array.from({ length }, (_, k) => k);

/** What both directions know of pictures and tiles. */
function sizesOf(pictures: Shape, transform: Transform) {
  const [images, channels, inHeight, inWidth] = pictures;
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
  // Rows of tiles that are gathered; of an element, fours of them and one more, and no even number of fours.
  const block = Math.max(1, Math.floor(GATHERED / columns));
  const gatheredBytes = 16 * (Math.ceil(block * columns / 4 + 1) | 1);
  const pictureBytes = 4 * inHeight * inWidth;
  return {
    ...{ channels, images, rows, columns, count, window, planes, planeBytes, elementStep, channelStep, pictureBytes },
    ...{ block, gatheredBytes, elements: matrix.length ** 2 },
    // In scratch: planes, a picture, tiles.
    pictureAt: planesBytes,
    gatheredAt: planesBytes + 16 * Math.ceil(pictureBytes / 16),
  };
}

type Sizes = ReturnType<typeof sizesOf>;

/** Can a thread hold a picture of this shape, its planes, and the tiles that are gathered? */
export function fitsTiles(pictures: Shape, transform: Transform): boolean {
  const { gatheredAt, gatheredBytes, elements } = sizesOf(pictures, transform);
  return gatheredAt + elements * gatheredBytes + 16 <= SCRATCH;
}

/** Moves elements of a step's `tiles` between memory and scratch: so many tiles, from local `first` on. */
function moveGathered(module: WatModule, { gatheredAt, gatheredBytes, elements }: Sizes, isRead: boolean): string {
  const [to, from] = isRead ? ["gathered", "tiles"] : ["tiles", "gathered"];
  const move = module.define(
    "gather",
    `(func $gather ${parameters("gathered", "tiles", "bytes", "elementBytes")} (local $e i32)
${
      count("e", int(0), int(elements), [
        `(memory.copy ${get(to)} ${get(from)} ${get("bytes")})`,
        set("gathered", add(get("gathered"), int(gatheredBytes))),
        set("tiles", add(get("tiles"), get("elementBytes"))),
      ])
    })`,
  );
  const bytes = op("i32.shl", get("tiles"), int(2));
  return `(call $${move} ${add(get("scratch"), int(gatheredAt))} ${get("first")} ${bytes} ${get("elementBytes")})
${set("first", add(get("first"), bytes))}`;
}

/**
 * A channel's pictures in a chunk: local `plane` is a picture's number. Of each, `before` is done, then `body` for
 * fours of its tiles: local `planed` is the first's place in the planes, `to` among the tiles that are gathered; then
 * `after`.
 */
function overTiles(
  module: WatModule,
  sizes: Sizes,
  tiles: string,
  isRead: boolean,
  { before, body, after = [] }: Record<"before" | "body", readonly string[]> & { readonly after?: readonly string[] },
): { readonly chunks: number; readonly code: string } {
  const { channels, images, rows, columns, planes, block, gatheredAt, channelStep, elementStep, count: all } = sizes;
  const number = (name: string, value: number) => module.arg(value, name);
  const inChunk = Math.min(images, Math.max(1, Math.floor(IN_CHUNK / (sizes.pictureBytes / 4))));
  const perChannel = Math.ceil(images / inChunk);
  const move = moveGathered(module, sizes, isRead);
  const rowsLeft = op("i32.sub", get("lastRow"), get("row"));
  const chunk = [
    set("c", op("i32.div_u", get("chunk"), int(perChannel))),
    set("n", mul(op("i32.rem_u", get("chunk"), int(perChannel)), int(inChunk))),
    set("elementBytes", number("elementBytes", 4 * elementStep * all)),
    set(
      "first",
      at(tiles, add(mul(mul(get("c"), int(channelStep)), number("count", all)), mul(get("n"), int(rows * columns)))),
    ),
    set("plane", add(mul(get("n"), number("channels", channels)), get("c"))),
    set("stop", least(add(get("n"), int(inChunk)), number("images", images))),
    set("row", int(0)),
    set("lastRow", mul(op("i32.sub", get("stop"), get("n")), int(rows))),
    loop("pictures", op("i32.lt_u", get("n"), get("stop")), [
      ...before,
      count("i", int(0), int(rows), [
        set("place", op("i32.rem_u", get("row"), int(block))),
        ...isRead
          ? [when(op("i32.eqz", get("place")), [
            set("tiles", mul(least(int(block), rowsLeft), int(columns))),
            move,
          ])]
          : [],
        set("place", mul(get("place"), int(columns))),
        count("j", int(0), int(columns), [
          set("planed", at(get("scratch"), add(mul(get("i"), int(planes.width)), get("j")))),
          set("to", at(add(get("scratch"), int(gatheredAt)), add(get("place"), get("j")))),
          ...body,
        ], 4),
        set("row", add(get("row"), int(1))),
        ...isRead ? [] : [
          when(op("i32.or", op("i32.eqz", op("i32.rem_u", get("row"), int(block))), op("i32.eqz", rowsLeft)), [
            set("tiles", add(get("place"), int(columns))),
            move,
          ]),
        ],
      ]),
      ...after,
      set("n", add(get("n"), int(1))),
      set("plane", add(get("plane"), number("channels", channels))),
    ]),
  ];
  return { chunks: channels * perChannel, code: chunk.join("\n") };
}

/** Locals of {@link overTiles}. */
const COUNTERS = [
  ...["plane", "c", "n", "i", "j", "row", "lastRow", "stop", "place", "planed", "to", "first", "tiles", "elementBytes"],
];

/** The job of `toTiles`. */
export function writeToTiles(step: FusedStep, relaxed: boolean): WrittenStep {
  const [{ kernel }] = step.kernels;
  const transform = transformOf({ attrs: kernel.attrs as TilesAttrs });
  const { shape } = kernel.inputs[0];
  const sizes = sizesOf(shape, transform);
  const { rows, window, planes, planeBytes, gatheredBytes, pictureBytes } = sizes;
  const module = new WatModule(relaxed);
  const stage = defineStage(module, window, planes, planeBytes);
  const locals = new Locals();
  locals.add("i32", ...COUNTERS);
  const offsets = tapOffsets(window, planes, planeBytes);
  const { side, matrix } = transform;
  const square = range(side).map((r) => range(side).map((s) => `x${r}_${s}`));
  locals.add("v128", ...square.flat());
  const { lines, rows: results } = transformSquare(module, locals, matrix, square);
  const x = module.arg({ tensor: storageOf(kernel.inputs[0]) }, "x");
  const picture = add(x, mul(get("plane"), module.arg(pictureBytes, "picture")));
  const { chunks, code } = overTiles(module, sizes, module.arg({ tensor: step.writes[0] }, "out"), false, {
    before: [`(call $${stage} ${get("scratch")} ${picture} (i32.const 1) (i32.const 0) ${int(rows)})`],
    // What is written past a row is written again by the next.
    body: [
      ...square.flat().map((name, k) => set(name, op("v128.load", `offset=${offsets[k]}`, get("planed")))),
      ...lines,
      ...results.flat().map((name, e) => op("v128.store", `offset=${e * gatheredBytes}`, get("to"), get(name))),
    ],
  });
  return { jobs: [module.job(chunks, `${locals}`, [code])] };
}

/** The job of `fromTiles`. */
export function writeFromTiles(step: FusedStep, relaxed: boolean): WrittenStep {
  const [{ kernel }] = step.kernels;
  const transform = transformOf({ attrs: kernel.attrs as TilesAttrs });
  const { shape } = kernel;
  const sizes = sizesOf(shape, transform);
  const { rows, columns, window, planes, planeBytes, pictureAt, gatheredBytes, pictureBytes } = sizes;
  const module = new WatModule(relaxed);
  const emit = defineEmit(module, step);
  const unstage = defineUnstage(module, window, planes, planeBytes, rows + planes.extraRows);
  const { side, matrix, step: apart } = transform;
  const locals = new Locals();
  locals.add("i32", ...COUNTERS, "p");
  locals.add("v128", "mask");
  const square = matrix.map((_, a) => matrix.map((_, b) => `x${a}_${b}`));
  locals.add("v128", ...square.flat());
  const { lines, rows: results } = transformSquare(module, locals, transposed(matrix), square);
  const offsets = tapOffsets(window, planes, planeBytes);
  const overlaps = side > apart;
  const pixels = int(pictureBytes / 4);
  const picture = add(get("scratch"), int(pictureAt));
  const tiles = module.arg({ tensor: storageOf(kernel.inputs[0]) }, "tiles");
  const { chunks, code } = overTiles(module, sizes, tiles, true, {
    before: side === apart ? [] : [`(memory.fill ${get("scratch")} (i32.const 0) ${int(pictureAt)})`],
    body: [
      ...square.flat().map((name, e) => set(name, op("v128.load", `offset=${e * gatheredBytes}`, get("to")))),
      ...lines,
      // Tiles of the next row are no neighbours.
      ...overlaps ? [set("mask", firstLanes(op("i32.sub", int(columns), get("j"))))] : [],
      ...results.flat().map((name, k) => {
        const offset = `offset=${offsets[k]}`;
        const value = overlaps
          ? op("f32x4.add", op("v128.load", offset, get("planed")), op("v128.and", get(name), get("mask")))
          : get(name);
        return op("v128.store", offset, get("planed"), value);
      }),
    ],
    after: [
      `(call $${unstage} ${picture} ${get("scratch")})`,
      set("p", mul(get("plane"), pixels)),
      `(call $${emit} ${get("p")} ${add(get("p"), pixels)} ${picture})`,
    ],
  });
  return { jobs: [module.job(chunks, `${locals}`, [code])] };
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
