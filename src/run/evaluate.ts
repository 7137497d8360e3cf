/**
 * Runs a model over a data set and reports on what it says.
 *
 * A batch's logits are read back while the next one runs. Metrics are computed on the host, since they need ranks and
 * counts, and logits are small.
 *
 * @module
 */

import type { Task } from "../data/labels.ts";
import type { Loader } from "../data/batches/loader.ts";
import type { Program, Session } from "../device/device.ts";
import { binaryReport, multiclassReport, multilabelReport, type Report } from "../metrics/mod.ts";
import type { Model } from "../models/model.ts";
import { evaluationGraph } from "./evaluation_graph.ts";

/** What a model says of a data set, in the data set's order. */
export interface Predictions {
  /** [N, K], flat. */
  readonly logits: Float32Array;
  /** [N, K], flat: one-hot for classes, 0 or 1 for labels. */
  readonly targets: Float32Array;
}

/** The evaluation program of a model, over the weights that a session holds. */
export class Evaluator {
  readonly #session: Session;
  readonly #model: Model;
  readonly #batch: number;
  /** Compiled when it first runs: training begins earlier by what that takes. */
  #program?: Program;

  /** @param batch Pictures N of its loaders' batches. */
  constructor(session: Session, model: Model, batch: number) {
    this.#session = session;
    this.#model = model;
    this.#batch = batch;
  }

  /**
   * Runs over one epoch of a loader.
   *
   * @param samples Size of the loader's data set.
   * @param onProgress Is told how many pictures are done.
   */
  async run(loader: Loader, samples: number, onProgress?: (done: number) => void): Promise<Predictions> {
    const program = await this.#prepared();
    const { classes } = this.#model;
    const logits = new Float32Array(samples * classes);
    const targets = new Float32Array(samples * classes);
    let done = 0;
    // Reading back waits for the device: it is asked for here and waited for one batch later.
    let pending: (() => Promise<void>) | undefined;
    for await (const batch of loader.epoch(0)) {
      program.run({ images: batch.images });
      const outputs = program.outputs();
      await pending?.();
      pending = async () => {
        scatter(batch.indices, (await outputs).logits, logits, classes);
        scatter(batch.indices, batch.targets, targets, classes);
        onProgress?.(done += batch.count);
      };
    }
    await pending?.();
    await this.#session.settle();
    return { logits, targets };
  }

  async #prepared(): Promise<Program> {
    if (!this.#program) {
      this.#program = this.#session.compile(evaluationGraph(this.#model, this.#batch));
      await this.#program.prepare();
    }
    return this.#program;
  }
}

/** Puts a batch's rows of `width` numbers where their samples stand; padding has none. */
function scatter(indices: Int32Array, from: Float32Array, to: Float32Array, width: number): void {
  indices.forEach((sample, row) => {
    if (sample >= 0) to.set(from.subarray(row * width, (row + 1) * width), sample * width);
  });
}

/** Names of the classes of a confusion matrix: of a binary task, the target's absence and presence. */
export function classNames(task: Task, classes: readonly string[]): string[] {
  return task === "binary" ? [`not ${classes[0]}`, classes[0]] : [...classes];
}

/** All metrics of the predictions. */
export function reportOf(task: Task, { logits, targets }: Predictions, classes: readonly string[]): Report {
  switch (task) {
    case "binary":
      return binaryReport(logits, targets, classNames(task, classes) as [string, string]);
    case "multiclass":
      return multiclassReport(logits, classIndices(targets, classes.length), classes);
    case "multilabel":
      return multilabelReport(logits, targets, classes);
  }
}

/** Class of each row of one-hot targets. */
function classIndices(targets: Float32Array, classes: number): Int32Array {
  return Int32Array.from(
    { length: targets.length / classes },
    (_, i) => targets.subarray(i * classes, (i + 1) * classes).indexOf(1),
  );
}
