/**
 * Convolutions, and their gradients with respect to the input, as products of taps and windows that are never written:
 * a chunk has some output channels and rows of one picture. It brings the channels that it sees into scratch, a few at
 * a time, with zeros around them (`../picture/window.ts`), and multiplies.
 *
 * @module
 */

import { COMPENSATED } from "../../../../../kernels/conv/conv_tile.ts";
import { opNamed } from "../../../../../kernels/mod.ts";
import { callOf, storageOf } from "../../../../graph/graph.ts";
import type { FusedStep } from "../../../../graph/fused_step.ts";
import { BLOCK_BYTES } from "../../messages.ts";
import type { WrittenStep } from "../../written.ts";
import { WatModule } from "../module.ts";
import { defineEmit } from "../range.ts";
import { add, at, count, get, int, least, Locals, mul, op, set } from "../wat.ts";
import { evenPart, tooLong, wholes } from "./blocks.ts";
import { definePanels } from "./panels.ts";
import { defineOuter } from "./micro.ts";
import { defineStage, defineTable, type Planes, planesOf, tapOffsets, type Window } from "../picture/window.ts";

const ROWS = 4;
const COLUMNS = 8;

/** Output channels, columns and terms of a block, where pictures have so many. */
const MOST_CHANNELS = 128;
const COLUMNS_WANTED = 256;
const TERMS_WANTED = 256;

/** Terms between which sums round where they are compensated. */
const COMPENSATED_TERMS = 8;

/** Sizes of a block, and where in scratch its parts lie. */
interface Blocks {
  readonly outChannels: number;
  readonly rows: number;
  readonly inChannels: number;
  readonly cStep: number;
  readonly planeBytes: number;
  /** Bytes of the sums, behind which lies what they have lost by rounding, where that is kept. */
  readonly cBytes: number;
  readonly table: number;
  readonly panels: number;
  readonly planes: number;
  readonly bytes: number;
}

function layOut(
  window: Window,
  planes: Planes,
  outChannels: number,
  rows: number,
  inChannels: number,
  isCompensated: boolean,
): Blocks {
  const terms = inChannels * window.kernelHeight * window.kernelWidth;
  const cStep = 4 * (wholes(rows * planes.width, COLUMNS) + COLUMNS);
  const planeBytes = planes.planeBytes(rows);
  const cBytes = cStep * wholes(outChannels, ROWS);
  const table = cBytes * (isCompensated ? 2 : 1);
  const panels = table + wholes(4 * terms, 64);
  const first = panels + 4 * terms * wholes(outChannels, ROWS);
  // The last tiles look past the last plane.
  const bytes = first + inChannels * planes.phases ** 2 * planeBytes + 4 * (COLUMNS + planes.width);
  return { outChannels, rows, inChannels, cStep, planeBytes, cBytes, table, panels, planes: first, bytes };
}

/** The blocks of a convolution, as large as scratch allows. */
function blocksOf(
  window: Window,
  planes: Planes,
  outChannels: number,
  inChannels: number,
  isCompensated: boolean,
): Blocks {
  const terms = isCompensated ? COMPENSATED_TERMS : TERMS_WANTED;
  const taps = window.kernelHeight * window.kernelWidth;
  let most = { out: MOST_CHANNELS, columns: COLUMNS_WANTED, terms };
  for (;;) {
    const blocks = layOut(
      window,
      planes,
      wholes(evenPart(outChannels, most.out), ROWS),
      evenPart(window.outHeight, Math.max(1, Math.floor(most.columns / planes.width))),
      evenPart(inChannels, Math.max(1, Math.floor(most.terms / taps))),
      isCompensated,
    );
    if (blocks.bytes <= BLOCK_BYTES) return blocks;
    const isLeast = blocks.rows === 1 && blocks.inChannels === 1;
    if (isLeast && blocks.outChannels === ROWS) throw tooLong(window);
    most = isLeast ? { ...most, out: most.out / 2 } : { ...most, columns: most.columns / 2, terms: most.terms / 2 };
  }
}

/**
 * The job of `convolve`.
 *
 * @param chosen The kernel's candidate for comparing with float64, whose sums round less, or none.
 */
