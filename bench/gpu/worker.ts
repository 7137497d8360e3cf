/**
 * Fovea's process of the report: times what it is asked (`questions.ts`), a line of JSON for each on standard output.
 *
 * @module
 */

import type { Device, StepTime } from "../../src/device/device.ts";
import { totalOf } from "../../src/device/memory.ts";
import { openDevice } from "../../src/device/open.ts";
import type { Rates } from "../../src/device/rates.ts";
import { Choices } from "../../src/graph/choices.ts";
import { deviceSecondsOf, prepare, type Prepared, secondsOf } from "../programs.ts";
import { median } from "../table.ts";
import { linesOf, oneLine, type Silence } from "./lines.ts";
import { type CallWork, copyOf, graphOf, productOf, type Question, type Timed, type TunedAnswer } from "./questions.ts";

/** Scale of weights at which a network's numbers stay finite. */
const WEIGHTS = 0.02;

/** Runs of a call, and of a step, whose median is taken, and the seconds after which the rest is left out. */
const [RUNS, MOST_SECONDS] = [7, 1];
const [STEP_RUNS, MOST_STEP_SECONDS] = [5, 6];

/** Sizes of the self-test, and the queue depth of what is not paced: all runs between two waits. */
const SMALL = { side: 1024, elements: 2 ** 22 } as const;
const UNPACED = 16;

/** Dispatches of a step that are told of, and shapes of each: an update has hundreds. */
const [SLOWEST, SHAPES] = [20, 8];

const slowestOf = (steps: readonly StepTime[]): Timed["slowest"] =>
  steps.toSorted((a, b) => b.seconds - a.seconds).slice(0, SLOWEST)
    .map(({ name, shapes, seconds, cost: { flops, bytes } }) => ({
      name,
      shapes: shapes.slice(0, SHAPES),
      seconds,
      flops,
      bytes,
    }));

/** Gives undefined where the device has no clock. */
async function onlyWithClock<T>(measure: () => Promise<T>): Promise<T | undefined> {
  try {
    return await measure();
  } catch (error) {
    if (error instanceof Error && /timestamp-query/.test(error.message)) return undefined;
    throw error;
  }
}

/** A call's time by the device's clock; by the wall's where it has none, or one that stands still. */
async function callSeconds(prepared: Prepared): Promise<Pick<Timed, "seconds" | "clock">> {
  const start = performance.now();
  const times: number[] = [];
  while (times.length < RUNS && (times.length < 1 || performance.now() - start < 1000 * MOST_SECONDS)) {
    const seconds = await onlyWithClock(() => deviceSecondsOf(prepared, 1));
    if (seconds === undefined) break;
    times.push(seconds);
  }
  const seconds = times.length > 0 ? median(times) : 0;
  if (seconds > 0) return { seconds, clock: "device" };
  return { seconds: await secondsOf(prepared, RUNS, MOST_SECONDS), clock: "wall" };
}

async function time(device: Device, { work, choices }: Question & { what: "time" }): Promise<Timed> {
  const isStep = work.kind === "step";
  const start = performance.now();
  using prepared = await prepare(
    ...[device, graphOf(work), isStep ? WEIGHTS : 1] as const,
    new Choices(device.choices.entries, choices),
  );
  const { program, inputs } = prepared;
  const common = {
    first: (performance.now() - start) / 1000,
    dispatches: program.steps,
    memory: totalOf(program.memory),
  };
  if (!isStep) return { ...await callSeconds(prepared), ...common };
  const seconds = await secondsOf(prepared, STEP_RUNS, MOST_STEP_SECONDS);
  const steps = await onlyWithClock(() => program.profile(inputs));
  return { seconds, clock: "wall", ...common, slowest: steps && slowestOf(steps) };
}

async function tune(device: Device, { work, known, seconds }: Question & { what: "tune" }): Promise<TunedAnswer> {
  if (!device.tune) throw new Error("there is nothing to tune on this device");
  const start = performance.now();
  const signal = AbortSignal.timeout(1000 * seconds);
  const { choices, learnt } = await device.tune([graphOf(work)], { effort: "quick", known, signal });
  return { choices: choices.entries, learnt, seconds: (performance.now() - start) / 1000 };
}

/** Seconds from a small run of an idle device until its result is there. */
async function readBackSeconds(device: Device): Promise<number> {
  using prepared = await prepare(device, graphOf(copyOf(1)));
  const times: number[] = [];
  for (let k = 0; k < 7; k++) {
    const start = performance.now();
    prepared.program.run(prepared.inputs);
    await prepared.program.outputs();
    times.push((performance.now() - start) / 1000);
  }
  return median(times);
}

/** Rates by work so small that it needs no cutting on any device. */
async function measureRates(device: Device): Promise<Rates> {
  const seconds = async (work: CallWork) => {
    using prepared = await prepare(device, graphOf(work));
    return (await callSeconds(prepared)).seconds;
  };
  return {
    flops: 2 * SMALL.side ** 3 / await seconds(productOf(SMALL.side)),
    bytes: 8 * SMALL.elements / await seconds(copyOf(SMALL.elements)),
    readBack: await readBackSeconds(device),
    ...{ queueDepth: UNPACED, isProcessor: false },
  };
}

let device: Device | undefined;

/** The device is good for nothing after a fault, and a step's memory is to be free at once. */
async function close(): Promise<void> {
  const closing = device;
  device = undefined;
  await closing?.[Symbol.asyncDispose]();
}

async function answerTo(question: Question): Promise<Timed | TunedAnswer | Rates | Silence> {
  try {
    device ??= await openDevice("webgpu");
    device.rates = question.rates;
    if (question.what === "time") return await time(device, question);
    return question.what === "tune" ? await tune(device, question) : await measureRates(device);
  } catch (error) {
    const why = oneLine(error instanceof Error ? error.message : String(error));
    await close();
    return { why };
  } finally {
    if ("work" in question && question.work.kind === "step") await close();
  }
}

for await (const line of linesOf(Deno.stdin.readable)) console.log(JSON.stringify(await answerTo(JSON.parse(line))));
await close();
