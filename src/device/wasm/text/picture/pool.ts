/**
 * Max pooling and its gradients, and average pooling: pictures are brought into planes, in which neighbouring windows
 * have neighbouring numbers for each tap (`window.ts`), and four windows are searched at a time.
 *
 * @module
 */

import { opNamed } from "../../../../../kernels/mod.ts";
import { callOf, storageOf } from "../../../../graph/graph.ts";
import type { FusedStep } from "../../../../graph/fused_step.ts";
import { SCRATCH } from "../../messages.ts";
import type { WrittenStep } from "../../written.ts";
import { WatModule } from "../module.ts";
import { defineEmit } from "../range.ts";
import { add, at, count, firstLanes, get, int, least, Locals, mul, op, set } from "../wat.ts";
import { defineStage, defineUnstage, planesOf, tapOffsets, type Window } from "./window.ts";

/** Numbers of pictures in a chunk. */
const IN_CHUNK = 2 ** 14;

/** A step's pooling, and what its writers share. */
class Pooling {
  readonly module: WatModule;
  readonly locals: Locals = new Locals();
  readonly window: Window;
  readonly layout: ReturnType<typeof planesOf>;
  readonly planeBytes: number;
  readonly planesBytes: number;
  /** Bytes from a window's first number to each of its taps. */
  readonly offsets: readonly number[];
  readonly pictures: number;
  readonly pixels: number;
  readonly windows: number;
  readonly step: FusedStep;

  constructor(step: FusedStep, relaxed: boolean) {
    this.step = step;
    this.module = new WatModule(relaxed);
    const [{ kernel }] = step.kernels;
    const sizes = opNamed(kernel.op).kernel!.params(callOf(kernel));
    const { planes, height, width, outHeight, outWidth, kernel: side, stride, padding } = sizes;
    this.window = {
      ...{ inHeight: height, inWidth: width, outHeight, outWidth, kernelHeight: side, kernelWidth: side },
      ...{ stride, padding, transposed: false },
    };
    this.layout = planesOf(this.window);
    // Vectors may be written past the last number of a plane.
    this.planeBytes = this.layout.planeBytes(outHeight) + 16;
    this.planesBytes = stride ** 2 * this.planeBytes + 64;
    this.offsets = tapOffsets(this.window, this.layout, this.planeBytes);
    this.pictures = planes;
    this.pixels = height * width;
    this.windows = outHeight * outWidth;
    this.locals.add("i32", "plane", "p", "i", "j", "at", "first");
  }

  /** Can a thread hold a picture and its planes? */
  get fits(): boolean {
    return 2 * this.planesBytes + 4 * (this.pixels + this.windows) + 64 <= SCRATCH;
  }

  /** Text of the address of an operand. */
  operand(k: number): string {
    return this.module.arg({ tensor: storageOf(this.step.kernels[0].kernel.inputs[k]) }, `operand ${k}`);
  }

  /** Brings the chunk's picture `plane` into planes, with numbers around it that win no search. */
  stage(around: number): string {
    const stage = defineStage(this.module, this.window, this.layout, this.planeBytes, around);
    const source = at(this.operand(0), mul(get("plane"), this.module.arg(this.pixels, "pixels")));
    return `(call $${stage} ${get("scratch")} ${source} (i32.const 1) (i32.const 0) ${int(this.window.outHeight)})`;
  }

  /** Fours of windows: local `at` is where their first taps are, `p` the first's place among the picture's windows. */
  overWindows(body: readonly string[]): string {
    const { outHeight, outWidth } = this.window;
    return count("i", int(0), int(outHeight), [
      count("j", int(0), int(outWidth), [
        set("p", add(mul(get("i"), int(outWidth)), get("j"))),
        set("at", at(get("scratch"), add(mul(get("i"), int(this.layout.width)), get("j")))),
        ...body,
      ], 4),
    ]);
  }

  /** The numbers of a tap. */
  tap(k: number): string {
    return op("v128.load", `offset=${this.offsets[k]}`, get("at"));
  }

  /** Lines that find the largest number, or a NaN, of four windows: local `best`. */
  maximum(): string[] {
    this.locals.add("v128", "best", "x", "wins");
    return [
      set("best", this.tap(0)),
      ...this.offsets.slice(1).flatMap((_, k) => [
        ...this.#challenge(k + 1),
        set("best", op("v128.bitselect", get("x"), get("best"), get("wins"))),
      ]),
    ];
  }

  /** The same, and which tap has it first: local `where`. */
  search(): string[] {
    this.locals.add("v128", "best", "where", "x", "wins");
    return [
      set("best", this.tap(0)),
      set("where", this.module.four(0)),
      ...this.offsets.slice(1).flatMap((_, k) => [
        ...this.#challenge(k + 1),
        set("best", op("v128.bitselect", get("x"), get("best"), get("wins"))),
        set("where", op("v128.bitselect", this.module.four(k + 1), get("where"), get("wins"))),
      ]),
    ];
  }