export function writeConvolve(step: FusedStep, relaxed: boolean, chosen?: string): WrittenStep {
  const [{ kernel }] = step.kernels;
  const sizes = opNamed(kernel.op).kernel!.params(callOf(kernel)) as Record<string, number>;
  const { images, groups, inChannels, outChannels, outHeight, outWidth, inHeight, inWidth } = sizes;
  const window = { ...sizes, transposed: sizes.transposed === 1 } as Window & typeof sizes;
  const planes = planesOf(window);
  const taps = window.kernelHeight * window.kernelWidth;
  const isCompensated = chosen === COMPENSATED;
  const blocks = blocksOf(window, planes, outChannels, inChannels, isCompensated);
  const module = new WatModule(relaxed);
  const number = (name: string, value: number) => module.arg(value, name);
  const scratch = (bytes: number) => add(get("scratch"), int(bytes));
  const x = module.arg({ tensor: storageOf(kernel.inputs[0]) }, "x");
  const weights = module.arg({ tensor: storageOf(kernel.inputs[1]) }, "taps");
  const emit = defineEmit(module, step);
  const stage = defineStage(module, window, planes, blocks.planeBytes);
  const table = defineTable(module, tapOffsets(window, planes, blocks.planeBytes));
  const channelBytes = planes.phases ** 2 * blocks.planeBytes;
  const outer = defineOuter(module, {
    a: "panel",
    b: "offsets",
    rows: ROWS,
    columns: COLUMNS,
    lost: isCompensated ? blocks.cBytes : undefined,
  });
  const [rowBlocks, outBlocks] = [Math.ceil(outHeight / blocks.rows), Math.ceil(outChannels / blocks.outChannels)];
  const locals = new Locals();
  locals.add(
    "i32",
    "rest",
    "m0",
    "m1",
    "i0",
    "i1",
    "run",
    "c0",
    "c1",
    "terms",
    "m",
    "j",
    "columns",
    "isFirst",
    "row",
    "sums",
  );
  const own = op("i32.sub", get("m"), get("m0"));
  const body = [
    set("i0", mul(op("i32.rem_u", get("chunk"), number("rowBlocks", rowBlocks)), int(blocks.rows))),
    set("rest", op("i32.div_u", get("chunk"), number("rowBlocks", rowBlocks))),
    set("m0", mul(op("i32.rem_u", get("rest"), number("outBlocks", outBlocks)), int(blocks.outChannels))),
    // Of image and group.
    set("run", op("i32.div_u", get("rest"), number("outBlocks", outBlocks))),
    set("i1", least(add(get("i0"), int(blocks.rows)), number("outHeight", outHeight))),
    set("m1", least(add(get("m0"), int(blocks.outChannels)), number("outChannels", outChannels))),
    set("columns", mul(op("i32.sub", get("i1"), get("i0")), number("planeWidth", planes.width))),
    `(call $${table} ${scratch(blocks.table)} ${int(blocks.inChannels)} ${int(channelBytes)})`,
    set("isFirst", int(1)),
    count("c0", int(0), number("inChannels", inChannels), [
      set("c1", least(add(get("c0"), int(blocks.inChannels)), number("inChannels", inChannels))),
      set("terms", mul(op("i32.sub", get("c1"), get("c0")), int(taps))),
      `(call $${stage} ${scratch(blocks.planes)} ${
        at(
          x,
          mul(add(mul(get("run"), number("inChannels", inChannels)), get("c0")), number("picture", inHeight * inWidth)),
        )
      } ${op("i32.sub", get("c1"), get("c0"))} ${get("i0")} ${op("i32.sub", get("i1"), get("i0"))})`,
      `(call $${definePanels(module, ROWS)} ${scratch(blocks.panels)} ${
        at(
          weights,
          add(
            mul(
              mul(
                add(
                  mul(op("i32.rem_u", get("run"), number("groups", groups)), number("inChannels", inChannels)),
                  get("c0"),
                ),
                int(taps),
              ),
              number("outChannels", outChannels),
            ),
            get("m0"),
          ),
        )
      } ${number("tapBytes", 4 * outChannels)} ${get("terms")} ${op("i32.sub", get("m1"), get("m0"))})`,
      count("j", int(0), get("columns"), [
        count("m", get("m0"), get("m1"), [
          set("sums", add(get("scratch"), mul(own, int(blocks.cStep)), op("i32.shl", get("j"), int(2)))),
          `(call $${outer} ${
            [
              add(scratch(blocks.panels), mul(mul(own, get("terms")), int(4))),
              int(0),
              at(scratch(blocks.planes), get("j")),
              scratch(blocks.table),
              ...[get("sums"), int(blocks.cStep), get("sums"), int(blocks.cStep)],
              get("terms"),
              get("isFirst"),
            ].join(" ")
          })`,
        ], ROWS),
      ], COLUMNS),
      set("isFirst", int(0)),
    ], blocks.inChannels),
    count("m", get("m0"), get("m1"), [
      count("row", get("i0"), get("i1"), [
        set(
          "rest",
          mul(
            add(
              mul(add(mul(get("run"), number("outChannels", outChannels)), get("m")), number("outHeight", outHeight)),
              get("row"),
            ),
            number("outWidth", outWidth),
          ),
        ),
        `(call $${emit} ${get("rest")} ${add(get("rest"), number("outWidth", outWidth))} ${
          add(
            get("scratch"),
            mul(own, int(blocks.cStep)),
            mul(op("i32.sub", get("row"), get("i0")), number("planeBytesWide", 4 * planes.width)),
          )
        })`,
      ]),
    ]),
  ];
  return { jobs: [module.job(rowBlocks * outBlocks * images * groups, `${locals}`, body)] };
}
