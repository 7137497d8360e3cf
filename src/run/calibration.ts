/**
 * `calibration.json` of a run: the temperature that makes its probabilities honest, fitted on its validation split.
 * Tests and predictions with the run's best checkpoint divide logits by it. No decision between classes changes.
 *
 * @module
 */

import { join } from "node:path";
import type { Task } from "../data/labels.ts";
import { UserError } from "../errors.ts";
import { readText, writeAtomic } from "../files.ts";
import { fitTemperature, predictClasses, type Temperature } from "../metrics/mod.ts";
import type { Predictions } from "./predictions.ts";

/** Name of the file. */
const FILE = "calibration.json";

/** What a run was calibrated to. */
export interface Calibration extends Temperature {
  /** Pictures that it was fitted on. */
  readonly pictures: number;
  /** Epoch of the weights, from 1. */
  readonly epoch: number | undefined;
}

/**
 * Fits a temperature.
 *
 * @param predictions Of the validation split.
 * @param classes Classes or labels, K.
 * @param epoch Epoch of the weights.
 * @throws {UserError} When there are no pictures.
 */
export function calibrate(
  task: Task,
  { logits, targets }: Predictions,
  classes: number,
  epoch: number | undefined,
): Calibration {
  const found = task === "multiclass"
    ? fitTemperature(logits, predictClasses(targets, classes), classes)
    : fitTemperature(logits, targets, 1);
  if (!found) throw new UserError("Cannot calibrate: the validation split is empty");
  return { ...found, pictures: logits.length / classes, epoch };
}

/** Keeps a calibration with its run. */
export async function writeCalibration(run: string, calibration: Calibration): Promise<void> {
  await writeAtomic(join(run, FILE), `${JSON.stringify(calibration, null, 2)}\n`);
}

/**
 * The calibration of a run.
 *
 * @param run Its directory.
 * @param epoch Epoch of the weights that are asked: one of others says nothing of them.
 * @returns Undefined where there is none for these weights.
 * @throws {UserError} When the file is damaged.
 */
export async function readCalibration(run: string, epoch: number | undefined): Promise<Calibration | undefined> {
  const path = join(run, FILE);
  const text = await readText(path);
  if (text === undefined) return undefined;
  let kept: Partial<Calibration>;
  try {
    kept = JSON.parse(text);
  } catch {
    kept = {};
  }
  const { temperature } = kept;
  if (typeof temperature !== "number" || !(temperature > 0)) {
    throw new UserError(`${path} is damaged: remove it, or calibrate the run again`);
  }
  return kept.epoch === epoch ? kept as Calibration : undefined;
}
