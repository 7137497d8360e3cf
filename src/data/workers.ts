/**
 * Runs jobs in Workers: the page-side pool and the Worker-side loop.
 *
 * @module
 */

import { systemCode, systemFault, UserError } from "../errors.ts";

/** What a Worker answers to a job. */
type Answer<Result> = { readonly result: Result } | { readonly error: string; readonly user: boolean };

/** The part of a Worker's global scope that is used; the compiler knows the window's only. */
export interface WorkerScope {
  /** Receives what the page sends. */
  onmessage: ((event: MessageEvent) => void) | null;
  /** Sends to the page. */
  postMessage(message: unknown, transfer?: Transferable[]): void;
}

/** The global scope, in a Worker. */
export const workerScope: WorkerScope = self as unknown as WorkerScope;

/**
 * How many Workers a job of this size deserves: as many as there are cores, at most 8, and one for every `grain` parts.
 *
 * @param parts How many parts the job has.
 * @param grain Parts below which another Worker costs more than it saves.
 * @returns 1 to 8.
 */
export function workerCount(parts: number, grain: number): number {
  return Math.max(1, Math.min(navigator.hardwareConcurrency, 8, Math.floor(parts / grain)));
}

/**
 * Runs jobs in Workers, each Worker one job at a time. Results come in the order in which they are done.
 *
 * @param module The Worker's module, which calls {@link serve}.
 * @param jobs What is to be done; structured-cloneable.
 * @param workers How many Workers.
 * @param onResult Is given each result and its job.
 * @returns When all jobs are done and the Workers are gone.
 * @throws {UserError | Error} The first error of a job; the rest is then given up.
 */
export async function runInWorkers<Job, Result>(
  module: URL,
  jobs: readonly Job[],
  workers: number,
  onResult: (result: Result, job: Job) => void,
): Promise<void> {
  const pool = Array.from({ length: Math.min(workers, jobs.length) }, () => new Worker(module, { type: "module" }));
  let at = 0;
  const drain = async (worker: Worker) => {
    while (at < jobs.length) {
      const job = jobs[at++];
      onResult(await ask<Job, Result>(worker, job), job);
    }
  };
  try {
    await Promise.all(pool.map(drain));
  } finally {
    at = jobs.length;
    for (const worker of pool) worker.terminate();
  }
}

/**
 * Hands a job to a Worker that has none.
 *
 * @param worker The Worker, whose module calls {@link serve}.
 * @param job What is to be done; structured-cloneable.
 * @returns Its result.
 * @throws {UserError | Error} The error of the job.
 */
export function ask<Job, Result>(worker: Worker, job: Job): Promise<Result> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<Answer<Result>>) => {
      if ("result" in data) resolve(data.result);
      else reject(errorOf(data));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const fault = new Error(event.message);
      reject(
        systemCode(fault) ? systemFault("A Worker failed", fault) : new Error(`A Worker failed: ${event.message}`),
      );
    };
    worker.postMessage(job);
  });
}

/** An error that crossed from a Worker. */
export interface SentError {
  /** The message; of a {@link UserError} its template, so that options are named where it is shown. */
  readonly error: string;
  /** Whether it was a {@link UserError}. */
  readonly user: boolean;
}

/**
 * Packs an error to cross from a Worker: classes do not survive the crossing.
 *
 * @param error What was thrown.
 * @returns The packed form, with the stack of faults that are not the user's.
 */
export function sendError(error: unknown): SentError {
  if (error instanceof UserError) return { error: error.template, user: true };
  if (systemCode(error) !== undefined) return sendError(systemFault("A Worker failed", error));
  return { error: error instanceof Error ? error.stack ?? error.message : String(error), user: false };
}

/**
 * Unpacks an error from a Worker.
 *
 * @param sent The packed form.
 * @returns A {@link UserError} or an Error.
 */
export function errorOf(sent: SentError): Error {
  return sent.user ? new UserError(sent.error) : new Error(sent.error);
}

/**
 * The loop of a Worker: answers each job that {@link runInWorkers} hands over.
 *
 * @param handle Does a job.
 */
export function serve<Job, Result>(handle: (job: Job) => Result | Promise<Result>): void {
  workerScope.onmessage = async ({ data }) => {
    try {
      workerScope.postMessage({ result: await handle(data) });
    } catch (error) {
      workerScope.postMessage(sendError(error));
    }
  };
}
