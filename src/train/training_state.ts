/**
 * What a run has learnt so far, and the step that goes on from there.
 *
 * All that outlives a step lies in a session on the device: parameters, moments, running statistics and counters. How
 * far the run is lies beside it. What {@link TrainingState.snapshot} reads, {@link TrainingState.restore} goes on from,
 * to the same bytes.
 *
 * @module
 */

import { sizeOf } from "../../kernels/op.ts";
import { randomKey } from "../../kernels/random.ts";
import type { Batch } from "../data/batches/batch.ts";
import type { Program, Session, Values } from "../device/device.ts";
import { mixInputs } from "../augment/device/mix.ts";
import { totalOf } from "../device/memory.ts";
import { UserError } from "../errors.ts";
import type { Preprocessing, Progress, Tensors } from "../run/checkpoint.ts";
import type { LossScale } from "../track/tracker.ts";
import { teacherState } from "./distillation.ts";
import { initialLossScale, LOSS_SCALE, lossScaleIn } from "./loss_scale.ts";
import type { ResolvedOptions } from "./options.ts";
import { learningRateAt, type Schedule } from "./schedules.ts";
import { COUNTERS, initialState, type LearningStep, LOGIT_OFFSET, trainingGraph } from "./step.ts";
import { gatheredName, momentName } from "./update_chain.ts";

/** What the steps have counted. */
export interface Counts {
  /** Mean loss of the pictures since the window began; null where no step counts. */
  readonly loss: number | null;
  /** Steps of the run that were left out because they were not finite. */
  readonly skipped: number;
  /** The first of them. */
  readonly firstSkipped: number;
  /** In half precision. */
  readonly lossScale?: LossScale;
}

/** What a state is made of. */
export interface StateParts {
  readonly options: ResolvedOptions;
  /** The step that updates. */
  readonly step: LearningStep;
  /** Nothing is in it yet. */
  readonly session: Session;
  /** Steps in an epoch. */
  readonly steps: number;
  /** Weights of the classes or of the labels' positives in the loss. */
  readonly classWeights: readonly number[];
  /** What is added to the logits of the classes in the loss, where something is. */
  readonly logitOffset?: readonly number[];
  readonly preprocessing: Preprocessing;
}

/** A run between two steps. */
export class TrainingState {
  /** Steps in an epoch. */
  readonly steps: number;
  readonly #options: ResolvedOptions;
  readonly #step: LearningStep;
  readonly #schedule: Schedule;
  readonly #session: Session;
  /** The step that updates; before it, where several steps make one update, come those that gather. */
  readonly #program: Program;
  readonly #gathering?: Program;
  /** Shapes of all states by name. */
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  readonly #counters: readonly string[];
  #progress: Progress = { epoch: 0, step: 0, stepsDone: 0 };

