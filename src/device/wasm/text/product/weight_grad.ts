/**
 * Gradients of convolutions with respect to the weight: every weight is a product of two pictures, a gradient and what
 * the weight saw, both along their pixels. A chunk has the weights of some pairs of channels. It brings their pictures
 * into scratch, some rows at a time (`../picture/window.ts`).
 *
 * @module
 */

import { opNamed } from "../../../../../kernels/mod.ts";
import { callOf, storageOf } from "../../../../graph/graph.ts";
import type { FusedStep } from "../../../../graph/fused_step.ts";
import { BLOCK_BYTES } from "../../messages.ts";
import type { WrittenStep } from "../../written.ts";
import { WatModule } from "../module.ts";
import { defineEmit } from "../range.ts";
import { add, at, count, get, int, least, Locals, mul, op, set, when } from "../wat.ts";
import { evenPart, tooLong, wholes } from "./blocks.ts";
import { defineDot } from "./micro.ts";
import { defineStage, defineTable, type Planes, planesOf, tapOffsets, type Window } from "../picture/window.ts";

const ROWS = 4;

/** Output channels whose rows stay in the first cache while weights pass. */
const SUB_ROWS = 8;

/** Output channels, weights of one of them, and pixels of a block, where there are so many. */
const MOST_CHANNELS = 32;
const WEIGHTS_WANTED = 288;
const PIXELS_WANTED = 512;

interface Blocks {
  readonly outChannels: number;
  readonly inChannels: number;
  readonly rows: number;
  readonly cStep: number;
  readonly table: number;
  /** Bytes of a plane of x, and where they begin. */
  readonly planeBytes: number;
  readonly planes: number;
  /** The same of the gradient's. */
  readonly gradBytes: number;
  readonly grads: number;
  readonly bytes: number;
}

function blocksOf(window: Window, planes: Planes, outChannels: number, inChannels: number): Blocks {
  const taps = window.kernelHeight * window.kernelWidth;
  for (let pixels = PIXELS_WANTED, weights = WEIGHTS_WANTED;; pixels /= 2, weights /= 2) {
    const rows = evenPart(window.outHeight, Math.max(1, Math.floor(pixels / planes.width)));
    const ins = evenPart(inChannels, Math.max(1, Math.floor(weights / taps)));
    const outs = Math.min(MOST_CHANNELS, outChannels);
    const cStep = 4 * (ins * taps + 8);
    const planeBytes = planes.planeBytes(rows);
    const gradBytes = 16 * Math.ceil(rows * planes.width / 4);
    const table = cStep * outs;
    const first = table + wholes(4 * ins * taps, 64);
    const grads = first + ins * planes.phases ** 2 * planeBytes;
    const bytes = grads + outs * gradBytes + 64;
    if (bytes <= BLOCK_BYTES) {
      return {
        outChannels: outs,
        inChannels: ins,
        rows,
        cStep,
        table,
        planeBytes,
        planes: first,
        gradBytes,
        grads,
        bytes,
      };
    }
    if (rows === 1 && ins === 1) throw tooLong(window);
  }
}

