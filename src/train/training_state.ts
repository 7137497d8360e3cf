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
import { stepsOf } from "../run/values.ts";
import { mergedTensors } from "./adapt.ts";
import { averageName, emaDecay, meanWith, statisticsGraph, swaIndex } from "./averages.ts";
import type { Preprocessing, Progress, Tensors } from "../run/checkpoint.ts";
import type { LossScale } from "../track/tracker.ts";
import { teacherState } from "./distillation.ts";
import { initialLossScale, LOSS_SCALE, lossScaleIn } from "./loss_scale.ts";
import type { ResolvedOptions } from "./settled_options.ts";
import { probeOf } from "./parameter_groups.ts";
import { learningRateAt, momentumAt, type Schedule } from "./schedules.ts";
import { COUNTERS, initialState, type LearningStep, LOGIT_OFFSET, trainingGraph } from "./step.ts";
import { gatheredName, isMoment, momentName } from "./update_chain.ts";

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

/** How weights may be averaged: see `averages.ts`. */
export type AverageKind = "ema" | "swa";

/** Of a step: the one that updates; before it, where several make one update, come those that gather. */
interface Programs {
  readonly step: LearningStep;
  readonly update: Program;
  readonly gather?: Program;
}

/** A run between two steps. */
export class TrainingState {
  /** Steps in an epoch. */
  readonly steps: number;
  readonly #options: ResolvedOptions;
  readonly #schedule: Schedule;
  readonly #session: Session;
  readonly #whole: Programs;
  /** Of the first epochs, where the head alone is learnt in them. */
  readonly #probe?: Programs;
  /** Counts the running statistics of averaged weights; made when it is first needed. */
  #statistics?: Program;
  /** Shapes of all states by name, but for averages that begin late. */
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  readonly #counters: readonly string[];
  #progress: Progress = { epoch: 0, step: 0, stepsDone: 0 };

