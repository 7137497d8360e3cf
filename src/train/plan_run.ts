/**
 * What is settled before a run begins: its batch, how its steps are computed, and that they fit the device.
 *
 * `--batch auto` tries what fits by the plan, then halves while the device runs out of memory all the same.
 *
 * @module
 */

import { DeviceLostError } from "../device/device_lost.ts";
import { isFile } from "../data/paths.ts";
import { OutOfMemoryError } from "../device/out_of_memory.ts";
import { option, UserError } from "../errors.ts";
import type { Choices } from "../graph/choices.ts";
import { readConfig, settingsIn } from "../run/config.ts";
import { checkpointPath } from "../run/run_directory.ts";
import { checkStep } from "./check_step.ts";
import { budgetOf, MemoryError } from "./budget.ts";
import { checkTeacher } from "./distillation.ts";
import { checkFits, fits, largestThatFits, memoryOfRun, noneFits, programsOf, ranOut } from "./memory.ts";
import type { RunOptions } from "./settled_options.ts";
import { ratesOfRun } from "./rates.ts";
import { type LearningStep, stepOf } from "./step.ts";
import { choicesFor } from "./tuning.ts";

/** What a run is to be. */
export interface RunPlan {
  /** Pictures that are asked for in a step; {@link step} has fewer where the training split has. */
  readonly batch: number;
  readonly step: LearningStep;
  /** Ways to compute. */
  readonly choices: Choices;
}

/**
 * The largest batch that `auto` takes. With more pictures a step is hardly faster for each, and there are few steps in
 * an epoch. Usual learning rates are too low then (Goyal et al. 2017, who scale theirs from 256).
 */
const MOST = 256;

/** A larger batch is a multiple of this, as tiles and vectors are. */
const EIGHT = 8;

/**
 * Plans a run.
 *
 * @param samples Size of the training split.
 * @param valSamples Size of the validation split.
 * @throws MemoryError when it does not fit the device.
 */
export async function planRun(options: RunOptions, samples: number, valSamples: number): Promise<RunPlan> {
  const { batch, model, teacher } = options;
  if (teacher) checkTeacher(teacher, model);
  const sizes = { samples, valSamples };
  const { resume, out, device } = options;
  const isResumed = resume && out !== undefined;
  // A resumed run goes by what was measured when it began.
  if (isResumed) device.rates = await ratesOfRun(out.path);
  if (batch === "auto" && !isResumed) return await findBatch(options, sizes);
  const asked = batch === "auto" ? await batchOfRun(out!.path) : batch;
  try {
    return await planWith(options, asked, sizes);
  } catch (error) {
    throw await explained(error, options, stepOf({ ...options, batch: asked }, samples));
  }
}

/**
 * What is to be thrown where a run fails, all its sessions being closed. The device's word that it ran out of memory
 * becomes an error that names a smaller batch. After it the device is usable again. Of a device that is gone, it is
 * told how to go on.
 */
export async function explained(
  error: unknown,
  options: RunOptions,
  step: LearningStep,
  choices?: Choices,
): Promise<unknown> {
  const { device, model, out } = options;
  if (error instanceof DeviceLostError && out !== undefined) {
    if (!await isFile(checkpointPath(out.path, "last"))) return error;
    return new DeviceLostError(
      error.reason,
      `what was saved before is kept: go on with ${option("resume")} ${out.path}`,
    );
  }
  if (!(error instanceof OutOfMemoryError)) return error;
  await device.recover?.();
  return ranOut(device, model, step, { ...options, choices });
}

/** Sizes of the splits. */
interface Sizes {
  readonly samples: number;
  readonly valSamples: number;
}

async function planWith(options: RunOptions, batch: number, { samples, valSamples }: Sizes): Promise<RunPlan> {
  const { device, model } = options;
  const step = stepOf({ ...options, batch }, samples);
  // A run that goes on has trained so already.
  if (!options.resume) checkStep(model, step);
  checkFits(device, model, step, options);
  const choices = await choicesFor(options, step, Math.min(batch, valSamples));
  if (choices !== device.choices) checkFits(device, model, step, { ...options, choices });
  return { batch, step, choices };
}

/** The batch that a run began with. */
async function batchOfRun(run: string): Promise<number> {
  const config = await readConfig(run);
  // The first runs kept it beside their flags.
  const { batch } = config.settings ? settingsIn(config, run) : config;
  if (typeof batch === "number") return batch;
  throw new UserError(`Cannot resume ${run}: its config.json does not say of how many pictures its steps are`);
}

/** The largest batch that fits by the plan, and for which the device has memory. */
async function findBatch(options: RunOptions, sizes: Sizes): Promise<RunPlan> {
  const { device, model, channel } = options;
  let batch = largestByPlan(options, sizes.samples);
  for (;;) {
    try {
      // Before anything is timed for a batch, it is seen whether there is memory for it.
      await allocate(options, stepOf({ ...options, batch }, sizes.samples), device.choices);
      const plan = await planWith(options, batch, sizes);
      if (plan.choices !== device.choices) await allocate(options, plan.step, plan.choices);
      const memory = memoryOfRun(device, model, plan.step, plan.choices);
      channel.note({ type: "batch", batch, memory, budget: budgetOf(device, options.memory) });
      return plan;
    } catch (error) {
      if (!(error instanceof OutOfMemoryError || error instanceof MemoryError)) throw error;
      await device.recover?.();
      if (batch === 1) throw noneFits(device, model, stepOf({ ...options, batch }, sizes.samples), options);
    }
    const half = Math.floor(batch / 2);
    channel.warn(`there is no memory for a batch of ${batch} after all: ${half} are tried`);
    batch = half;
  }
}

/** The largest batch that fits by the plan: in eights, or below eight. Throws MemoryError where there is none. */
function largestByPlan(options: RunOptions, samples: number): number {
  const { device, model } = options;
  const most = Math.min(MOST, samples);
  const stepWith = (batch: number) => stepOf({ ...options, batch }, samples);
  const does = (batch: number) => fits(device, model, stepWith(batch), options);
  const eights = largestThatFits(Math.floor(most / EIGHT) + 1, (count) => does(count * EIGHT));
  const batch = eights > 0 ? eights * EIGHT : largestThatFits(Math.min(most + 1, EIGHT), does);
  if (batch === 0) throw noneFits(device, model, stepWith(1), options);
  return batch;
}

/** Takes the memory of a run and gives it back. Throws OutOfMemoryError where the device has not so much. */
async function allocate({ device, model }: RunOptions, step: LearningStep, choices: Choices): Promise<void> {
  using session = device.open(choices);
  for (const graph of programsOf(model, step)) session.compile(graph);
  await session.settle();
}
