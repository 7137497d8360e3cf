/**
 * Which variants a run computes by. Some come with Fovea. Others were measured for its graphs, and are kept in the
 * user's cache folder. A resumed run goes by the very ones that it began with.
 *
 * ```text
 * <cache folder>/tuning-<adapter>.json   what was measured on an adapter, for all runs
 * <run directory>/tuning.json            what this run computes with; its hash stands in config.json
 * ```
 *
 * What was measured is void once the hash of the kernels, all candidates included, is another. A resumed run knows its
 * `tuning.json` by its hash. Training and its validation are tuned. `eval`, `predict` and the test after training
 * compute by the device's own choices, so that they agree to the last digit.
 *
 * @module
 */

import { join } from "node:path";
import { cacheFolder } from "../data/store/cache_folder.ts";
import type { Device, TuneOptions } from "../device/device.ts";
import { fingerprintOf } from "../device/fingerprint.ts";
import { systemCode, systemReason, UserError } from "../errors.ts";
import { makeFolder, readText, refuseLong, writeAtomic } from "../files.ts";
import { Choices } from "../graph/choices.ts";
import type { Graph } from "../graph/graph.ts";
import { sha256 } from "../hash.ts";
import { adapterFile } from "./adapter_file.ts";
import type { RunOptions } from "./settled_options.ts";
import { readConfig } from "../run/config.ts";
import { evaluationGraph } from "../run/evaluation_graph.ts";
import { type StepOptions, trainingGraph } from "./step.ts";

/** What was measured on an adapter, by bucket. */
interface Measured {
  readonly quick: Readonly<Record<string, string>>;
  readonly full: Readonly<Record<string, string>>;
}

const NOTHING: Measured = { quick: {}, full: {} };

/**
 * Operations of a training step below which `auto` times nothing. They take a tenth of a second on a GPU that does 1
 * TFLOP/s, and a run has to have hundreds of such steps for the timing to pay.
 */
const WORTH_TUNING = 1e11;

/** Seconds after which `auto` times no further call; what is left is timed when the next run begins. */
const AUTO_SECONDS = 20;

/**
 * Seconds of a step, at the measured rate, above which `auto` times nothing: no call would be timed within its limit.
 */
const TOO_SLOW = 10;

/** What is asked of a run's options here. */
type TuningOptions = Pick<
  RunOptions,
  "device" | "model" | "tune" | "cache" | "out" | "resume" | "accumulate" | "channel" | "signal"
>;

/**
 * How a run's steps, and its validation of `valBatch` pictures at a time, are computed. A resumed run goes on as it
 * began.
 *
 * @throws UserError when a run to be resumed has lost its choices.
 */
export async function choicesFor(options: TuningOptions, step: StepOptions, valBatch: number): Promise<Choices> {
  const { device, model, tune, out, resume, accumulate, channel } = options;
  if (resume && out !== undefined) return await choicesOfRun(out.path);
  if (tune === "off" || (tune === "auto" && !isWorthTuning(options, step))) return device.choices;
  if (!device.tune) {
    channel.warn(`there is nothing to tune on ${device.description}: each call has one way`);
    return device.choices;
  }
  const steps: StepOptions[] = accumulate > 1 ? [{ ...step, accumulation: "gather" }, step] : [step];
  const graphs = [...steps.map((step) => trainingGraph(model, step)), evaluationGraph(model, valBatch)];
  const measured = await measure(options, {
    ...{ tune: device.tune.bind(device), graphs },
    ...tune === "auto" ? { effort: "quick", atMost: AUTO_SECONDS } : { effort: tune },
  });
  return new Choices(device.choices.entries, measured.entries);
}

/**
 * Does `auto` time the calls of such a step? Not on a software adapter: compiling takes longer there than is ever
 * saved.
 */
function isWorthTuning({ device, model }: TuningOptions, { batch }: StepOptions): boolean {
  if (!device.tune || device.isSoftware) return false;
  // A multiply-add is two operations, and the backward pass has two products for each of the forward pass.
  const flops = 6 * model.multiplyAdds * batch;
  return flops >= WORTH_TUNING && flops / (device.rates?.flops ?? Infinity) <= TOO_SLOW;
}