  /** The start of a run: initial weights, and nothing counted. */
  constructor({ options, step, session, steps, classWeights, logitOffset, preprocessing }: StateParts) {
    const { model, optimizer, accumulate, precision, teacher, freezeEpochs } = options;
    this.steps = steps;
    this.#options = options;
    this.#session = session;
    this.#schedule = scheduleOf(options, steps);
    this.#counters = [COUNTERS, ...precision === "f16" ? [LOSS_SCALE] : []].flatMap((x) => Object.values(x));
    this.#shapes = shapesOf(options, step, this.#counters);
    model.initialize(options.seed);
    const programsOf = (step: LearningStep): Programs => {
      const compiled = (each: LearningStep) => session.compile(trainingGraph(model, each));
      const gather = accumulate > 1 ? compiled({ ...step, accumulation: "gather" }) : undefined;
      return { step, gather, update: compiled(step) };
    };
    if (freezeEpochs > 0) this.#probe = programsOf({ ...step, learning: probeOf(model, step.learning) });
    this.#whole = programsOf(step);
    // Only now, so that they lie side by side.
    const states = [
      ...model.weights,
      ...initialState(model, optimizer, classWeights, step.learning, accumulate > 1),
      ...step.averages
        ? model.parameters.map(({ name }) => [averageName(name), model.weights.get(name)!] as const)
        : [],
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
    const { step: { learning: { rates } }, update } = this.#whole;
    const learnt = this.#options.model.parameters.filter(({ name }) => rates.has(name));
    return {
      memory: totalOf(update.memory),
      dispatches: update.steps,
      learnt: learnt.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    };
  }

  /** Compiles the kernels of a step. */
  async prepare(onProgress: (done: number, total: number) => void): Promise<void> {
    for (const { update, gather } of [this.#whole, ...this.#probe ? [this.#probe] : []]) {
      for (const program of [update, gather]) await program?.prepare(onProgress);
    }
  }

  /** The programs of the epoch: in the first ones the head alone may be learnt. */
  get #programs(): Programs {
    return this.#probe && this.#progress.epoch < this.#options.freezeEpochs ? this.#probe : this.#whole;
  }

  /** What a step of this epoch learns, and how. */
  get learningStep(): LearningStep {
    return this.#programs.step;
  }

  /** Learns from a batch: the next one of the epoch. The device works on it later; what is read waits for it. */
  step(batch: Batch): void {
    const { optimizer, accumulate, freezeEpochs } = this.#options;
    const { epoch, step, stepsDone } = this.#progress;
    // The step is one of `together` that make one update; the last of an epoch has what is left.
    const first = step - step % accumulate;
    const together = Math.min(accumulate, this.steps - first);
    const perEpoch = Math.ceil(this.steps / accumulate);
    const updatesBefore = epoch * perEpoch + first / accumulate;
    // After a linear probe the optimiser begins anew.
    const since = updatesBefore - (epoch < freezeEpochs ? 0 : freezeEpochs * perEpoch);
    const scalars = {
      ...optimizer.scalars(this.learningRate(stepsDone), since, this.#momentum(stepsDone)),
      averageShare: 1 - emaDecay(updatesBefore, this.#options),
      share: 1 / together,
    };
    const { update, gather } = this.#programs;
    const program = step + 1 === first + together ? update : gather!;
    program.run({ ...this.inputsOf(batch, stepsDone), ...scalarValues(scalars) });
    this.#progress = { ...this.#progress, step: step + 1, stepsDone: stepsDone + 1 };
  }

  /** What the graphs of a step are given of a batch. */
  inputsOf({ images, targets, weight }: Batch, step: number): Values {
    const { seed, model: { imageSize } } = this.#options;
    const [keyHi, keyLo] = randomKey(seed, step);
    const { batch, mixing } = this.#whole.step;
    const when = { seed, step, epoch: Math.floor(step / this.steps) };
    const mixed = mixing && mixInputs(mixing, batch, imageSize, when);
    return { images, targets, weight, ...mixed, ...scalarValues({ keyHi, keyLo, step }) };
  }

  /** Learning rate of a step of the run. */
  learningRate(step: number): number {
    const { swaLearningRate } = this.#options;
    const isAveraged = swaIndex(Math.floor(step / this.steps), this.#options) !== undefined;
    if (isAveraged && swaLearningRate !== undefined) return swaLearningRate;
    return learningRateAt(step, { ...this.#schedule, falls: this.#progress.plateau?.falls });
  }

  /** Momentum of a step of the run, where the schedule moves it. */
  #momentum(step: number): number | undefined {
    return this.#options.cycleMomentum ? momentumAt(step, this.#schedule) : undefined;
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

  /**
   * Which average stands for the weights; undefined where they stand for themselves.
   *
   * @param endsEpoch At the end of this epoch, or within it, where a mean over epochs is not whole?
   */
  averageNow(endsEpoch: boolean): AverageKind | undefined {
    if (this.#whole.step.averages) return "ema";
    return endsEpoch && swaIndex(this.#progress.epoch, this.#options) !== undefined ? "swa" : undefined;
  }

  /**
   * Takes the weights into their mean over epochs, where the epoch is one of those, and counts its running statistics.
   *
   * @param batches The epoch's.
   * @param onProgress Is told how many batches are done.
   */
  async averageEpoch(batches: () => AsyncIterable<Batch>, onProgress: (done: number) => void): Promise<void> {
    const index = swaIndex(this.#progress.epoch, this.#options);
    if (index === undefined) return;
    const { model } = this.#options;
    const names = model.parameters.map(({ name }) => name);
    const now = await this.#session.read(names);
    const before = index === 0 ? undefined : await this.#session.read(names.map(averageName));
    for (const { name, trainable } of model.parameters) {
      const value = now.get(name)!;
      const average = before && trainable ? meanWith(before.get(averageName(name))!, value, index) : value;
      this.#session.write(averageName(name), average);
    }
    const { batch, augSplits = 1, learning: { frozen } } = this.#whole.step;
    const graph = statisticsGraph(model, augSplits * batch, frozen);
    if (graph.assignments.length === 0) return;
    this.#statistics ??= this.#session.compile(graph);
    const first = this.#progress.epoch * this.steps;
    let done = 0;
    for await (const { images } of batches()) {
      const [keyHi, keyLo] = randomKey(this.#options.seed, first + done);
      this.#statistics.run({ images, ...scalarValues({ keyHi, keyLo, momentum: 1 / (done + 1) }) });
      // Lest work pile up on the device.
      await this.#session.settle();
      onProgress(++done);
    }
  }

  /** Goes on to the next epoch. */
  endEpoch({ best, plateau }: Pick<Progress, "best" | "plateau">): void {
    const epoch = this.#progress.epoch + 1;
    this.#progress = { ...this.#progress, epoch, step: 0, best, ...plateau && { plateau } };
    if (!this.#probe || epoch !== this.#options.freezeEpochs) return;
    // All is learnt from here on, with moments that begin anew.
    for (const [name, shape] of this.#shapes) {
      if (isMoment(name)) this.#session.write(name, new Float32Array(sizeOf(shape)));
    }
  }

  /** The model's parameters, or their average; what stands beside them is merged. */
  async weights(average?: AverageKind): Promise<Tensors> {
    const { model } = this.#options;
    const names = model.parameters.map(({ name }) => name);
    const tensors = await this.#read(average ? names.map(averageName) : names);
    const own = average ? new Map(names.map((name) => [name, tensors.get(averageName(name))!])) : tensors;
    return mergedTensors(model, own);
  }

  /** Everything that the next step depends on, but for {@link progress}. */
  snapshot(): Promise<Tensors> {
    return this.#read([...this.#shapesAt(this.#progress).keys()]);
  }

  /** The states that there are: a mean over the last epochs begins with the first of them. */
  #shapesAt({ epoch }: Progress): ReadonlyMap<string, readonly number[]> {
    if (swaIndex(epoch - 1, this.#options) === undefined) return this.#shapes;
    const averages = this.#options.model.parameters.map(({ name, shape }) => [averageName(name), shape] as const);
    return new Map([...this.#shapes, ...averages]);
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
    for (const [name, shape] of this.#shapesAt(progress)) {
      const tensor = tensors.get(name);
      if (!tensor || `${tensor.shape}` !== `${shape}`) {
        throw new UserError(`Cannot resume ${run}: its last checkpoint has no ${name} of [${shape.join(", ")}]`);
      }
      this.#session.write(name, tensor.values);
    }
    this.#progress = progress;
  }

  async #read(names: readonly string[]): Promise<Tensors> {
    const shapes = this.#shapesAt({ ...this.#progress, epoch: this.#options.epochs });
    const values = await this.#session.read(names);
    return new Map(names.map((name) => [name, { shape: shapes.get(name)!, values: values.get(name)! }]));
  }
}

/** The course of the learning rate. */
function scheduleOf(options: ResolvedOptions, steps: number): Schedule {
  const { schedule: name, learningRate, epochs, warmupEpochs, minLearningRate, gamma, power } = options;
  const { warmupLearningRate, cooldownEpochs, kDecay, cycleMul, cycleDecay } = options;
  return {
    ...{ name, learningRate, warmupLearningRate, minLearningRate, kDecay, gamma, power, cycleMul, cycleDecay },
    totalSteps: epochs * steps,
    epochSteps: steps,
    warmupSteps: typeof warmupEpochs === "string" ? stepsOf(warmupEpochs) : Math.round(warmupEpochs * steps),
    cooldownSteps: cooldownEpochs * steps,
    fallEvery: options.fallEvery * steps,
    milestones: options.milestones.map((epoch) => epoch * steps),
    cycleSteps: options.cycleEpochs * steps,
  };
}

/** Every state of a run by name, with its shape. */
function shapesOf(
  { model, optimizer, accumulate }: ResolvedOptions,
  { learning, averages }: LearningStep,
  counters: readonly string[],
): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const { name, shape } of model.parameters) {
    shapes.set(name, shape);
    if (averages) shapes.set(averageName(name), shape);
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
