/**
 * Memory of a run: what it takes, and what to do where that is too much.
 *
 * A batch that does not fit is refused before the first step, with the largest that does. Counted are the steps, the
 * gathering one too, and a batch of the validation. They stand against what `--memory` gives, what the host has free,
 * or a guess for a GPU (`src/device/webgpu/assumed_memory.ts`).
 *
 * @module
 */

import { sizeOf } from "../../kernels/op.ts";
import type { Device, MemoryUse } from "../device/device.ts";
import { memoryUse, totalOf } from "../device/memory.ts";
import { webGpuTarget } from "../device/webgpu/limits.ts";
import type { Choices } from "../graph/choices.ts";
import { compile } from "../graph/compile.ts";
import type { Graph } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";
import { type NameOption, orList } from "../errors.ts";
import { AVERAGE } from "../run/checkpoint.ts";
import { type Budget, budgetOf, budgetText, formatBytes, MemoryError } from "./budget.ts";
import type { Optimizer } from "./optimizers/mod.ts";
import { evaluationGraph } from "../run/evaluation_graph.ts";
import { type StepOptions, trainingGraph } from "./step.ts";

/** What is asked of a device here. */
type Measuring =
  & Pick<Device, "description" | "maxTensorBytes" | "memoryBytes" | "measure">
  & Partial<Pick<Device, "memoryIsAssumed" | "precisions">>;

/** What else matters to the memory of a run. */
export interface FitOptions {
  /** Bytes that it may take; default what the device says. */
  readonly memory?: number;
  /** How it is computed; default as the device's own choices say. */
  readonly choices?: Choices;
  /** It goes on with the batch that it began with. */
  readonly resume?: boolean;
}

/** The graphs whose programs a run holds at one time: its steps, and the validation of a batch. */
export function programsOf(model: Model, step: StepOptions): Graph[] {
  const gathering: StepOptions[] = step.accumulation === "update" ? [{ ...step, accumulation: "gather" }] : [];
  return [
    ...[...gathering, step].map((each) => trainingGraph(model, each)),
    evaluationGraph(model, step.batch, step.averages ? AVERAGE : ""),
  ];
}

/** Device memory of a run in bytes. Throws RangeError for a tensor that is too large as a whole and in parts. */
export function memoryOfRun(device: Measuring, model: Model, step: StepOptions, choices?: Choices): number {
  return totalOf(useOf(device, model, step, choices));
}

function useOf(device: Measuring, model: Model, step: StepOptions, choices?: Choices): MemoryUse {
  const uses = programsOf(model, step).map((graph) => device.measure(graph, choices));
  const most = (key: keyof MemoryUse) => Math.max(...uses.map((use) => use[key]));
  return {
    // The arena and the textures are shared, and every state is one of the step that updates, but for a mean over
    // epochs, which is made between steps.
    ...{ temporaries: most("temporaries"), lowerBound: most("lowerBound"), textures: most("textures") },
    ...{ state: most("state") + (step.swa ? bytesOf(model) : 0), largest: most("largest") },
    inputs: uses.reduce((sum, { inputs }) => sum + inputs, 0),
  };
}

/** Bytes of a model's weights and running statistics. */
function bytesOf({ parameters }: Model): number {
  return parameters.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0);
}

/** What is too large. */
interface Problem {
  readonly text: (name: NameOption) => string;
  /** Of a run that takes too much in all. */
  readonly use?: MemoryUse;
  readonly budget?: Budget;
}

function problemIn(
  device: Measuring,
  model: Model,
  step: StepOptions,
  { memory, choices }: FitOptions,
): Problem | undefined {
  let use: MemoryUse;
  try {
    use = useOf(device, model, step, choices);
  } catch (error) {
    // A tensor that is too large as a whole and in parts.
    if (error instanceof RangeError) return { text: () => error.message };
    throw error;
  }
  if (use.largest > device.maxTensorBytes) {
    const [largest, most] = [use.largest, device.maxTensorBytes].map(formatBytes);
    return { text: () => `one tensor takes ${largest} of at most ${most}` };
  }
  const budget = budgetOf(device, memory);
  if (!budget || totalOf(use) <= budget.bytes) return undefined;
  return { text: (name) => `training takes ${formatBytes(totalOf(use))} and ${budgetText(budget, name)}`, use, budget };
}

/** Does a run fit by the plan? */
export function fits(device: Measuring, model: Model, step: StepOptions, options: FitOptions = {}): boolean {
  return problemIn(device, model, step, options) === undefined;
}

/**
 * Checks that a run fits by the plan: its steps, a teacher's part included, and its validation.
 *
 * @throws MemoryError with the bytes, the limit, and the largest batch that fits.
 */
