/**
 * Processes that are asked by lines of JSON and answer by one line each. What a driver does to such a process, crash or
 * hang, costs one answer: the next question starts it again.
 *
 * @module
 */

/** Why there is no answer, in one line. */
export interface Silence {
  readonly why: string;
}

/** Is there no answer? */
export const isSilence = (answer: object): answer is Silence => "why" in answer;

/** Lines of a stream of bytes. */
export async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
  if (rest) yield rest;
}

/** What a process said last, in one line of a table. */
export const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim().slice(0, 240);

/** A running process. */
interface Running {
  readonly child: Deno.ChildProcess;
  readonly writer: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly answers: AsyncIterator<string>;
  /** Lines on standard error since the last question. */
  readonly said: string[];
  /** Resolves when standard error is at its end. */
  readonly silent: Promise<void>;
}

/** A process that answers questions in turn. It is started by the first one. */
export class LineProcess implements AsyncDisposable {
  readonly #command: string;
  readonly #args: readonly string[];
  #running?: Running;

  constructor(command: string, args: readonly string[]) {
    this.#command = command;
    this.#args = args;
  }

  /**
   * The answer to a question.
   *
   * @param seconds After so many the process is ended.
   */
  async ask<Answer extends object>(question: unknown, seconds: number): Promise<Answer | Silence> {
    if (seconds <= 0) return { why: "not timed: the time was over" };
    let running: Running;
    try {
      running = this.#running ??= this.#start();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      return { why: `${this.#command} is not installed` };
    }
    running.said.length = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const timeout = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), 1000 * seconds));
    try {
      const answer = await Promise.race([this.#exchange<Answer>(running, question), timeout]);
      if (answer !== "late" && answer !== undefined) return answer;
      this.#running = undefined;
      if (answer === "late") kill(running.child);
      const { code, signal } = await running.child.status;
      if (answer === "late") return { why: `no answer within ${Math.round(seconds)} s` };
      await running.silent;
      const last = running.said.findLast((line) => /error|panicked|failed/i.test(line)) ?? running.said.at(-1);
      return { why: oneLine(`its process ended with ${signal ?? `exit code ${code}`}${last ? `: ${last}` : ""}`) };
    } finally {
      clearTimeout(timer);
    }
  }

  #start(): Running {
    const child = new Deno.Command(this.#command, {
      args: [...this.#args],
      env: { NO_COLOR: "1" },
      ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
    }).spawn();
    const said: string[] = [];
    const silent = (async () => {
      for await (const line of linesOf(child.stderr)) if (line.trim() && said.push(line) > 50) said.shift();
    })();
    return { child, writer: child.stdin.getWriter(), answers: linesOf(child.stdout), said, silent };
  }

  /** The next line that is an answer; undefined where the process ends. */
  async #exchange<Answer>({ writer, answers }: Running, question: unknown): Promise<Answer | undefined> {
    try {
      await writer.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return undefined;
      throw error;
    }
    for (;;) {
      const { value, done } = await answers.next();
      if (done) return undefined;
      // Drivers say things on standard output.
      if (value.startsWith("{")) return JSON.parse(value);
    }
  }

  /** Ends the process, and gives it a moment to do so by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    await running.writer.close().catch(() => {});
    const timer = setTimeout(() => kill(running.child), 3000);
    await running.child.status;
    clearTimeout(timer);
    await running.silent;
    await running.answers.return?.();
  }
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof TypeError)) throw error;
  }
}