/** The job of `conv2dWeightGradPartial`. */
export function writeWeightGrad(step: FusedStep, relaxed: boolean): WrittenStep {
  const [{ kernel }] = step.kernels;
  const sizes = opNamed(kernel.op).kernel!.params(callOf(kernel)) as Record<string, number>;
  const { images, splits, perSplit, groups, inChannels, outChannels } = sizes;
  const window = { ...sizes, transposed: false } as Window & typeof sizes;
  const { inHeight, inWidth, outHeight, outWidth } = window;
  const planes = planesOf(window);
  const taps = window.kernelHeight * window.kernelWidth;
  const blocks = blocksOf(window, planes, outChannels, inChannels);
  const module = new WatModule(relaxed);
  const number = (name: string, value: number) => module.arg(value, name);
  const scratch = (bytes: number) => add(get("scratch"), int(bytes));
  const x = module.arg({ tensor: storageOf(kernel.inputs[0]) }, "x");
  const dout = module.arg({ tensor: storageOf(kernel.inputs[1]) }, "dout");
  const emit = defineEmit(module, step);
  const stage = defineStage(module, window, planes, blocks.planeBytes);
  const table = defineTable(module, tapOffsets(window, planes, blocks.planeBytes));
  const channelBytes = planes.phases ** 2 * blocks.planeBytes;
  const [inBlocks, outBlocks] = [
    Math.ceil(inChannels / blocks.inChannels),
    Math.ceil(outChannels / blocks.outChannels),
  ];
  const locals = new Locals();
  locals.add("i32", "rest", "group", "split", "m0", "m1", "c0", "c1", "weights", "image", "last", "i0", "i1", "pixels");
  locals.add("i32", "m", "row", "sub", "subEnd", "subWhole", "k", "next");
  const own = (name: string) => op("i32.sub", get(name), get("m0"));
  const channel = (image: string, perGroup: string, first: string) =>
    add(mul(add(mul(image, number("groups", groups)), get("group")), perGroup), first);
  const tapAt = (name: string) => op("i32.load", at(scratch(blocks.table), get(name)));
  const tile = (rows: number) =>
    `(call $${defineDot(module, rows)} ${
      [
        add(scratch(blocks.grads), mul(own("m"), int(blocks.gradBytes))),
        int(blocks.gradBytes),
        add(scratch(blocks.planes), tapAt("k")),
        add(scratch(blocks.planes), tapAt("next")),
        add(get("scratch"), mul(own("m"), int(blocks.cStep)), op("i32.shl", get("k"), int(2))),
        int(blocks.cStep),
        get("pixels"),
      ].join(" ")
    })`;
  const rest = outChannels % ROWS;
  const stageGrad = count("m", get("m0"), get("m1"), [
    count("row", get("i0"), get("i1"), [
      set(
        "rest",
        add(
          scratch(blocks.grads),
          mul(own("m"), int(blocks.gradBytes)),
          mul(op("i32.sub", get("row"), get("i0")), number("wide", 4 * planes.width)),
        ),
      ),
      `(memory.copy ${get("rest")} ${
        at(
          dout,
          mul(
            add(
              mul(channel(get("image"), number("outChannels", outChannels), get("m")), number("outHeight", outHeight)),
              get("row"),
            ),
            number("outWidth", outWidth),
          ),
        )
      } ${number("rowBytes", 4 * outWidth)})`,
      ...planes.width > outWidth
        ? [
          `(memory.fill ${add(get("rest"), number("rowBytes", 4 * outWidth))} (i32.const 0) ${
            number("junk", 4 * (planes.width - outWidth))
          })`,
        ]
        : [],
    ]),
  ]);
  const body = [
    set("c0", mul(op("i32.rem_u", get("chunk"), number("inBlocks", inBlocks)), int(blocks.inChannels))),
    set("rest", op("i32.div_u", get("chunk"), number("inBlocks", inBlocks))),
    set("m0", mul(op("i32.rem_u", get("rest"), number("outBlocks", outBlocks)), int(blocks.outChannels))),
    set("rest", op("i32.div_u", get("rest"), number("outBlocks", outBlocks))),
    set("group", op("i32.rem_u", get("rest"), number("groups", groups))),
    set("split", op("i32.div_u", get("rest"), number("groups", groups))),
    set("c1", least(add(get("c0"), int(blocks.inChannels)), number("inChannels", inChannels))),
    set("m1", least(add(get("m0"), int(blocks.outChannels)), number("outChannels", outChannels))),
    set("weights", mul(op("i32.sub", get("c1"), get("c0")), int(taps))),
    `(memory.fill ${get("scratch")} (i32.const 0) ${int(blocks.table)})`,
    `(call $${table} ${scratch(blocks.table)} ${int(blocks.inChannels)} ${int(channelBytes)})`,
    set("last", least(mul(add(get("split"), int(1)), number("perSplit", perSplit)), number("images", images))),
    count("image", mul(get("split"), number("perSplit", perSplit)), get("last"), [
      count("i0", int(0), number("outHeight", outHeight), [
        set("i1", least(add(get("i0"), int(blocks.rows)), number("outHeight", outHeight))),
        // Behind the last row's numbers nothing is looked at.
        set(
          "pixels",
          op(
            "i32.sub",
            mul(op("i32.sub", get("i1"), get("i0")), number("planeWidth", planes.width)),
            number("junkColumns", planes.width - outWidth),
          ),
        ),
        `(call $${stage} ${scratch(blocks.planes)} ${
          at(
            x,
            mul(
              channel(get("image"), number("inChannels", inChannels), get("c0")),
              number("picture", inHeight * inWidth),
            ),
          )
        } ${op("i32.sub", get("c1"), get("c0"))} ${get("i0")} ${op("i32.sub", get("i1"), get("i0"))})`,
        stageGrad,
        count("sub", get("m0"), get("m1"), [
          set("subEnd", least(add(get("sub"), int(SUB_ROWS)), get("m1"))),
          set("subWhole", add(get("sub"), op("i32.and", op("i32.sub", get("subEnd"), get("sub")), int(-ROWS)))),
          count("k", int(0), get("weights"), [
            set("next", least(add(get("k"), int(1)), op("i32.sub", get("weights"), int(1)))),
            count("m", get("sub"), get("subWhole"), [tile(ROWS)], ROWS),
            ...rest > 0 ? [when(op("i32.lt_u", get("m"), get("subEnd")), [tile(rest)])] : [],
          ], 2),
        ], SUB_ROWS),
      ], blocks.rows),
    ]),
    count("m", get("m0"), get("m1"), [
      set(
        "rest",
        mul(
          add(
            mul(channel(get("split"), number("outChannels", outChannels), get("m")), number("inChannels", inChannels)),
            get("c0"),
          ),
          int(taps),
        ),
      ),
      `(call $${emit} ${get("rest")} ${add(get("rest"), get("weights"))} ${
        add(get("scratch"), mul(own("m"), int(blocks.cStep)))
      })`,
    ]),
  ];
  return { jobs: [module.job(inBlocks * outBlocks * groups * splits, `${locals}`, body)] };
}
