/**
 * Serves the live page beside training: in a Worker, since training's thread waits for the device most of the time.
 *
 * @module
 */

import { ask } from "../data/workers.ts";
import type { Dash, DashOptions } from "./server.ts";

/** Milliseconds that a page may take to hear the end. */
const PATIENCE = 3000;

/**
 * Serves the page until it is disposed of. Pages that are open are told the last state then.
 *
 * @param options What is served, and where.
 * @throws UserError when no port is free.
 */
export async function openDash(options: DashOptions): Promise<Pick<Dash, "url"> & AsyncDisposable> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  try {
    const url = await ask<DashOptions, string>(worker, options);
    return { url, [Symbol.asyncDispose]: () => end(worker) };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

async function end(worker: Worker): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => timer = setTimeout(resolve, PATIENCE));
  // A page that does not hear holds up no command.
  await Promise.race([ask(worker, "end").catch(() => {}), late]);
  clearTimeout(timer);
  worker.terminate();
}
