/**
 * `deno task bench --gpu`: a report of a graphics card, as Markdown to be sent. Fovea and PyTorch each run in a process
 * of their own, so that what a driver does to one of them is a remark in a row.
 *
 * @module
 */

import { findAdapter } from "../../src/device/webgpu/device.ts";
import { UserError } from "../../src/errors.ts";
import { modelNamed } from "../../src/models/mod.ts";
import { markdown, type Table } from "../table.ts";
import { convolutions } from "./convolutions.ts";
import { isSoftware, lineOf, type Machine, machineWith, noCard } from "./machine.ts";
import { products, rates } from "./products.ts";
import { CARD, LEAST, QUICK, type Sizes, TINY } from "./sizes.ts";
import { steps } from "./steps.ts";
import { type Exchange, Timing } from "./timing.ts";
import { openTorch, withoutTorch } from "./torch.ts";

/** What is kept as JSON. */
export interface Report {
  readonly machine: Machine;
  readonly sizes: Sizes;
  readonly torch: string;
  readonly tables: readonly Table[];
  /** All that was asked and answered: choices, and the slowest dispatches of each step, are here alone. */
  readonly exchanges: readonly Exchange[];
}

/** What the command line says. */
export interface ReportOptions {
  readonly quick: boolean;
  readonly minutes?: number;
  readonly networks: readonly string[];
  readonly torch: boolean;
  /** Whether a software adapter will do. */
  readonly adapter: "gpu" | "any";
  /** Is called before the first table and after each. */
  readonly keep: (report: Report) => Promise<void>;
}

function sizesFor({ quick, minutes, networks }: ReportOptions, isTiny: boolean): Sizes {
  const [whole, part] = isTiny ? [TINY, LEAST] : [CARD, QUICK];
  const sizes = quick ? part : whole;
  // A name that is none ends here, with the one that was meant.
  const known = networks.map((name) => modelNamed(name).name);
  return {
    ...sizes,
    ...known.length > 0 && { networks: known, convolutions: sizes.convolutions.length > 0 ? known : [] },
    minutes: minutes ?? sizes.minutes,
  };
}

/** The tables, each as soon as it is there, the most telling first: the time may be over before the last. */
async function* tablesOf(timing: Timing, hasHalf: boolean): AsyncGenerator<Table> {
  const tested = await timing.measureRates();
  yield await products(timing);
  yield await rates(timing, tested);
  yield await steps(timing, "f32");
  if (hasHalf) yield await steps(timing, "f16");
  for (const network of timing.sizes.convolutions) yield* await convolutions(timing, network);
}

/**
 * Prints the report.
 *
 * @throws UserError where there is no card, or a network that does not exist is asked for.
 */
export async function reportOnCard(options: ReportOptions): Promise<void> {
  const adapter = await findAdapter();
  const isAny = options.adapter === "any" || Deno.env.get("FORCE_GPU") === "1";
  if (!adapter || (isSoftware(adapter.info) && !isAny)) throw new UserError(await noCard(adapter));
  const sizes = sizesFor(options, isSoftware(adapter.info));
  const machine = await machineWith(adapter);
  console.log(`${lineOf(machine)}\n`);
  await using torch = options.torch ? await openTorch() : withoutTorch("--no-torch was given");
  const hasHalf = adapter.features.has("shader-f16");
  console.log(
    `Sizes: ${sizes.name}, batch ${sizes.batch} at ${sizes.imageSize}². ${torch.line}` +
      `${hasHalf ? "" : " No f16: the adapter has no shader-f16."}\n`,
  );
  await using timing = new Timing({
    sizes,
    torch,
    onAsk: (line) => console.error(`[${clock(timing.elapsed)}] ${line}`),
  });
  const tables: Table[] = [];
  const keep = () => options.keep({ machine, sizes, torch: torch.line, tables, exchanges: timing.records });
  // Before the first, so that a fault of the file's costs nothing.
  await keep();
  for await (const table of tablesOf(timing, hasHalf)) {
    console.log(`${markdown(table)}\n`);
    tables.push(table);
    await keep();
  }
  const missed = timing.missed > 0
    ? `; ${timing.missed} timings were left out when ${sizes.minutes} minutes were over: --minutes gives more`
    : "";
  console.log(`Timed in ${clock(timing.elapsed)}${missed}.`);
}

/** `3:07`. */
function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
