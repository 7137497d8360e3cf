/**
 * Worker that makes batches ahead of the device; see `loader.ts`. It is told an epoch and how many batches it may make
 * ahead. It needs no answer until those are made, since on OpenGL the page is blocked while the device works.
 *
 * @module
 */

import { type Batch, BatchMaker, type BatchPlan } from "./batch.ts";
import { loadDecoders } from "../pictures/decoders.ts";
import { PictureReader } from "../store/reader.ts";
import { sendError, type SentError, workerScope } from "../workers.ts";

/** What the page says to the Worker. */
export type BatchRequest =
  /** Makes batches of this plan. */
  | { readonly type: "open"; readonly plan: BatchPlan }
  /**
   * Makes the steps from `step` on, every `stride`, before `end`, `credit` of them for now; drops what it did before.
   */
  | {
    readonly type: "epoch";
    readonly run: number;
    readonly epoch: number;
    readonly step: number;
    readonly stride: number;
    readonly end: number;
    readonly credit: number;
  }
  /** A batch of the run was taken: makes one more. */
  | { readonly type: "credit"; readonly run: number }
  /** Makes one batch out of turn. */
  | { readonly type: "one"; readonly run: number; readonly epoch: number; readonly step: number };

/** What the Worker says to the page. */
export type BatchAnswer =
  | { readonly run: number; readonly step: number; readonly batch: Batch }
  | { readonly run: number; readonly step: number; readonly failed: SentError }
  /** The cache is damaged. */
  | { readonly note: string };

let maker: BatchMaker | undefined;
/** Decoders on their way, where pictures need some: what is asked for meanwhile waits. */
let loading: Promise<void> | undefined;
let plan: BatchPlan | undefined;
let current: { run: number; epoch: number; step: number; stride: number; end: number; credit: number } | undefined;

function tell(note: string): void {
  workerScope.postMessage({ note } satisfies BatchAnswer);
}

function send(run: number, epoch: number, step: number): void {
  try {
    maker ??= new BatchMaker(plan!, new PictureReader(plan!.reader, tell));
    const batch = maker.make(epoch, step);
    const { images, targets, weight, indices } = batch;
    const transfer = [images.buffer, targets.buffer, weight.buffer, indices.buffer];
    workerScope.postMessage({ run, step, batch } satisfies BatchAnswer, transfer);
  } catch (error) {
    workerScope.postMessage({ run, step, failed: sendError(error) } satisfies BatchAnswer);
  }
}

function work(): void {
  while (current !== undefined && current.credit > 0 && current.step < current.end) {
    send(current.run, current.epoch, current.step);
    current.step += current.stride;
    current.credit--;
  }
}

workerScope.onmessage = ({ data }: MessageEvent<BatchRequest>) => {
  if (data.type === "open" && data.plan.reader.formats !== undefined) {
    loading = loadDecoders(data.plan.reader.formats);
    loading.catch(() => {}); // it is told with the first batch
  }
  if (loading === undefined) answer(data);
  else loading.then(() => answer(data), (error) => refuse(data, error));
};

/** Tells who waits for batches that a decoder could not be loaded. */
function refuse(data: BatchRequest, error: unknown): void {
  if (data.type !== "epoch" && data.type !== "one") return;
  workerScope.postMessage({ run: data.run, step: data.step, failed: sendError(error) } satisfies BatchAnswer);
}

function answer(data: BatchRequest): void {
  switch (data.type) {
    case "open":
      plan = data.plan;
      break;
    case "epoch":
      current = { ...data };
      work();
      break;
    case "credit":
      if (current?.run === data.run) current.credit++;
      work();
      break;
    case "one":
      send(data.run, data.epoch, data.step);
  }
}
