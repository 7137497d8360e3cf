/**
 * Gradients with respect to the weight where each channel is convolved by itself: a weight is a product of two pictures
 * along their pixels. A chunk has some channels. It brings their pictures into scratch (`../picture/window.ts`), and
 * multiplies four numbers of the gradient with what several taps saw of them.
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
import { add, at, count, firstLanes, get, int, least, Locals, mul, op, parameters, set } from "../wat.ts";
import { evenPart, wholes } from "./blocks.ts";
import { sumOfLanes } from "./micro.ts";
import { defineStage, type Planes, planesOf, tapOffsets, type Window } from "../picture/window.ts";

/** Numbers of a chunk, and of a block of one picture, where there are so many. */
const NUMBERS_WANTED = 8192;
const PIXELS_WANTED = 4096;

/** Taps whose sums stay in registers while pixels pass. */
const SUMS = 10;

/**
 * Defines `weigh(planes, dout, sums, rows)`: adds to four sums of each tap the products of so many rows of a gradient
 * with what the tap saw.
 */
function defineWeigh(module: WatModule, window: Window, planes: Planes, planeBytes: number): string {
  const { outWidth } = window;
  const offsets = tapOffsets(window, planes, planeBytes);
  const each = evenPart(offsets.length, SUMS);
  const whole = outWidth & -4;
  const locals = new Locals();
  locals.add("i32", "row", "j", "from", "grad");
  locals.add("v128", "d", "mask", ...Array.from({ length: each }, (_, k) => `s${k}`));
  const passes = Array.from({ length: Math.ceil(offsets.length / each) }, (_, pass) => {
    const taps = offsets.slice(pass * each, (pass + 1) * each);
    const place = (k: number) => `offset=${16 * (pass * each + k)}`;
    const turn = (of: (value: string) => string) => [
      set("d", of(op("v128.load", get("grad")))),
      ...taps.map((offset, k) =>
        set(`s${k}`, module.madd(get("d"), of(op("v128.load", `offset=${offset}`, get("from"))), get(`s${k}`)))
      ),
    ];
    return [
      ...taps.map((_, k) => set(`s${k}`, op("v128.load", place(k), get("sums")))),
      count("row", int(0), get("rows"), [
        set("from", at(get("planes"), mul(get("row"), int(planes.width)))),
        set("grad", at(get("dout"), mul(get("row"), int(outWidth)))),
        ...whole > 0
          ? [
            count("j", int(0), int(whole), [
              ...turn((value) => value),
              set("from", add(get("from"), int(16))),
              set("grad", add(get("grad"), int(16))),
            ], 4),
          ]
          : [],
        ...whole < outWidth ? turn((value) => op("v128.and", value, get("mask"))) : [],
      ]),
      ...taps.map((_, k) => op("v128.store", place(k), get("sums"), get(`s${k}`))),
    ];
  });
  const body = [set("mask", firstLanes(int(outWidth - whole))), ...passes.flat()];
  return module.define(
    "weigh",
    `(func $weigh ${parameters("planes", "dout", "sums", "rows")} ${locals}\n${body.join("\n")})`,
  );
}

/** The job of a `conv2dWeightGradPartial` with one channel a group on both sides; undefined for others. */
export function writeDepthwiseGrad(step: FusedStep, relaxed: boolean): WrittenStep | undefined {
  const [{ kernel }] = step.kernels;
  const sizes = opNamed(kernel.op).kernel!.params(callOf(kernel)) as Record<string, number>;
  const { images, splits, perSplit, groups, inChannels, outChannels, outHeight, outWidth, inHeight, inWidth } = sizes;
  const window = { ...sizes, transposed: false } as Window & typeof sizes;
  const taps = window.kernelHeight * window.kernelWidth;
  if (!isDepthwise(inChannels, outChannels, taps)) return undefined;
  const planes = planesOf(window);
  const rows = evenPart(outHeight, Math.max(1, Math.floor(PIXELS_WANTED / planes.width)));
  const channels = Math.min(groups, Math.max(1, Math.floor(NUMBERS_WANTED / (perSplit * outHeight * outWidth))));
  const planeBytes = planes.planeBytes(rows);
  // A row's last four look past the last plane.
  const sums = wholes(planes.phases ** 2 * planeBytes + 16, 64);
  const results = sums + 16 * taps;
  if (results + 4 * channels * taps + 16 > BLOCK_BYTES) return undefined;
  const module = new WatModule(relaxed);
  const number = (name: string, value: number) => module.arg(value, name);
  const x = module.arg({ tensor: storageOf(kernel.inputs[0]) }, "x");
  const dout = module.arg({ tensor: storageOf(kernel.inputs[1]) }, "dout");
  const emit = defineEmit(module, step);
  const stage = defineStage(module, window, planes, planeBytes);
  const weigh = defineWeigh(module, window, planes, planeBytes);
  const blocks = Math.ceil(groups / channels);
  const scratch = (bytes: number) => add(get("scratch"), int(bytes));
  const locals = new Locals();
  locals.add("i32", "split", "first", "last", "channel", "image", "end", "plane", "i0", "rows", "to", "begin");
  const body = [
    set("split", op("i32.div_u", get("chunk"), number("blocks", blocks))),
    set("first", mul(op("i32.rem_u", get("chunk"), number("blocks", blocks)), number("channels", channels))),
    set("last", least(add(get("first"), number("channels", channels)), number("groups", groups))),
    set("end", least(mul(add(get("split"), int(1)), number("perSplit", perSplit)), number("images", images))),
    set("to", scratch(results)),
    count("channel", get("first"), get("last"), [
      `(memory.fill ${scratch(sums)} (i32.const 0) ${int(16 * taps)})`,
      count("image", mul(get("split"), number("perSplit", perSplit)), get("end"), [
        set("plane", add(mul(get("image"), number("groups", groups)), get("channel"))),
        count("i0", int(0), number("outHeight", outHeight), [
          set("rows", op("i32.sub", least(add(get("i0"), int(rows)), number("outHeight", outHeight)), get("i0"))),
          `(call $${stage} ${get("scratch")} ${at(x, mul(get("plane"), number("picture", inHeight * inWidth)))} ${
            int(1)
          } ${get("i0")} ${get("rows")})`,
          `(call $${weigh} ${get("scratch")} ${
            at(
              dout,
              mul(
                add(mul(get("plane"), number("outHeight", outHeight)), get("i0")),
                number("outWidth", outWidth),
              ),
            )
          } ${scratch(sums)} ${get("rows")})`,
        ], rows),
      ]),
      ...Array.from({ length: taps }, (_, tap) =>
        op(
          "f32.store",
          `offset=${4 * tap}`,
          get("to"),
          sumOfLanes(op("v128.load", `offset=${16 * tap}`, scratch(sums))),
        )),
      set("to", add(get("to"), int(4 * taps))),
    ]),
    set("begin", mul(add(mul(get("split"), number("groups", groups)), get("first")), int(taps))),
    `(call $${emit} ${get("begin")} ${add(get("begin"), mul(op("i32.sub", get("last"), get("first")), int(taps)))} ${
      scratch(results)
    })`,
  ];
  return { jobs: [module.job(blocks * splits, `${locals}`, body)] };
}
