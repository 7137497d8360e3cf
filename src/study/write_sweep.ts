/**
 * Writes what a sweep comes to: the comparison of its runs, with a parallel-coordinates chart.
 *
 * @module
 */

import { join } from "node:path";
import { makeFolder, writeAtomic } from "../files.ts";
import { decimal, settingText } from "../report/figures.ts";
import { comparePage } from "../report/page/compare_page.ts";
import { parallelChart } from "../report/parallel.ts";
import { markdownOf, type TextTable } from "../report/tables.ts";
import type { RunRecord } from "../run/record.ts";
import { compareRuns } from "./compare.ts";
import { metricsTable, numbersTable } from "./compare_tables.ts";
import { bestOf, byRank, type Ranking, rankingOf, superlative, validatedIn } from "./ranking.ts";
import type { PlannedRun } from "./study_file.ts";
import type { SweepPlan } from "./sweep_file.ts";
import { verdictOf } from "./verdict.ts";
import { csvOf } from "./write_comparison.ts";
import type { MissingRun } from "./write_study.ts";

/** A run of a sweep that has ended, or was stopped. */
export interface SweptRun {
  /** What was planned. */
  readonly planned: PlannedRun;
  /** What its directory says. */
  readonly record: RunRecord;
  /** Why it was stopped, as a clause; absent of one that was trained to its end. */
  readonly stopped?: string;
}

/** Curves of more runs cannot be told apart. */
const MOST_CURVES = 8;

/** What a run has reached, by its validations; null where it has none. */
type Reached = (run: SweptRun) => number | null;

/** The runs, the best first. */
function ranked(runs: readonly SweptRun[], ranking: Ranking, reached: Reached): SweptRun[] {
  const compare = byRank(ranking);
  return runs.toSorted((a, b) => compare(reached(a), reached(b)));
}

/** What each run was set to, and what it reached, the best first. */
function triedTable(
  tried: readonly string[],
  runs: readonly SweptRun[],
  ranking: Ranking,
  reached: Reached,
): TextTable {
  return {
    title: `Runs by validation ${ranking.title}`,
    heads: ["run", `validation ${ranking.title}`, "epochs", ...tried],
    rows: ranked(runs, ranking, reached).map((run) => {
      const { planned, record: { epochs }, stopped } = run;
      const settings: Readonly<Record<string, unknown>> = planned.settings;
      return [
        planned.name,
        decimal(reached(run)),
        `${epochs.done}${stopped === undefined ? "" : ", stopped"}`,
        ...tried.map((name) => settingText(settings[name])),
      ];
    }),
  };
}

/**
 * Writes `report.html`, `sweep.md` and `sweep.csv` to a sweep's folder.
 *
 * @param folder The sweep's.
 * @param plan What was planned.
 * @param runs What has ended or was stopped.
 * @param missing What has failed.
 * @returns Path of the page.
 * @throws UserError when ECharts could be neither found nor fetched.
 */
export async function writeSweep(
  folder: string,
  plan: SweepPlan,
  runs: readonly SweptRun[],
  missing: readonly MissingRun[],
): Promise<string> {
  const { title, tried } = plan;
  const ranking = rankingOf(plan.runs.map(({ settings }) => settings as Readonly<Record<string, unknown>>));
  const reached: Reached = ({ record: { log } }) => bestOf(validatedIn(log, ranking), ranking);
  const ended = runs.filter(({ stopped }) => stopped === undefined);
  // Chosen by validation: the test split has no say in which runs are compared.
  const best = ranked(ended, ranking, reached).slice(0, MOST_CURVES);
  const stopped = runs.length - ended.length;
  const notes = [
    `${runs.length} of ${plan.runs.length} runs are over; ${stopped} of them ${
      stopped === 1 ? "was" : "were"
    } stopped early.`,
    ...missing.map(({ name, why }) => `${name}: ${why}.`),
  ];
  const tables = [triedTable(tried, runs, ranking, reached)];
  const summary: string[] = [];
  if (best.length > 0) {
    const comparison = compareRuns(best.map(({ record }) => record), { resamples: 1 });
    const [first] = best;
    const what = `${superlative(ranking)} validation ${ranking.title}`;
    const set = tried.map((name) =>
      `${name} ${JSON.stringify((first.planned.settings as Record<string, unknown>)[name])}`
    );
    const equals = ended.filter((run) => reached(run) === reached(first)).map(({ planned: { name } }) => name);
    summary.push(
      equals.length > 1
        ? `${equals.join(" and ")} have the ${what}, ${decimal(reached(first))}; ` +
          `${first.planned.name}: ${set.join(", ")}.`
        : `${first.planned.name} has the ${what}, ${decimal(reached(first))}: ${set.join(", ")}.`,
    );
    summary.push(...verdictOf(compareRuns(best.slice(0, 2).map(({ record }) => record))));
    tables.push({ ...metricsTable(comparison), title: `Test of the ${best.length} best` });
    await makeFolder(folder);
    await writeAtomic(
      join(folder, "sweep.csv"),
      csvOf(numbersTable(compareRuns(ended.map(({ record }) => record), { resamples: 1 }))),
    );
  }
  const values = (name: string) =>
    runs.map(({ planned: { settings } }) => {
      const value = (settings as Readonly<Record<string, unknown>>)[name] ?? null;
      return typeof value === "number" || typeof value === "string" || value === null ? value : JSON.stringify(value);
    });
  const dimensions = [
    ...tried.map((name) => ({
      ...{ name, values: values(name) },
      ...(plan.logarithmic.includes(name) && { isLog: true }),
    })),
    { name: `val. ${ranking.title}`, values: runs.map(reached), isLog: false },
  ];
  const subtitle = `a line a run; the darker, the higher its validation ${ranking.title}`;
  await makeFolder(folder);
  const page = join(folder, "report.html");
  await writeAtomic(
    join(folder, "sweep.md"),
    `${[`# ${title}`, ...notes, ...summary, ...tables.map(markdownOf)].join("\n\n")}\n`,
  );
  await writeAtomic(
    page,
    await comparePage({
      title,
      summary: [...notes, ...summary],
      tables,
      runs: best.map(({ planned: { name }, record: { log } }) => ({ name, records: log })),
      ...(runs.length > 0 && {
        charts: [{
          name: "parallel",
          chart: parallelChart(title, subtitle, dimensions),
          ...{ caption: "Settings, and what they led to", isWide: true },
        }],
      }),
      links: best.map(({ planned: { name } }) => ({ name, href: `runs/${name}/report.html` })),
    }),
  );
  return page;
}