  /** Lines that set a tap, `x`, against the best so far: it `wins` where it is larger or a NaN. */
  #challenge(tap: number): string[] {
    return [
      set("x", this.tap(tap)),
      set("wins", op("v128.or", op("f32x4.gt", get("x"), get("best")), op("f32x4.ne", get("x"), get("x")))),
    ];
  }

  /** Writes a picture, or what is pooled of it, from scratch, through the step's elementwise ops. */
  emit(length: number, from: string): string {
    return [
      set("first", mul(get("plane"), this.module.arg(length, "emitted"))),
      `(call $${defineEmit(this.module, this.step)} ${get("first")} ${add(get("first"), int(length))} ${from})`,
    ].join("\n");
  }

  /** The picture from its planes, which begin so many bytes after scratch, in scratch after all planes. */
  unstage(from = 0): string {
    const rows = this.window.outHeight + this.layout.extraRows;
    const unstage = defineUnstage(this.module, this.window, this.layout, this.planeBytes, rows);
    return `(call $${unstage} ${this.afterPlanes} ${add(get("scratch"), int(from))})`;
  }

  /** Scratch after two pictures' planes. */
  get afterPlanes(): string {
    return add(get("scratch"), int(2 * this.planesBytes));
  }

  /** Zeros in all planes. */
  get clear(): string {
    return `(memory.fill ${get("scratch")} (i32.const 0) ${int(this.planesBytes)})`;
  }

  /** The numbers of four windows of operand k, and 0 in the place of those that are of the next row. */
  windowsOf(k: number): string {
    const address = at(this.operand(k), add(mul(get("plane"), this.module.arg(this.windows, "windows")), get("p")));
    const left = op("i32.sub", int(this.window.outWidth), get("j"));
    return op("v128.and", op("v128.load", address), firstLanes(left));
  }

  /** The job that does `body` for each picture. */
  job(body: readonly string[]): WrittenStep {
    const inChunk = Math.max(1, Math.floor(IN_CHUNK / this.pixels));
    const last = least(mul(add(get("chunk"), int(1)), int(inChunk)), this.module.arg(this.pictures, "pictures"));
    return {
      jobs: [
        this.module.job(Math.ceil(this.pictures / inChunk), `${this.locals}`, [
          count("plane", mul(get("chunk"), int(inChunk)), last, body),
        ]),
      ],
    };
  }
}

/** A writer; undefined where pictures are too large. */
type Writer = (step: FusedStep, relaxed: boolean) => WrittenStep | undefined;

const writer = (body: (pooling: Pooling) => readonly string[]): Writer => (step, relaxed) => {
  const pooling = new Pooling(step, relaxed);
  return pooling.fits ? pooling.job(body(pooling)) : undefined;
};

/** Writes `value` to the place of four windows after the planes. What is past a row is written again by the next. */
const putWindows = (pooling: Pooling, value: string): string =>
  op("v128.store", at(pooling.afterPlanes, get("p")), value);

/** `maxPool2d`. */
export const writeMaxPool: Writer = writer((pooling) => [
  pooling.stage(-Infinity),
  pooling.overWindows([...pooling.maximum(), putWindows(pooling, get("best"))]),
  pooling.emit(pooling.windows, pooling.afterPlanes),
]);

/** `maxPool2dPosition`. */
export const writeMaxPoolPosition: Writer = writer((pooling) => [
  pooling.stage(-Infinity),
  pooling.overWindows([...pooling.search(), putWindows(pooling, get("where"))]),
  pooling.emit(pooling.windows, pooling.afterPlanes),
]);

/** Adds to each tap its part of the gradient. */
function spread(pooling: Pooling, partOf: (tap: number) => string): string[] {
  return pooling.offsets.map((offset, k) =>
    op("v128.store", `offset=${offset}`, get("at"), op("f32x4.add", pooling.tap(k), partOf(k)))
  );
}

const isTap = ({ module }: Pooling, where: string, k: number): string => op("f32x4.eq", where, module.four(k));

/** `maxPool2dDisjointGrad`: the gradients have planes of their own. */
export const writeMaxPoolDisjointGrad: Writer = writer((pooling) => {
  pooling.locals.add("v128", "slope");
  return [
    pooling.stage(0),
    pooling.overWindows([
      ...pooling.search(),
      set("slope", pooling.windowsOf(1)),
      ...pooling.offsets.map((offset, k) =>
        op(
          "v128.store",
          `offset=${pooling.planesBytes + offset}`,
          get("at"),
          op("v128.and", get("slope"), isTap(pooling, get("where"), k)),
        )
      ),
    ]),
    pooling.unstage(pooling.planesBytes),
    pooling.emit(pooling.pixels, pooling.afterPlanes),
  ];
});

/** `maxPool2dGrad`. */
export const writeMaxPoolGrad: Writer = writer((pooling) => {
  pooling.locals.add("v128", "slope", "where");
  const where = pooling.windowsOf(0);
  return [
    pooling.clear,
    pooling.overWindows([
      set("where", where),
      set("slope", pooling.windowsOf(1)),
      ...spread(pooling, (k) => op("v128.and", get("slope"), isTap(pooling, get("where"), k))),
    ]),
    pooling.unstage(),
    pooling.emit(pooling.pixels, pooling.afterPlanes),
  ];
});

const shareOf = ({ module, window: { kernelHeight, kernelWidth } }: Pooling): string =>
  module.four(kernelHeight * kernelWidth);

/** `avgPool2d`. */
export const writeAvgPool: Writer = writer((pooling) => {
  const total = pooling.offsets.map((_, k) => pooling.tap(k)).reduce((sum, tap) => op("f32x4.add", sum, tap));
  return [
    pooling.stage(0),
    pooling.overWindows([putWindows(pooling, op("f32x4.div", total, shareOf(pooling)))]),
    pooling.emit(pooling.windows, pooling.afterPlanes),
  ];
});

/** `avgPool2dGrad`. */
export const writeAvgPoolGrad: Writer = writer((pooling) => {
  pooling.locals.add("v128", "slope");
  return [
    pooling.clear,
    pooling.overWindows([
      set("slope", op("f32x4.div", pooling.windowsOf(0), shareOf(pooling))),
      ...spread(pooling, () => get("slope")),
    ]),
    pooling.unstage(),
    pooling.emit(pooling.pixels, pooling.afterPlanes),
  ];
});
