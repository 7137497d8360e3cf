/**
 * Refuses, before the first step, a batch that does not fit the device.
 *
 * @module
 */

import type { Device, MemoryUse } from "../device/device.ts";
import { memoryUse, totalOf } from "../device/memory.ts";
import { layOut } from "../device/webgpu/context.ts";
import { UserError } from "../errors.ts";
import type { Choices } from "../graph/choices.ts";
import type { Graph } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";
import type { Optimizer } from "./optimizers.ts";
import { type StepOptions, trainingGraph } from "./step.ts";

/** What is asked of a device here. */
type Measuring = Pick<Device, "description" | "maxTensorBytes" | "memoryBytes" | "measure">;

/**
 * Checks that a training step fits, a teacher's part included.
 *
 * @param choices How it is computed; by default as the device's own choices say.
 * @throws UserError with the bytes, the limit, and the largest batch that fits.
 */
export function checkFits(device: Measuring, model: Model, options: StepOptions, choices?: Choices): void {
  const problemOf = (batch: number) => problemIn(device, trainingGraph(model, { ...options, batch }), choices);
  const problem = problemOf(options.batch);
  if (!problem) return;
  const fits = largestThatFits(options.batch, (batch) => !problemOf(batch));
  const who = options.teacher ? `${model.name} with its teacher ${options.teacher.model.name}` : model.name;
  const advice = fits > 0 ? `give --batch ${fits} or less` : "give a smaller --image-size or another --model";
  throw new UserError(
    `A batch of ${options.batch} pictures of ${model.imageSize}×${model.imageSize} does not fit ${who} on ${device.description}: ${problem}; ${advice}`,
  );
}

function problemIn(device: Measuring, graph: Graph, choices?: Choices): string | undefined {
  let use: MemoryUse;
  try {
    use = device.measure(graph, choices);
  } catch (error) {
    // A tensor that is too large as a whole and in parts.
    if (error instanceof RangeError) return error.message;
    throw error;
  }
  if (use.largest > device.maxTensorBytes) {
    return `one tensor takes ${formatBytes(use.largest)} of at most ${formatBytes(device.maxTensorBytes)}`;
  }
  const total = totalOf(use);
  if (device.memoryBytes !== undefined && total > device.memoryBytes) {
    return `a step takes ${formatBytes(total)} and ${formatBytes(device.memoryBytes)} are free`;
  }
  return undefined;
}

/** Device memory of a multi-class training step in bytes: temporaries, state and inputs, as WebGPU lays them out. */
export function trainingMemory(
  model: Model,
  batch: number,
  optimizer: Optimizer,
  { checkpointActivations, precision }: Pick<StepOptions, "checkpointActivations" | "precision"> = {},
): number {
  const options = {
    task: "multiclass",
    batch,
    optimizer,
    weightDecay: 0,
    labelSmoothing: 0,
    skipNonFinite: false,
    checkpointActivations,
    precision,
  } as const;
  const limits = { maxBuffer: Number.MAX_SAFE_INTEGER, maxBinding: Number.MAX_SAFE_INTEGER };
  return totalOf(memoryUse(layOut(trainingGraph(model, options), limits).plan));
}

/** Largest number below `tooMany` for which `fits` holds; 0 when there is none. `fits` holds up to some number only. */
export function largestThatFits(tooMany: number, fits: (count: number) => boolean): number {
  let low = 0;
  let high = tooMany;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/** `1.5 GiB`: three digits at most. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1000 && unit < units.length - 1) {
    bytes /= 1024;
    unit++;
  }
  return `${unit === 0 || bytes >= 100 ? Math.round(bytes) : bytes.toPrecision(2)} ${units[unit]}`;
}
