/**
 * The report's yardsticks: a large square product by each way to write it, and an elementwise copy.
 *
 * @module
 */

import { matmulCandidates } from "../../kernels/matmul/matmul.ts";
import { isStaged } from "../../kernels/writing/staged_tile.ts";
import type { Rates } from "../../src/device/rates.ts";
import { bucketOf } from "../../src/graph/choices.ts";
import type { Cell, Table } from "../table.ts";
import { isSilence, type Silence } from "./lines.ts";
import { copyOf, type Entries, productOf } from "./questions.ts";
import { ratio, secondsIn, share, type Timing } from "./timing.ts";

/** Where each way's numbers wait for each other: the two families of `kernels/matmul/matmul.ts`. */
const FAMILIES = { registers: (way: string) => !isStaged(way), staged: isStaged } as const;

/** Times the product and says what the fastest way reaches. */
export async function products(timing: Timing): Promise<Table> {
  const { side, ways, tuneSeconds } = timing.sizes;
  const work = productOf(side);
  const call = { inputs: work.inputs, output: work.inputs[0], attrs: work.attrs };
  const bucket = bucketOf(work.op, call);
  const rows: { name: string; seconds?: number; remark?: string }[] = [];
  const time = async (name: string, choices: Entries, remark?: string) => {
    const answer = await timing.time(work, choices);
    rows.push({ name, seconds: secondsIn(answer), remark: isSilence(answer) ? answer.why : remark });
  };
  await time("by the rules", {});
  // The names of a GPU's ways, also on a software adapter: what they compute is the same.
  const names = matmulCandidates(call, { isSoftware: false });
  for (const [family, isOfFamily] of Object.entries(FAMILIES)) {
    for (const way of names.filter(isOfFamily).slice(0, ways)) {
      await time(`${family} ${way.replace("staged ", "")}`, { [bucket]: way });
    }
  }
  const tuned = await timing.tune(work, tuneSeconds);
  if (isSilence(tuned)) rows.push({ name: "tuned", remark: tuned.why });
  else if (bucket in tuned.choices) await time("tuned", tuned.choices, tuned.choices[bucket]);
  else {rows.push({
      name: "tuned",
      seconds: rows[0].seconds,
      remark: "by the rules: nothing else was timed to its end",
    });}
  const own = rows.flatMap(({ seconds }) => seconds ?? []);
  const best = own.length > 0 ? Math.min(...own) : undefined;
  const flops = 2 * side ** 3;
  timing.peak = best && flops / best;
  for (const precision of timing.torch.products) {
    const answer = await timing.beside({ what: "product", size: side, precision });
    if (isSilence(answer)) continue;
    rows.push({ name: `PyTorch, ${precision}`, seconds: answer.seconds });
    if (precision === "f32") timing.torchPeak = flops / answer.seconds;
  }
  return {
    title: `Products ${side}³, float32`,
    columns: ["way", "ms", "TFLOP/s", "of the fastest", "remark"],
    rows: rows.map(({ name, seconds, remark = "" }): Cell[] => [
      name,
      ratio(seconds, 1, 1000),
      ratio(flops, seconds, 1e-12),
      share(ratio(best, seconds)),
      remark,
    ]),
    notes: ["The fastest of Fovea's is the measured peak of the tables below."],
  };
}

/** The device's rates, with those that its self-test found. */
export async function rates(timing: Timing, tested: Rates | Silence): Promise<Table> {
  const { elements, side } = timing.sizes;
  const bytes = 8 * elements;
  const own = await timing.time(copyOf(elements));
  const torch = secondsIn(await timing.beside({ what: "copy", elements }));
  const remark = (answer: object) => isSilence(answer) ? answer.why : "";
  const { peak, torchPeak } = timing;
  return {
    title: "Rates",
    columns: ["what", "Fovea", "PyTorch", "of PyTorch's", "remark"],
    rows: [
      [
        `product ${side}³, float32, TFLOP/s`,
        ...[peak, torchPeak].map((flops) => ratio(flops, 1, 1e-12)),
        share(ratio(peak, torchPeak)),
        peak === undefined ? "no product was timed" : "",
      ],
      [
        `copy of ${elements / 2 ** 18} MiB, GB/s`,
        ...[secondsIn(own), torch].map((seconds) => ratio(bytes, seconds, 1e-9)),
        share(ratio(torch, secondsIn(own))),
        remark(own),
      ],
      [
        "reading back from an idle device, ms",
        isSilence(tested) ? undefined : 1000 * tested.readBack,
        ...[undefined, undefined, remark(tested)],
      ],
    ],
    notes: ["A copy reads and writes each number once; both count."],
  };
}
