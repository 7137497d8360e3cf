/**
 * `models`: what there is, and what each costs.
 *
 * @module
 */

import {
  createModel,
  type ModelDefinition,
  modelNamed,
  models,
  type PaperSize,
  publishedWeights,
} from "../models/mod.ts";
import { short } from "../report/figures.ts";
import { aligned } from "../report/text.ts";
import { adam } from "../train/optimizers/mod.ts";
import { formatBytes } from "../train/budget.ts";
import { trainingMemory } from "../train/memory.ts";
import type { Invocation, Options } from "./command.ts";
import type * as tables from "./flags.ts";
import { ProgressLine } from "./progress.ts";

/** Pictures in a step of one model, unless it is given. */
const STEP = 32;

type ModelsFlags = Options<typeof tables.models.flags>;

/** Runs `models`; gives the exit code. */
export function run({ options, words: [name] }: Invocation<typeof tables.models.flags>): Promise<number> {
  const rows = name === undefined ? models : [modelNamed(name)];
  const progress = new ProgressLine(false);
  // To plan a step of each takes many times as long as to count.
  const asked = name !== undefined || options.checkpointActivations || options.precision !== "f32";
  const batch = options.batch ?? (asked ? STEP : undefined);
  const memory = batch === undefined ? [] : [`step of ${batch}`];
  const cells = [
    ["model", "parameters", "multiply-adds", ...memory, "picture", "keys", "what it is"],
    ...rows.map((definition, done) => {
      progress.share(`counting ${definition.name}`, { done, total: rows.length }, "counting");
      return rowOf(definition, { ...options, batch });
    }),
  ];
  progress.clear();
  for (const line of aligned(cells, (c) => c >= 1 && c <= 3 + memory.length)) console.log(line);
  if (name !== undefined) {
    console.log(weightsLine(name));
    const { paper } = rows[0];
    if (paper !== undefined) console.log(paperLine(paper));
  }
  return Promise.resolve(0);
}

/** What is published for a model. */
function weightsLine(name: string): string {
  const rows = publishedWeights.filter(({ model }) => model === name);
  return rows.length === 0
    ? "published weights: none"
    : `published weights: imagenet:${name} and ${rows.length - 1} more, see weights --model ${name}`;
}

/** What a model's paper says of its size. */
const paperLine = ({ parameters, multiplyAdds, counts }: PaperSize): string =>
  `its paper, with 1,000 classes: ${parameters} M parameters, ${multiplyAdds} G multiply-adds, counting ${counts}`;

function rowOf(
  definition: ModelDefinition,
  { imageSize, classes, batch, checkpointActivations, precision, width }: ModelsFlags,
): string[] {
  const size = imageSize ?? definition.imageSize;
  const model = createModel(definition.name, { classes, imageSize: size, width });
  return [
    model.name,
    model.size.toLocaleString("en"),
    short(model.multiplyAdds),
    ...batch === undefined
      ? []
      : [formatBytes(trainingMemory(model, batch, adam(), { checkpointActivations, precision }))],
    `${size}×${size}`,
    definition.family.own ? "own" : "torchvision",
    width === 1 ? definition.summary : `${definition.summary}; here at width ${width}`,
  ];
}