  /** The start of a run: initial weights, and nothing counted. */
  constructor({ options, step, session, steps, classWeights, logitOffset, preprocessing }: StateParts) {
    const { model, optimizer, accumulate, precision, teacher } = options;
    this.steps = steps;
    this.#options = options;
    this.#step = step;
    this.#session = session;
    this.#schedule = {
      name: options.schedule,
      learningRate: options.learningRate,
      totalSteps: options.epochs * steps,
      warmupSteps: Math.round(options.warmupEpochs * steps),
      fallEvery: options.fallEvery * steps,
      gamma: options.gamma,
    };
    this.#counters = [COUNTERS, ...precision === "f16" ? [LOSS_SCALE] : []].flatMap((x) => Object.values(x));
    this.#shapes = shapesOf(options, step, this.#counters);
    model.initialize(options.seed);
    if (accumulate > 1) this.#gathering = session.compile(trainingGraph(model, { ...step, accumulation: "gather" }));
    this.#program = session.compile(trainingGraph(model, step));
    // Only now, so that they lie side by side.
    const states = [
      ...model.weights,
      ...initialState(model, optimizer, classWeights, step.learning, accumulate > 1),
      ...logitOffset ? [[LOGIT_OFFSET, Float32Array.from(logitOffset)] as const] : [],
      ...precision === "f16" ? initialLossScale() : [],
      ...teacher ? teacherState(teacher, preprocessing) : [],
    ];
    for (const [name, values] of states) session.write(name, values);
  }

  /** How far the run is. */
  get progress(): Progress {
    return this.#progress;
  }

  /** Steps of the run that are done. */
  get stepsDone(): number {
    return this.#progress.stepsDone;
  }

  /** Are all steps of the epoch done? */
  get isEpochDone(): boolean {
    return this.#progress.step === this.steps;
  }

  /** What a step takes, and how much it learns. */
  get size(): { memory: number; dispatches: number; learnt: number } {
    const { rates } = this.#step.learning;
    const learnt = this.#options.model.parameters.filter(({ name }) => rates.has(name));
    return {
      memory: totalOf(this.#program.memory),
      dispatches: this.#program.steps,
      learnt: learnt.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    };
  }

  /** Compiles the kernels of a step. */
  async prepare(onProgress: (done: number, total: number) => void): Promise<void> {
    for (const program of [this.#program, this.#gathering]) await program?.prepare(onProgress);
  }

  /** Learns from a batch: the next one of the epoch. The device works on it later; what is read waits for it. */
  step(batch: Batch): void {
    const { optimizer, accumulate } = this.#options;
    const { epoch, step, stepsDone } = this.#progress;
    // The step is one of `together` that make one update; the last of an epoch has what is left.
    const first = step - step % accumulate;
    const together = Math.min(accumulate, this.steps - first);
    const updatesBefore = epoch * Math.ceil(this.steps / accumulate) + first / accumulate;
    const scalars = optimizer.scalars(this.learningRate(stepsDone), updatesBefore);
    const program = step + 1 === first + together ? this.#program : this.#gathering!;
    program.run({ ...this.inputsOf(batch, stepsDone), ...scalarValues({ ...scalars, share: 1 / together }) });
    this.#progress = { ...this.#progress, step: step + 1, stepsDone: stepsDone + 1 };
  }

  /** What the graphs of a step are given of a batch. */
  inputsOf({ images, targets, weight }: Batch, step: number): Values {
    const { seed, model: { imageSize } } = this.#options;
    const [keyHi, keyLo] = randomKey(seed, step);
    const { batch, mixing } = this.#step;
    const when = { seed, step, epoch: Math.floor(step / this.steps) };
    const mixed = mixing && mixInputs(mixing, batch, imageSize, when);
    return { images, targets, weight, ...mixed, ...scalarValues({ keyHi, keyLo, step }) };
  }

  /** Learning rate of a step of the run. */
  learningRate(step: number): number {
    return learningRateAt(step, this.#schedule);
  }

  /** Waits for the device. */
  settle(): Promise<void> {
    return this.#session.settle();
  }

  /** Reads what the steps have counted, which waits for the device. */
  async counts(): Promise<Counts> {
    const values = await this.#session.read(this.#counters);
    const of = (name: string) => values.get(name)![0];
    const count = of(COUNTERS.lossCount);
    return {
      loss: count > 0 ? of(COUNTERS.lossSum) / count : null,
      skipped: of(COUNTERS.skipped),
      firstSkipped: of(COUNTERS.firstSkipped),
      lossScale: lossScaleIn(values),
    };
  }

  /** Losses count anew from here. */
  beginWindow(): void {
    for (const name of [COUNTERS.lossSum, COUNTERS.lossCount]) this.#session.write(name, Float32Array.of(0));
  }

  /** Goes on to the next epoch. */
  endEpoch(best: Progress["best"]): void {
    this.#progress = { ...this.#progress, epoch: this.#progress.epoch + 1, step: 0, best };
  }

  /** The model's parameters as they are. */
  weights(): Promise<Tensors> {
    return this.#read(this.#options.model.parameters.map(({ name }) => name));
  }

  /** Everything that the next step depends on, but for {@link progress}. */
  snapshot(): Promise<Tensors> {
    return this.#read([...this.#shapes.keys()]);
  }

  /**
   * Goes on from a snapshot.
   *
   * @param run What is resumed, for the error.
   * @throws UserError when something is missing there.
   */
  restore(tensors: Tensors, progress: Progress, run: string): void {
    const { epoch, step, stepsDone } = progress;
    if (step > this.steps || epoch * this.steps + step !== stepsDone) {
      throw new UserError(
        `Cannot resume ${run}: it was stopped after epoch ${epoch}, step ${step}, which was step ${stepsDone} of the run, ` +
          `and an epoch has ${this.steps} steps now; give the training pictures that it began with`,
      );
    }
    for (const [name, shape] of this.#shapes) {
      const tensor = tensors.get(name);
      if (!tensor || `${tensor.shape}` !== `${shape}`) {
        throw new UserError(`Cannot resume ${run}: its last checkpoint has no ${name} of [${shape.join(", ")}]`);
      }
      this.#session.write(name, tensor.values);
    }
    this.#progress = progress;
  }

  async #read(names: readonly string[]): Promise<Tensors> {
    const values = await this.#session.read(names);
    return new Map(names.map((name) => [name, { shape: this.#shapes.get(name)!, values: values.get(name)! }]));
  }
}

/** Every state of a run by name, with its shape. */
function shapesOf(
  { model, optimizer, accumulate }: ResolvedOptions,
  { learning }: LearningStep,
  counters: readonly string[],
): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const { name, shape } of model.parameters) {
    shapes.set(name, shape);
    if (!learning.rates.has(name)) continue;
    for (const [moment, itsShape] of Object.entries(optimizer.moments(shape))) {
      shapes.set(momentName(moment, name), itsShape);
    }
    if (accumulate > 1) shapes.set(gatheredName(name), shape);
  }
  for (const name of counters) shapes.set(name, []);
  return shapes;
}

function scalarValues(values: Readonly<Record<string, number>>): Record<string, Float32Array> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Float32Array.of(value)]));
}
