/**
 * `weights`: lists the published weights, fetches some into the cache folder, or removes them from there.
 *
 * @module
 */

import { join } from "node:path";
import { cacheFolder } from "../data/store/cache_folder.ts";
import { printable } from "../data/names.ts";
import { UserError } from "../errors.ts";
import { ifThere } from "../files.ts";
import { modelNamed, type PublishedWeights, publishedWeights } from "../models/mod.ts";
import { NONE } from "../report/figures.ts";
import { aligned } from "../report/text.ts";
import { cachedWeights } from "../run/published/cached.ts";
import { type FetchedWeights, fetchWeights } from "../run/published/fetch.ts";
import { placeOf, weightsNamed } from "../run/published/names.ts";
import { formatBytes } from "../train/budget.ts";
import type { Invocation } from "./command.ts";
import type * as tables from "./flags.ts";
import { bar, clock, ProgressLine } from "./progress.ts";
import { interruptible } from "./signals.ts";

/** Runs `weights`; gives the exit code. */
export async function run({ options, words }: Invocation<typeof tables.weights.flags>): Promise<number> {
  if (words.length === 0) {
    await list(options.model);
    return 0;
  }
  if (options.model !== undefined) throw new UserError("Cannot use --model with names: it chooses what is listed", 2);
  // A misspelt one is told before anything is fetched.
  words.forEach(weightsNamed);
  if (options.remove) {
    for (const name of words) await remove(name);
    return 0;
  }
  using interrupt = interruptible();
  const progress = new ProgressLine(options.quiet);
  for (const name of words) {
    try {
      show(await fetchOne(name, progress, interrupt.signal), name);
    } catch (error) {
      progress.clear();
      if (!interrupt.signal.aborted) throw error;
      progress.line(`stopped; what has come is kept, and the same command goes on with it`);
      return interrupt.exitCode;
    }
  }
  return 0;
}

async function fetchOne(name: string, progress: ProgressLine, signal: AbortSignal): Promise<FetchedWeights> {
  let started: { time: number; bytes: number } | undefined;
  const fetched = await fetchWeights(name, {
    signal,
    onStart: ({ address, size, licence }) => {
      const bytes = size === undefined ? "" : `, ${formatBytes(size)}`;
      progress.line(`fetching ${printable(address)}${bytes}, ${licenceText(licence)}`);
    },
    onProgress: (done, total) => {
      const now = performance.now();
      started ??= { time: now, bytes: done };
      const rate = (done - started.bytes) / Math.max(1, now - started.time) * 1000;
      const left = total === undefined || rate === 0 ? "" : `, ${clock((total - done) / rate)} left`;
      const share = total === undefined ? "" : `${bar(done / total)} `;
      progress.update(() =>
        `${share}${formatBytes(done)}${total === undefined ? "" : ` of ${formatBytes(total)}`}, ${
          formatBytes(rate)
        } a second${left}`
      );
    },
  });
  progress.clear();
  return fetched;
}

function show({ name, path, record, row, wasThere }: FetchedWeights, asked: string): void {
  const facts = [
    record
      ? `${formatBytes(record.size)}, SHA-256 ${record.sha256.slice(0, 16)}…, ${licenceText(record.licence)}`
      : "put there by hand; the hub cannot be asked for its hash",
    ...row ? [`${row.model}, ${classesText(row)}${row.top1 === undefined ? "" : `, top-1 ${row.top1}`}`] : [],
    printable(path),
  ];
  console.log(
    `${printable(name)}: ${wasThere ? record ? "was there, and is whole" : "is there" : "fetched, and is whole"}`,
  );
  for (const fact of facts) console.log(`  ${fact}`);
  console.log(`  train with --pretrained ${printable(asked)}`);
}

async function remove(name: string): Promise<void> {
  const named = weightsNamed(name);
  const { folder, files } = placeOf(named);
  const there = await cachedWeights(named);
  // Parts of a file that never came whole are removed, too.
  const gone = files.flatMap((file) =>
    ["", ".json", ".part", ".part.json"].map((ending) => join(folder, file + ending))
  );
  for (const path of gone) await ifThere(Deno.remove(path));
  console.log(`${printable(named.name)}: ${there ? `removed ${printable(there.path)}` : "was not there"}`);
}

const HEADINGS = ["name", "model", "classes", "top-1", "resized", "seen", "filter", "licence", "here"] as const;
/** Columns that are set to the right. */
const NUMBERS = [2, 3, 4, 5];

async function list(model: string | undefined): Promise<void> {
  if (model !== undefined) modelNamed(model);
  const rows = publishedWeights.filter((row) => model === undefined || row.model === model);
  if (rows.length === 0) {
    console.log(`No weights of ${model} are published.`);
    return;
  }
  const cells = [[...HEADINGS], ...await Promise.all(rows.map(cellsOf))];
  for (const line of aligned(cells, (c) => NUMBERS.includes(c))) console.log(line);
  console.log(`\nimagenet:MODEL is the first of a model; any other repository of the hub's is hf:OWNER/NAME.`);
  console.log(`Fetched ones are in ${printable(join(cacheFolder(), "weights"))}`);
}

async function cellsOf(row: PublishedWeights): Promise<string[]> {
  const { crop, resize, interpolation } = row.preprocessing;
  const there = await cachedWeights(weightsNamed(row.name));
  return [
    row.name,
    row.model,
    row.classes === 0 ? NONE : row.classes.toLocaleString("en"),
    row.top1 === undefined ? NONE : String(row.top1),
    String(resize),
    String(crop),
    interpolation,
    row.licence ?? NONE,
    there ? formatBytes((await Deno.stat(there.path)).size) : "",
  ];
}

function classesText({ classes }: PublishedWeights): string {
  return classes === 0 ? "no head" : `${classes.toLocaleString("en")} classes`;
}

function licenceText(licence: string | undefined): string {
  return licence === undefined ? "no licence stated" : `licence ${printable(licence)}`;
}
