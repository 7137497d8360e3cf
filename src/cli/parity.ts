/**
 * `parity`: compares a full-size model with a reference file.
 *
 * @module
 */

import type { Device, Program, Session } from "../device/device.ts";
import { firstNames } from "../data/names.ts";
import { UserError } from "../errors.ts";
import { namesIn } from "../interop/keys/mod.ts";
import type { SafetensorsReader } from "../interop/safetensors.ts";
import { openSafetensors } from "../interop/safetensors_file.ts";
import { createModel, type Model, modelNamed } from "../models/mod.ts";
import {
  type Deviation,
  gradientDeviation,
  gradientGraph,
  isWithin,
  LEAST_ROUNDING,
  normOf,
  valueDeviation,
} from "../train/parity.ts";
import { evaluationGraph } from "../run/evaluation_graph.ts";
import { loadWeights } from "../run/weights.ts";
import { type Invocation, userPath } from "./command.ts";
import { chooseDevice } from "./device.ts";
import type * as tables from "./flags.ts";
import { ProgressLine } from "./progress.ts";

/** Tensors that are shown, the worst ones first. */
const SHOWN = 10;

/** Runs `parity`; gives the exit code: 1 when a tensor is past its limit. */
export async function run({ options, words }: Invocation<typeof tables.parity.flags>): Promise<number> {
  const [name, weightsPath, referencePath] = [words[0], userPath(words[1]), userPath(words[2])];
  modelNamed(name);
  const progress = new ProgressLine(false);
  progress.update(() => "reading the weights");
  using reference = await openSafetensors(referencePath);
  const { batch, model } = modelFor(name, reference, referencePath);
  const { fresh, interpolated, adapted } = await loadWeights(model, weightsPath);
  const unfit = [...fresh, ...interpolated, ...adapted];
  if (unfit.length > 0) {
    throw new UserError(
      `Cannot compare ${weightsPath} with ${referencePath}: its ${firstNames(unfit)} ${
        unfit.length > 1 ? "are" : "is"
      } of other sizes than the reference's`,
    );
  }
  progress.clear();
  await using device = await chooseDevice(options.backend, (line) => console.log(line));
  const rows = await deviations({ device, model, batch, reference }, progress);
  progress.clear();
  // A NaN is past every limit and sorts first.
  const share = ({ error, limit }: Deviation) => Number.isNaN(error) ? Infinity : error / limit;
  rows.sort((a, b) => share(b) - share(a));
  const past = rows.filter((row) => !isWithin(row));
  const shown = options.verbose ? rows : rows.slice(0, Math.max(SHOWN, past.length));
  console.log(table(shown));
  console.log(
    `${name}, ${batch} pictures of ${model.imageSize}×${model.imageSize}, ${model.classes} classes: ` +
      `${rows.length - past.length} of ${rows.length} tensors within their limits`,
  );
  return past.length === 0 ? 0 : 1;
}

/** The model with the sizes of the reference, without anything random. */
function modelFor(name: string, reference: SafetensorsReader, path: string): { batch: number; model: Model } {
  const shapeOf = (tensor: string, axes: number) => {
    const shape = reference.entries.get(tensor)?.shape;
    if (shape?.length === axes) return shape;
    throw new UserError(
      `Cannot compare with ${path}: it has no ${tensor} of ${axes} axes; it takes input, labels, logits, loss, grad.… and tol.…`,
    );
  };
  const [batch, channels, height, width] = shapeOf("input", 4);
  const [, classes] = shapeOf("logits", 2);
  shapeOf("labels", 1);
  shapeOf("loss", 1);
  if (height !== width) {
    throw new UserError(`Cannot compare with ${path}: its pictures of ${width}×${height} are not square`);
  }
  const { takes = [] } = modelNamed(name);
  const off = (["dropout", "attentionDropout", "stochasticDepth"] as const).filter((option) => takes.includes(option));
  const random = Object.fromEntries(off.map((option) => [option, 0]));
  return { batch, model: createModel(name, { classes, channels, imageSize: height, ...random }) };
}

/** Every tensor of the reference beside the model's. */
async function deviations(
  { device, model, batch, reference }: {
    readonly device: Device;
    readonly model: Model;
    readonly batch: number;
    readonly reference: SafetensorsReader;
  },
  progress: ProgressLine,
): Promise<Deviation[]> {
  const stages = 3;
  progress.share("computing logits", { done: 0, total: stages }, "computing");
  const valueOf = async (name: string) => (await reference.read(name)).values;
  using session = device.open(LEAST_ROUNDING);
  for (const { name } of model.parameters) session.write(name, model.weights.get(name)!);
  const images = await valueOf("input");
  const { logits } = await outputsOf(session, session.compile(evaluationGraph(model, batch)), { images });
  const rows = [valueDeviation("logits", logits, await valueOf("logits"))];
  const targets = oneHot(await valueOf("labels"), model.classes);
  progress.share("computing gradients", { done: 1, total: stages }, "computing");
  const program = session.compile(gradientGraph(model, batch));
  const { loss, ...grads } = await outputsOf(session, program, { images, targets });
  rows.push(valueDeviation("loss", loss, await valueOf("loss")));
  let squares = 0;
  progress.share("comparing gradients", { done: 2, total: stages }, "computing");
  const names = Object.keys(grads).map((key) => ({ key, theirs: nameIn(reference, model, key.slice("grad.".length)) }));
  // Read twice: all of them at once would take as much memory as the model again.
  for (const { theirs } of names) squares += normOf(await valueOf(`grad.${theirs}`)) ** 2;
  for (const { key, theirs } of names) {
    const [tol] = await valueOf(`tol.${theirs}`);
    rows.push(gradientDeviation(key, grads[key], await valueOf(`grad.${theirs}`), tol, Math.sqrt(squares)));
  }
  return rows;
}

/** What a reference calls a parameter: timm's models that torchvision has not come with timm's names. */
function nameIn(reference: SafetensorsReader, { name: model }: Model, name: string): string {
  if (reference.entries.has(`grad.${name}`)) return name;
  return namesIn(modelNamed(model).family, "timm", name)[0] ?? name;
}

async function outputsOf(session: Session, program: Program, inputs: Record<string, Float32Array>) {
  // Keys of random numbers that nothing draws.
  program.run({ keyHi: Float32Array.of(0), keyLo: Float32Array.of(0), ...inputs });
  await session.settle();
  return await program.outputs();
}

/** [N, classes]. */
function oneHot(labels: Float32Array, classes: number): Float32Array {
  const rows = new Float32Array(labels.length * classes);
  labels.forEach((label, n) => rows[n * classes + label] = 1);
  return rows;
}

function table(rows: readonly Deviation[]): string {
  const cells = [
    ["tensor", "off by", "limit"],
    ...rows.map((
      row,
    ) => [row.name, row.error.toExponential(2), row.limit.toExponential(2) + (isWithin(row) ? "" : "  PAST")]),
  ];
  const widths = [0, 1].map((c) => Math.max(...cells.map((row) => row[c].length)));
  return cells.map(([name, error, limit]) => `${name.padEnd(widths[0])}  ${error.padStart(widths[1])}  ${limit}`).join(
    "\n",
  );
}
