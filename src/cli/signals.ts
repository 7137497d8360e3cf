/**
 * Ctrl-C, SIGTERM and SIGHUP, which a terminal sends that is closed: the first asks for an orderly end, the second ends
 * at once.
 *
 * @module
 */

/** A request to stop that may come. */
export interface Interrupt extends Disposable {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** What a process that such a signal stopped exits with: 130, 143 or 129. */
  readonly exitCode: number;
}

/** Listens until it is disposed of. Listeners wait for synchronous code: who listens must yield to the event loop. */
export function interruptible(): Interrupt {
  const controller = new AbortController();
  let exitCode = 130;
  const onSignal = (code: number) => () => {
    if (controller.signal.aborted) Deno.exit(code);
    exitCode = code;
    controller.abort();
  };
  const listeners: [Deno.Signal, () => void][] = [["SIGINT", onSignal(130)], ["SIGHUP", onSignal(129)]];
  // Windows has no SIGTERM.
  if (Deno.build.os !== "windows") listeners.push(["SIGTERM", onSignal(143)]);
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