/**
 * Times what was not timed on this adapter before, and keeps it. No choice is made that is not kept, here or with the
 * run.
 */
async function measure(
  { device, cache, out, channel, signal }: TuningOptions,
  { tune, effort, graphs, atMost }: {
    readonly tune: Required<Device>["tune"];
    readonly effort: TuneOptions["effort"];
    readonly graphs: readonly Graph[];
    /** Seconds; default as long as it takes. */
    readonly atMost?: number;
  },
): Promise<Choices> {
  const folder = cache.directory ?? cacheFolder();
  const path = join(folder, adapterFile("tuning", device.description));
  const kernels = fingerprintOf(device);
  const before = await readMeasured(path, device.description, kernels, channel);
  const started = performance.now();
  using limit = new TimeLimit(atMost);
  const { choices, learnt } = await tune(graphs, {
    effort,
    known: effort === "full" ? before.full : { ...before.quick, ...before.full },
    onProgress: (call, done, total) => channel.progress({ type: "tuning", call, done, total, atMost }),
    signal: signal ? AbortSignal.any([signal, limit.signal]) : limit.signal,
  });
  const timed = Object.keys(learnt).length;
  const seconds = (performance.now() - started) / 1000;
  try {
    if (timed > 0) {
      const after = { ...before, [effort]: { ...before[effort], ...learnt } };
      await makeFolder(folder);
      await writeAtomic(path, `${JSON.stringify({ adapter: device.description, kernels, ...after }, null, 2)}\n`);
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    channel.warn(`${path} cannot be written: ${systemReason(error.cause)}; later runs time it again`);
    // Without a run directory nothing would tell what was computed with.
    return out === undefined ? device.choices : choices;
  }
  const total = Object.keys(choices.entries).length;
  channel.note({ type: "tuned", timed, choices: total, seconds, path, isCut: limit.signal.aborted });
  return choices;
}

/** A signal that comes after some seconds. */
class TimeLimit implements Disposable {
  readonly #controller = new AbortController();
  readonly #timer?: ReturnType<typeof setTimeout>;

  constructor(seconds: number | undefined) {
    if (seconds !== undefined) this.#timer = setTimeout(() => this.#controller.abort(), 1000 * seconds);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

/** What is kept of an adapter. What was measured with other kernels counts for nothing, and is measured again. */
async function readMeasured(
  path: string,
  adapter: string,
  kernels: string | undefined,
  channel: TuningOptions["channel"],
): Promise<Measured> {
  let text: string;
  await refuseLong(path);
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (systemCode(error)) return NOTHING;
    throw error;
  }
  try {
    const { quick, full, ...made } = JSON.parse(text) ?? {};
    if (!isChoices(quick) || !isChoices(full)) throw new SyntaxError("it has no lists quick and full");
    return made.adapter === adapter && made.kernels === kernels ? { quick, full } : NOTHING;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    channel.warn(`${path} is damaged (${error.message}): what it had is timed again`);
    return NOTHING;
  }
}

function isChoices(value: unknown): value is Readonly<Record<string, string>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    Object.values(value).every((name) => typeof name === "string");
}

/** The file of a run directory that holds its choices. */
export const TUNING_FILE = "tuning.json";

/** The choices as text, which a run directory keeps, and its hash. */
export function recordChoices({ entries }: Choices): { text: string; hash: string } {
  const text = `${JSON.stringify(entries, null, 2)}\n`;
  return { text, hash: sha256(text) };
}

/**
 * The choices that a run began with.
 *
 * @throws UserError when they are not what they were.
 */
async function choicesOfRun(run: string): Promise<Choices> {
  const { tuning } = await readConfig(run);
  // Runs of earlier versions have none: they began with the heuristic.
  if (tuning === undefined) return new Choices();
  const path = join(run, TUNING_FILE);
  const text = await readText(path);
  if (text === undefined) throw new UserError(`Cannot resume ${run}: its ${TUNING_FILE} is missing`);
  if (sha256(text) !== tuning) {
    throw new UserError(
      `Cannot resume ${run}: its ${TUNING_FILE} was changed since it began; it would not end in the same weights`,
    );
  }
  return new Choices(JSON.parse(text));
}