export function checkFits(device: Measuring, model: Model, step: StepOptions, options: FitOptions = {}): void {
  const problem = problemIn(device, model, step, options);
  if (!problem) return;
  const batch = options.resume
    ? step.batch
    : largestThatFits(step.batch, (batch) => fits(device, model, { ...step, batch }, options));
  if (batch === 0) throw noneFits(device, model, { ...step, batch: 1 }, options);
  throw new MemoryError((name) => {
    const ways = [
      ...options.resume ? [] : [`${name("batch")} ${batch} or less`],
      ...moreMemory(problem.budget, name),
    ];
    return `A batch of ${step.batch} ${pictures(model)} does not fit ${who(model, step)} on ${device.description}: ${
      problem.text(name)
    }; ${
      ways.length > 0 ? `give ${ways.join(", or ")}` : "a resumed run keeps its batch: resume it where there is more"
    }`;
  });
}

/** The error of a model of which not one picture fits: by the plan or, where that allows it, on the device. */
export function noneFits(device: Measuring, model: Model, step: StepOptions, options: FitOptions = {}): MemoryError {
  const problem = problemIn(device, model, step, options);
  const use = problem ? problem.use : useOf(device, model, step, options.choices);
  const what = problem?.text ?? (() => `training takes ${formatBytes(totalOf(use!))}, and the device has not so much`);
  const held = problem?.budget && use ? use.state > problem.budget.bytes : false;
  return new MemoryError((name) => {
    const ways = [
      ...use
        ? held ? waysToHoldLess(step, name) : waysToStoreLess(device, step, name)
        : [`a smaller ${name("imageSize")}`],
      `another ${name("model")}`,
      ...step.teacher ? [`a smaller ${name("teacher")}`] : [],
      ...moreMemory(problem?.budget, name),
    ];
    const state = use ? ` (${formatBytes(use.state)} for weights and the optimizer's state)` : "";
    return `Not even one picture of ${model.imageSize}×${model.imageSize} fits ${
      who(model, step)
    } on ${device.description}: ${what(name)}${state}; give ${orList(ways)}`;
  });
}

/** A way to a larger budget, where it is not what the device has. */
function moreMemory(budget: Budget | undefined, name: NameOption): string[] {
  if (!budget || budget.from === "free") return [];
  return [budget.from === "given" ? `a larger ${name("memory")}` : `${name("memory")} if there is more`];
}

/** Ways to fewer temporaries. */
function waysToStoreLess(device: Measuring, step: StepOptions, name: NameOption): string[] {
  return [
    ...step.checkpointActivations ? [] : [name("checkpointActivations")],
    ...step.precision === "f16" || !device.precisions?.includes("f16") ? [] : [`${name("precision")} f16`],
    `a smaller ${name("imageSize")}`,
  ];
}

/** Ways to less state. SGD has one moment. */
function waysToHoldLess({ optimizer }: StepOptions, name: NameOption): string[] {
  const matrix = [64, 64];
  const moments = Object.values(optimizer.moments(matrix)).reduce((sum, shape) => sum + sizeOf(shape), 0);
  return [...moments > sizeOf(matrix) ? [`${name("optimizer")} sgd`] : [], `${name("freeze")} for some layers`];
}

/**
 * The error of a run that fits by the plan and for which the device has no memory all the same. How much it has is not
 * known: the batch that takes half as much is named.
 */
export function ranOut(device: Measuring, model: Model, step: StepOptions, options: FitOptions = {}): MemoryError {
  const total = (batch: number) => memoryOfRun(device, model, { ...step, batch }, options.choices);
  const whole = total(step.batch);
  const batch = largestThatFits(step.batch, (batch) => total(batch) <= whole / 2);
  return new MemoryError((name) => {
    const advice = options.resume
      ? "a resumed run keeps its batch: resume it where there is more"
      : batch > 0
      ? `give ${name("batch")} ${batch}, which takes half as much, or ${
        name("batch")
      } auto, which looks for the largest`
      : `give ${name("batch")} auto, which looks for the largest that fits`;
    return `A batch of ${step.batch} ${pictures(model)} leaves ${device.description} without memory: ${
      who(model, step)
    } takes ${formatBytes(whole)} by the plan, and the device has not so much; ${advice}`;
  });
}

/** `pictures of 64×64`. */
function pictures({ imageSize }: Model): string {
  return `pictures of ${imageSize}×${imageSize}`;
}

function who(model: Model, { teacher }: StepOptions): string {
  return teacher ? `${model.name} with its teacher ${teacher.model.name}` : model.name;
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
  return totalOf(memoryUse(compile(trainingGraph(model, options), webGpuTarget(limits))));
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
