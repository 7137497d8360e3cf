/**
 * The Workers of a WebAssembly device: started once, told the same of every run, and asked through the first of them.
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import { type Answer, CONTROL, type Request } from "./messages.ts";

interface Question {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

/** Threads that run programs together. */
export class Pool {
  readonly #workers: readonly Worker[];
  readonly #questions = new Map<number, Question>();
  #asked = 0;
  #failed?: Error;

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
    for (const worker of workers) {
      worker.onmessage = ({ data }: MessageEvent<Answer>) => this.#hear(data);
      worker.onerror = (event) => {
        event.preventDefault();
        this.#fail(event.message);
      };
    }
  }

  /**
   * Starts so many threads.
   *
   * @throws UserError when one does not start.
   */
  static async open(threads: number): Promise<Pool> {
    const module = new URL("./worker.ts", import.meta.url);
    const workers = Array.from({ length: threads }, () => new Worker(module, { type: "module" }));
    const pool = new Pool(workers);
    const control = new SharedArrayBuffer(4 * CONTROL.words);
    try {
      await Promise.all(
        workers.map((worker, thread) => pool.#started(worker, { type: "open", thread, threads, control })),
      );
    } catch (error) {
      pool.close();
      throw error;
    }
    return pool;
  }

  /** Number of threads. */
  get threads(): number {
    return this.#workers.length;
  }

  #started(worker: Worker, request: Request): Promise<void> {
    return new Promise((resolve, reject) => {
      const hear = worker.onmessage;
      worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        worker.onmessage = hear;
        if (data.type === "ready") resolve();
      };
      const fail = worker.onerror;
      worker.onerror = (event) => {
        fail?.call(worker, event);
        reject(this.#failed);
      };
      worker.postMessage(request);
    });
  }

  #hear(answer: Answer): void {
    if (answer.type === "failed") return this.#fail(answer.message);
    if (!("question" in answer)) return;
    // Not there where another thread has died since.
    this.#questions.get(answer.question)?.resolve(answer);
    this.#questions.delete(answer.question);
  }

  #fail(message: string): void {
    this.#failed ??= new UserError(
      `A thread of the WebAssembly device died (${message}): begin again, with a smaller batch or on another device`,
    );
    for (const { reject } of this.#questions.values()) reject(this.#failed);
    this.#questions.clear();
  }

  /** Tells every thread. Throws what one of them died of. */
  tell(request: Request): void {
    this.#check();
    for (const worker of this.#workers) worker.postMessage(request);
  }

  /** Tells every thread of a run, and the first what to write before it. */
  run(request: Request & { type: "run" }): void {
    this.#check();
    const [leader, ...others] = this.#workers;
    leader.postMessage(request, request.writes.map(({ values }) => values.buffer as ArrayBuffer));
    for (const worker of others) worker.postMessage({ ...request, writes: [] });
  }

  /** Tells the first thread. */
  tellLeader(request: Request, transfer: Transferable[]): void {
    this.#check();
    this.#workers[0].postMessage(request, transfer);
  }

  /** Asks the first thread; `tell` is given the question's number and sends it. */
  ask<Type extends Answer["type"]>(tell: (question: number) => void): Promise<Answer & { type: Type }> {
    const question = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#questions.set(question, { resolve: (answer) => resolve(answer as Answer & { type: Type }), reject });
      try {
        tell(question);
      } catch (error) {
        this.#questions.delete(question);
        reject(error);
      }
    });
  }

  /** Drops a session, unless the threads are gone. */
  drop(session: number, programs: readonly number[]): void {
    if (this.#failed) return;
    this.tell({ type: "drop", session, programs });
  }

  #check(): void {
    if (this.#failed) throw this.#failed;
  }

  /** Ends the threads. */
  close(): void {
    for (const worker of this.#workers) worker.terminate();
    this.#failed ??= new Error("The device is closed");
  }
}
