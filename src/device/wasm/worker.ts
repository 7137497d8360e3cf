/**
 * A thread of the WebAssembly device. It runs whole programs: of each step it takes chunks by a counter that the
 * threads share, and then waits for the others. The page sends one message a run and is not needed until its end.
 *
 * The first thread, the leader, also does what the page asks of memory between runs.
 *
 * @module
 */

import {
  type Answer,
  CONTROL,
  COPIED,
  type Job,
  type Numbers,
  type Request,
  SCRATCH,
  type ScriptJob,
  type Written,
} from "./messages.ts";

/** How often a thread looks before it sleeps: sleeping and waking take longer than most steps. */
const LOOKS = 2000;

interface Session {
  readonly memory: WebAssembly.Memory;
  readonly scratch: number;
  /** Of modules, by number. */
  readonly runs: Map<number, (...args: number[]) => void>;
}

interface Program {
  readonly session: number;
  readonly steps: readonly (readonly Runnable[])[];
}

interface Runnable {
  readonly chunks: number;
  run(chunk: number): void;
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage(message: Answer, transfer?: Transferable[]): void;
};

const sessions = new Map<number, Session>();
const programs = new Map<number, Program>();
let thread = 0;
let threads = 1;
let control: Int32Array = new Int32Array(CONTROL.words);

scope.onmessage = ({ data }) => {
  try {
    answer(data);
  } catch (error) {
    // The others are let go from the step that they wait in: there is nothing after it.
    if (Atomics.exchange(control, CONTROL.failed, 1) === 0) {
      scope.postMessage({ type: "failed", message: error instanceof Error ? error.message : String(error) });
    }
    Atomics.add(control, CONTROL.round, 1);
    Atomics.notify(control, CONTROL.round);
  }
};

function answer(request: Request): void {
  switch (request.type) {
    case "open":
      ({ thread, threads } = request);
      control = new Int32Array(request.control);
      return scope.postMessage({ type: "ready" });
    case "session": {
      const { session, memory, scratch } = request;
      sessions.set(session, { memory, scratch: scratch + SCRATCH * thread, runs: new Map() });
      return;
    }
    case "program":
      return load(request);
    case "run":
      return run(request);
    case "write":
      return write(sessions.get(request.session)!, request.write);
    case "read": {
      const session = sessions.get(request.session);
      const values = request.ranges.map((range) => view(session!, range).slice());
      return scope.postMessage(
        { type: "values", question: request.question, values },
        values.map(({ buffer }) => buffer),
      );
    }
    case "drop":
      for (const program of request.programs) programs.delete(program);
      sessions.delete(request.session);
  }
}

function load({ session: key, program, modules, steps }: Request & { type: "program" }): void {
  const session = sessions.get(key)!;
  for (const [number, module] of modules) {
    if (session.runs.has(number)) continue;
    const { exports } = new WebAssembly.Instance(module, { fovea: { memory: session.memory } });
    session.runs.set(number, exports.run as (...args: number[]) => void);
  }
  programs.set(program, { session: key, steps: steps.map((jobs) => jobs.map((job) => runnable(session, job))) });
}

function runnable(session: Session, job: Job): Runnable {
  const { chunks } = job;
  switch (job.kind) {
    case "module": {
      const run = session.runs.get(job.module)!;
      return { chunks, run: (chunk) => run(chunk, session.scratch, ...job.args) };
    }
    case "copy": {
      const { from: { address, length }, to } = job;
      return {
        chunks,
        run(chunk) {
          const [begin, end] = [chunk * COPIED, Math.min((chunk + 1) * COPIED, length)];
          view(session, { address: to, length }).set(view(session, { address, length }).subarray(begin, end), begin);
        },
      };
    }
    case "script":
      return { chunks, run: scriptOf(session, job) };
  }
}

/** A kernel's JavaScript as a function of the chunk. */
function scriptOf(session: Session, { source, constants, reads, table, write, chunks }: ScriptJob) {
  const element = new Function(`return ${source};`)() as (...operands: ArrayLike<number>[]) => number;
  const context = { thread: { x: 0 }, constants };
  const tables = table.length > 0 ? [Float32Array.from(table)] : [];
  const each = Math.ceil(write.length / chunks);
  return (chunk: number) => {
    const operands = [...reads.map((range) => view(session, range)), ...tables];
    const out = view(session, write);
    const end = Math.min((chunk + 1) * each, write.length);
    for (let x = chunk * each; x < end; x++) {
      context.thread.x = x;
      out[x] = element.call(context, ...operands);
    }
  };
}

function write(session: Session, { address, values }: Written): void {
  view(session, { address, length: values.length }).set(values);
}

/** Numbers in a session's memory. */
function view({ memory }: Session, { address, length }: Numbers): Float32Array {
  // What another thread has grown is seen here once it is asked for.
  if (memory.buffer.byteLength < address + 4 * length) memory.grow(0);
  return new Float32Array(memory.buffer, address, length);
}

function run({ program: key, writes, timed }: Request & { type: "run" }): void {
  const { session, steps } = programs.get(key)!;
  for (const one of writes) write(sessions.get(session)!, one);
  const times: number[] = [];
  wait();
  let last = performance.now();
  for (const jobs of steps) {
    for (const job of jobs) {
      for (let chunk = next(); chunk < job.chunks; chunk = next()) job.run(chunk);
      wait();
    }
    if (timed !== undefined && thread === 0) {
      const now = performance.now();
      times.push(now - last);
      last = now;
    }
  }
  if (timed !== undefined && thread === 0) scope.postMessage({ type: "times", question: timed, times });
}

/** Has a thread died? Nothing is waited for then. */
const hasFailed = (): boolean => Atomics.load(control, CONTROL.failed) !== 0;

/** Takes a chunk. */
function next(): number {
  return Atomics.add(control, CONTROL.next, 1);
}

/** Waits until every thread is here. The last one sets the counter of chunks back. */
function wait(): void {
  const round = Atomics.load(control, CONTROL.round);
  if (Atomics.add(control, CONTROL.arrived, 1) === threads - 1) {
    Atomics.store(control, CONTROL.next, 0);
    Atomics.store(control, CONTROL.arrived, 0);
    Atomics.add(control, CONTROL.round, 1);
    Atomics.notify(control, CONTROL.round);
  } else {
    for (let looks = 0; looks < LOOKS && Atomics.load(control, CONTROL.round) === round; looks++);
    while (Atomics.load(control, CONTROL.round) === round && !hasFailed()) Atomics.wait(control, CONTROL.round, round);
  }
  if (hasFailed()) throw new Error("another thread failed");
}
