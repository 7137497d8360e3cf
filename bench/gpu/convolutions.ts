/**
 * The report's convolutions: every distinct one of a network, and both of its gradients, each by itself.
 *
 * @module
 */

import { opNamed } from "../../kernels/mod.ts";
import type { Shape } from "../../kernels/op.ts";
import { liveNodes } from "../../src/graph/graph.ts";
import { type Cell, median, type Table } from "../table.ts";
import { isSilence } from "./lines.ts";
import { type CallWork, graphOf } from "./questions.ts";
import { least, ratio, secondsIn, share, type Timing } from "./timing.ts";

const PASSES: Readonly<Record<string, string>> = {
  conv2d: "forward",
  conv2dInputGrad: "input gradient",
  conv2dWeightGrad: "weight gradient",
};

/** Most seconds in which the ways of one convolution are tuned. */
const TUNE_SECONDS = 3;

interface Convolution {
  readonly work: CallWork;
  readonly output: Shape;
  readonly flops: number;
}

/** Distinct convolutions of a network's training step. */
function convolutionsOf(network: string, imageSize: number, batch: number): Convolution[] {
  const found = new Map<string, Convolution>();
  for (
    const { op, inputs, attrs, shape: output } of liveNodes(
      graphOf({ kind: "step", network, imageSize, batch, precision: "f32" }),
    )
  ) {
    if (!(op in PASSES)) continue;
    const work: CallWork = { kind: "call", op, inputs: inputs.map(({ shape }) => shape), attrs };
    const { flops } = opNamed(op).cost({ inputs: work.inputs, output, attrs });
    found.set(JSON.stringify(work), { work, output, flops });
  }
  return [...found.values()];
}

/** What was found of one. */
interface Found {
  readonly network: string;
  readonly op: string;
  /** Share of the peak, and of PyTorch's speed. */
  readonly ofPeak?: number;
  readonly ofTorch?: number;
  readonly row: readonly Cell[];
}

async function timeOne(timing: Timing, network: string, { work, output, flops }: Convolution): Promise<Found> {
  const remarks: string[] = [];
  const byRules = await timing.time(work);
  if (isSilence(byRules)) remarks.push(byRules.why);
  const torch = await timing.beside({
    what: "convolution",
    op: work.op,
    inputs: work.inputs,
    output,
    attrs: work.attrs,
  });
  const tuned = await timing.tune(work, Math.min(TUNE_SECONDS, timing.sizes.tuneSeconds));
  if (isSilence(tuned)) remarks.push(`tuning: ${tuned.why}`);
  const choices = isSilence(tuned) ? {} : tuned.choices;
  const again = Object.keys(choices).length > 0 ? await timing.time(work, choices) : byRules;
  if (isSilence(again) && again !== byRules) remarks.push(`tuned: ${again.why}`);
  const seconds = least(secondsIn(byRules), secondsIn(again));
  const rate = ratio(flops, seconds);
  const [ofPeak, ofTorch] = [ratio(rate, timing.peak), ratio(secondsIn(torch), seconds)];
  const row = [
    `${network} ${PASSES[work.op]}`,
    work.inputs.map((shape) => shape.join("×")).join(", "),
    ratio(secondsIn(byRules), 1, 1000),
    ratio(secondsIn(again), 1, 1000),
    ratio(rate, 1, 1e-12),
    share(ofPeak),
    ratio(secondsIn(torch), 1, 1000),
    share(ofTorch),
    [...new Set(remarks)].join("; "),
  ];
  return { network, op: work.op, ofPeak, ofTorch, row };
}

/** Median and worst of shares. */
function spread(shares: readonly number[]): Cell[] {
  return shares.length === 0 ? [undefined, undefined] : [share(median(shares)), share(Math.min(...shares))];
}

/** Times the convolutions of a network: a summary, and all of them. */
export async function convolutions(timing: Timing, network: string): Promise<Table[]> {
  const { imageSize, batch } = timing.sizes;
  const found: Found[] = [];
  for (const one of convolutionsOf(network, imageSize, batch)) found.push(await timeOne(timing, network, one));
  const summary = Object.entries(PASSES).map(([op, pass]): Cell[] => {
    const own = found.filter((one) => one.op === op);
    const shares = (of: "ofPeak" | "ofTorch") => own.flatMap((one) => one[of] ?? []);
    return [
      `${network} ${pass}`,
      `${shares("ofPeak").length} of ${own.length}`,
      ...spread(shares("ofPeak")),
      ...spread(shares("ofTorch")),
    ];
  });
  const title = `Convolutions of ${network} at ${imageSize}², batch ${batch}, float32`;
  return [
    {
      title,
      columns: ["pass", "timed", "of the peak", "at worst", "of PyTorch's speed", "at worst"],
      rows: summary,
      notes: [
        "Medians over distinct convolutions. Above 100% is Winograd's: FLOPs are those of the convolution as defined.",
      ],
    },
    {
      title: `${title}, one by one`,
      columns: [
        ...["pass", "operands", "ms by the rules", "ms tuned", "TFLOP/s", "of the peak", "PyTorch, ms"],
        ...["of PyTorch's speed", "remark"],
      ],
      rows: found.map(({ row }) => row),
      isLong: true,
    },
  ];
}
