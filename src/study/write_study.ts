/**
 * Writes what a study comes to: one page, one Markdown file, one CSV file.
 *
 * @module
 */

import { join } from "node:path";
import { firstNames } from "../data/names.ts";
import { makeFolder, writeAtomic } from "../files.ts";
import { confusionChart } from "../report/confusion.ts";
import { type OverlaidRun, overlayChart, quantities } from "../report/overlay.ts";
import type { NamedChart } from "../report/page/page.ts";
import { studyPage, type StudySection } from "../report/page/study_page.ts";
import { markdownOf, markdownText } from "../report/tables.ts";
import { compareRuns, type Comparison } from "./compare.ts";
import { metricsTable, numbersTable, pairsTable, settingsTable } from "./compare_tables.ts";
import type { StudyPlan } from "./study_file.ts";
import { type EndedRun, groupsTable, meanAndDeviation, type SeedGroup, seedGroups } from "./study_tables.ts";
import { byRank, superlative } from "./ranking.ts";
import { differenceHolds, differenceText, gainText, testedValue, testRanking, whatIs } from "./verdict.ts";
import { csvOf, linksTo } from "./write_comparison.ts";

/** A run that is not there, and why. */
export interface MissingRun {
  /** Its name. */
  readonly name: string;
  /** As a clause. */
  readonly why: string;
}

/** More pairs than these are shown on request. */
const MOST_PAIRS = 15;

/** Larger confusion matrices are on the runs' own pages alone. */
const MOST_CLASSES = 12;

/**
 * Writes `report.html`, `study.md` and `study.csv` to a study's folder.
 *
 * @param folder The study's.
 * @param plan What was planned.
 * @param runs What has ended.
 * @param missing What has not.
 * @returns Path of the page.
 * @throws UserError when ECharts could be neither found nor fetched.
 */
