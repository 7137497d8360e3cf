/**
 * `report.html` of a run: collects what its directory says, for the page that `src/report/page` makes.
 *
 * @module
 */

import { join } from "node:path";
import { splitNames } from "../data/split.ts";
import { writeAtomic } from "../files.ts";
import { settingText } from "../report/figures.ts";
import { type Monitor, monitored } from "../metrics/monitored.ts";
import type { Row } from "../report/page/html.ts";
import { type PageTest, runPage } from "../report/page/run_page.ts";
import { answersOf } from "./answers.ts";
import type { RunConfig } from "./config.ts";
import { readRun, type RunRecord } from "./record.ts";
import { settings } from "./settings.ts";
import type { Setting } from "./settings/setting.ts";

/**
 * Writes `report.html` to a run directory.
 *
 * @param run The directory.
 * @param command The command that repeats the run, where it is known.
 * @returns Path of the file.
 * @throws UserError when it is no run directory, or ECharts could be neither found nor fetched.
 */
export async function writeRunReport(run: string, command?: string): Promise<string> {
  const path = join(run, "report.html");
  await writeAtomic(path, await reportOfRun(await readRun(run), command));
  return path;
}

/** The text of a run's page. */
export async function reportOfRun(run: RunRecord, command?: string): Promise<string> {
  const { name, model, task, config, log, balance, test } = run;
  return await runPage({
    ...{ name, model, task, balance, records: log, splits: splitNames },
    ...(command !== undefined && { command }),
    settings: settingsOf(config),
    circumstances: circumstancesOf(config),
    summary: summaryOf(run),
    ...(test && { test: pageTest(run) }),
  });
}

function pageTest({ test, task }: RunRecord): PageTest {
  const { report, predictions, mistakes, explained } = test!;
  return {
    of: report.testedOn === "val" ? "the validation split" : "the test split",
    notes: report.note === undefined ? [] : [report.note],
    report,
    answers: answersOf(task, predictions ?? { logits: new Float32Array(), targets: new Float32Array() }, report),
    ...(mistakes && { mistakes }),
    ...(explained && { explained }),
  };
}

/** Settings under the headings that the help has; those that did not apply are left out. */
function settingsOf({ settings: kept = {} }: RunConfig): { heading: string; rows: Row[] }[] {
  const sections: { heading: string; rows: Row[] }[] = [];
  for (const [name, { heading }] of Object.entries<Setting>(settings)) {
    if (heading !== undefined || sections.length === 0) sections.push({ heading: heading ?? "Settings", rows: [] });
    const value = kept[name];
    if (value === null || value === undefined) continue;
    sections[sections.length - 1].rows.push([name, settingText(value)]);
  }
  return sections.filter(({ rows }) => rows.length > 0);
}

function circumstancesOf({ versions, device, settings: kept = {}, fingerprint, kernels, tuning }: RunConfig): Row[] {
  const rows: (readonly [string, unknown])[] = [
    ["Fovea", versions?.fovea],
    ["Deno", versions?.deno],
    ["device", device && `${device.kind}: ${device.description}`],
    ["seed", kept.seed],
    ["training pictures, SHA-256", fingerprint?.train],
    ["validation pictures, SHA-256", fingerprint?.val],
    ["kernels, SHA-256", kernels],
    ["tuning.json, SHA-256", tuning],
  ];
  return rows.flatMap(([name, value]): Row[] => value === undefined || value === null ? [] : [[name, String(value)]]);
}

/** A record of the log. */
type Values = Readonly<Record<string, unknown>>;

/** How training went, in a sentence or two. */
function summaryOf({ config, epochs: { done, asked }, log }: RunRecord): string[] {
  const monitor = (config.settings?.monitor ?? "accuracy") as Monitor;
  const { title, isLower } = monitored[monitor];
  const validations = log.filter(({ type, [monitor]: value }) => type === "val" && typeof value === "number");
  const isBetter = (one: Values, other: Values): boolean => {
    const [value, before] = [one, other].map((record) => record[monitor] as number);
    return value === before ? (one.loss as number) < (other.loss as number) : isLower ? value < before : value > before;
  };
  const best = validations.reduce<Values | undefined>(
    (best, record) => best === undefined || isBetter(record, best) ? record : best,
    undefined,
  );
  const of = asked === undefined ? "" : ` of ${asked}`;
  const early = log.find(({ type }) => type === "early");
  return [
    `${done}${of} epochs were trained.` +
    (early ? ` The run ended early, with no better ${title} in ${early.patience} epochs.` : "") +
    (best ? ` The best validation ${title} is ${(best[monitor] as number).toFixed(4)}, in epoch ${best.epoch}.` : ""),
  ];
}