export async function writeStudy(
  folder: string,
  plan: StudyPlan,
  runs: readonly EndedRun[],
  missing: readonly MissingRun[],
): Promise<string> {
  const tasks = Map.groupBy(
    runs.toSorted((a, b) => a.planned.place - b.planned.place),
    ({ planned, record: { task, config } }) =>
      planned.choices.task ?? `${task}: ${firstNames(config.classes ?? [], 4)}`,
  );
  const sections = Array.from(tasks, ([name, own], t) => sectionOf(name, own, `task-${t + 1}`));
  const links = await linksTo(runs.map(({ planned: { name }, record: { path } }) => ({ name, path })), folder);
  const notes = [
    `${runs.length} of ${plan.runs.length} runs have ended.`,
    ...missing.map(({ name, why }) => `${name}: ${why}.`),
    ...Array.from(tasks.values()).some((own) => own[0].record.task === "binary")
      ? ["The auROC here is taken from scores. One from hard decisions, as of older reports, is the balanced accuracy."]
      : [],
  ];
  await makeFolder(folder);
  const markdown = sections.map(({ title, summary, tables }) => {
    const filled = tables.filter(({ rows }) => rows.length > 0).map(markdownOf);
    return [`## ${markdownText(title)}`, "", ...summary, "", ...filled].join("\n");
  });
  await writeAtomic(join(folder, "study.md"), `${[`# ${plan.title}`, ...notes, ...markdown].join("\n\n")}\n`);
  const all = Array.from(tasks.values(), (own) => numbersTable(comparisonOf(own, false)));
  await writeAtomic(join(folder, "study.csv"), all.map(csvOf).join("\n"));
  const page = join(folder, "report.html");
  await writeAtomic(page, await studyPage({ title: plan.title, notes, sections, links }));
  return page;
}

/** Runs of a task side by side: each lies in a folder of its name. */
function comparisonOf(runs: readonly EndedRun[], withPairs: boolean): Comparison {
  return compareRuns(runs.map(({ record }) => record), withPairs ? {} : { resamples: 1 });
}

function sectionOf(name: string, runs: readonly EndedRun[], prefix: string): StudySection {
  const groups = seedGroups(runs);
  // One run of each group: those of one seed have one split.
  const firsts = groups.map((group) => group.runs[0]);
  const firstOf = new Map(groups.map((group) => [group.runs[0].planned.name, group.name]));
  const comparison = comparisonOf(firsts, true);
  const pairs = pairsTable(comparison);
  return {
    title: name,
    summary: summaryOf(groups, comparison),
    tables: [groupsTable("Test", groups), ...pairs.rows.length > MOST_PAIRS ? [] : [pairs]],
    details: [
      ...pairs.rows.length > MOST_PAIRS ? [pairs] : [],
      metricsTable(comparisonOf(runs, false)),
      settingsTable(comparison),
    ],
    charts: chartsOf(groups, firstOf, prefix),
  };
}

const accuracies = ({ runs }: SeedGroup): number[] =>
  runs.flatMap(({ record: { test } }) => test?.report.accuracy ?? []);

/** What is best, by how much, and whether that holds. */
function summaryOf(groups: readonly SeedGroup[], comparison: Comparison): string[] {
  const ranking = testRanking(groups.flatMap(({ runs }) => runs.map(({ record }) => record)));
  const compare = byRank(ranking);
  const values = ({ runs }: SeedGroup) => runs.flatMap(({ record }) => testedValue(record, ranking) ?? []);
  const tested = groups.filter((group) => values(group).length > 0)
    .map((group) => ({ group, ...meanAndDeviation(values(group)) }))
    .toSorted((a, b) => compare(a.mean, b.mean));
  if (tested.length === 0) return ["No run has a test."];
  const [best, second] = tested;
  const text = ({ mean, deviation, group: { runs } }: typeof best) =>
    deviation === null ? mean.toFixed(4) : `${mean.toFixed(4)} ± ${deviation.toFixed(4)} over ${runs.length} seeds`;
  const what = whatIs(ranking, best.group.runs[0].record.task);
  if (!second) return [`${best.group.name} has a test ${what} of ${text(best)}.`];
  const [one, two] = [best, second].map(({ group }) => group.runs[0].planned.name);
  return [
    `${best.group.name} has the ${superlative(ranking)} test ${what}: ${text(best)}, ` +
    `${gainText(ranking, best.mean, second.mean)} ${second.group.name} with ${text(second)}.`,
    differenceText(comparison, one, two, ranking),
    ...pretrainingOf(groups, comparison),
  ].filter((line) => line !== "");
}

/** The axis of which the choices are with and without pretraining. */
const PRETRAINED = "pretrained";

/** Groups with and without pretraining that are otherwise the same. */
function pretrainedPairs(groups: readonly SeedGroup[]): { name: string; with: SeedGroup; without: SeedGroup }[] {
  const isPretrained = ({ runs }: SeedGroup) => runs[0].planned.settings.pretrained !== undefined;
  const others = ({ choices: { [PRETRAINED]: _, ...rest } }: SeedGroup) => Object.values(rest).join("-");
  return Array.from(Map.groupBy(groups.filter(({ choices }) => PRETRAINED in choices), others)).flatMap(
    ([name, own]) => {
      const [pretrained, plain] = [own.find(isPretrained), own.find((group) => !isPretrained(group))];
      return pretrained && plain ? [{ name, with: pretrained, without: plain }] : [];
    },
  );
}

/** Does pretraining help? */
function pretrainingOf(groups: readonly SeedGroup[], comparison: Comparison): string[] {
  const gains = pretrainedPairs(groups).flatMap((pair) => {
    const [pretrained, plain] = [accuracies(pair.with), accuracies(pair.without)];
    if (pretrained.length === 0 || plain.length === 0) return [];
    const [one, two] = [pair.with, pair.without].map(({ runs }) => runs[0].planned.name);
    return [{
      name: pair.name,
      gain: meanAndDeviation(pretrained).mean - meanAndDeviation(plain).mean,
      holds: differenceHolds(comparison, one, two),
    }];
  });
  if (gains.length === 0) return [];
  const helped = gains.filter(({ gain }) => gain > 0).length;
  const list = gains.map(({ name, gain }) => `${name} ${gain > 0 ? "+" : ""}${(100 * gain).toFixed(2)}`).join(", ");
  const models = gains.length === 1 ? "the one model" : `${helped} of ${gains.length} models`;
  const verb = gains.length === 1 && helped === 0 ? "does not raise" : "raises";
  const firm = gains.filter(({ holds }) => holds).map(({ name }) => name);
  const several = gains.length > 1;
  const sure = firm.length > 0
    ? `By McNemar's exact test ${several ? `that holds for ${firm.join(", ")} alone` : "that holds"}.`
    : `By McNemar's exact test ${several ? "each of these differences" : "that"} may be chance.`;
  return [
    `Pretraining ${verb} the accuracy of ${models}; in percentage points: ${list}. ${
      firm.length === gains.length && several ? "By McNemar's exact test each of these differences holds." : sure
    }`,
  ];
}

function chartsOf(
  groups: readonly SeedGroup[],
  names: ReadonlyMap<string, string>,
  prefix: string,
): StudySection["charts"] {
  const overlaid = (group: SeedGroup, name = names.get(group.runs[0].planned.name)!): OverlaidRun => ({
    name,
    records: group.runs[0].record.log,
  });
  const pairs = pretrainedPairs(groups);
  const pretrained = new Set(pairs.map((pair) => pair.with));
  const plain = groups.filter((group) => !pretrained.has(group));
  const curves = quantities.flatMap((quantity): NamedChart[] => {
    const chart = overlayChart(quantity, plain.map((group) => overlaid(group)), "the first seed of each");
    const name = `${prefix}-${quantity.type}-${quantity.key}`;
    return chart ? [{ name, chart, caption: `${quantity.title} over the steps` }] : [];
  });
  const [accuracy] = quantities;
  const withAndWithout = pairs.flatMap((pair, p): NamedChart[] => {
    const runs = [overlaid(pair.with, "pretrained"), overlaid(pair.without, "from scratch")];
    const chart = overlayChart({ ...accuracy, title: pair.name }, runs, "validation accuracy");
    const caption = `${pair.name}: validation accuracy with and without pretraining`;
    return chart ? [{ name: `${prefix}-pretrained-${p + 1}`, chart, caption }] : [];
  });
  const matrices = groups.flatMap(({ name, runs: [{ record }] }, g): NamedChart[] => {
    const { test, task } = record;
    if (!test || task === "multilabel" || test.report.perClass.length > MOST_CLASSES) return [];
    const chart = confusionChart(test.report, test.report.perClass.map((row) => row.name));
    return [{ name: `${prefix}-confusion-${g + 1}`, chart, caption: name }];
  });
  return [
    { heading: "Curves", charts: curves },
    { heading: "With and without pretraining", charts: withAndWithout },
    { heading: "Confusion matrices", charts: matrices },
  ];
}
