/**
 * The report of a run: what repeats it, its data, its curves, its test and its mistakes.
 *
 * @module
 */
import type { TestReport } from "../../metrics/mod.ts";
import { type Chart } from "../chart.ts";
import { confusionChart } from "../confusion.ts";
import { curvesChart } from "../curves.ts";
import { decimal, NONE } from "../figures.ts";
import { type Answers, testCharts } from "../test_charts.ts";
import { averageRows, classKeys, metricNames, metricRows, metricsOf } from "../text.ts";
import { figureOf, imageOf, pageOf } from "./page.ts";
import { Html, html, type Row, tableOf } from "./html.ts";

/** How many pictures of a class are in each split. */
export interface ClassBalance {
  /** Name of the class or label. */
  readonly name: string;
  /** Pictures by the splits' names. */
  readonly counts: Readonly<Record<string, number>>;
}

/** A test, with what its charts are made of. */
export interface PageTest {
  /** Which split, or whose data. */
  readonly of: string;
  /** Its metrics. */
  readonly report: TestReport;
  /** What was answered. */
  readonly answers: Answers;
  /** A sheet of the most confident mistakes, drawn; absent where there is none. */
  readonly mistakes?: Uint8Array;
  /** A sheet of what led to them, drawn; absent where nobody asked. */
  readonly explained?: Uint8Array;
  /** What should be known of it, such as that its split chose the best epoch. */
  readonly notes?: readonly string[];
}

/** What is known of a run. */
export interface RunPage {
  /** Name of its folder. */
  readonly name: string;
  /** Name of its model. */
  readonly model: string;
  /** What its logits mean. */
  readonly task: string;
  /** The command that repeats it. */
  readonly command?: string;
  /** Settings with their values, under the headings of the help. */
  readonly settings: readonly { readonly heading: string; readonly rows: readonly Row[] }[];
  /** Versions, device, seed, fingerprints. */
  readonly circumstances: readonly Row[];
  /** Names of the splits, and the classes in them. */
  readonly splits: readonly string[];
  /** Of the splits. */
  readonly balance: readonly ClassBalance[];
  /** Records of `metrics.jsonl`. */
  readonly records: readonly unknown[];
  /** How training went, in a sentence or two. */
  readonly summary: readonly string[];
  /** The test, where there was one. */
  readonly test?: PageTest;
}

/** More classes than these are shown on request. */
const SHORT = 40;

/** At most these rows are in a table of classes: a page has to stay readable, and small. */
const MOST_ROWS = 200;

/**
 * The page of a run.
 *
 * @param run What is known of it.
 * @returns The text of one HTML file.
 * @throws {UserError} When ECharts could be neither found nor fetched.
 */
export async function runPage(run: RunPage): Promise<string> {
  const charts = new Map<string, Chart>();
  const show = async (name: string, chart: Chart, caption: string): Promise<Html> => {
    charts.set(name, chart);
    return await figureOf(name, chart, caption);
  };
  const sections = [
    headOf(run),
    html`<h2 id="training">Training</h2>
${
      run.summary.map((line) =>
        html`
          <p>${line}</p>
        `
      )
    }${
      run.records.length > 0 ? await show("curves", curvesChart(run.records), "Loss, accuracy and learning rate") : ""
    }`,
    run.test ? await testSection(run.test, show) : html`
      <h2 id="test">Test</h2>
      <p class="soft">The run has no test: it has not ended, or it had no test split.</p>
    `,
    dataSection(run),
    repeatSection(run),
  ];
  return await pageOf({ title: `${run.name}: ${run.model}`, body: html`${sections}`, charts });
}

function headOf({ name, model, task, test }: RunPage): Html {
  const report = test?.report;
  const keys = ["accuracy", "balancedAccuracy", "f1", "auroc", "loss"] as const;
  const figures = report
    ? metricsOf(report).filter(({ key }) => (keys as readonly string[]).includes(key)).map((
      { name, value, interval },
    ) =>
      html`
        <li><span>${name}</span><b>${decimal(value)}</b>${interval &&
          html`<span>${decimal(interval[0])} – ${decimal(interval[1])}</span>`}</li>
      `
    )
    : [];
  return html`
    <header>
    <p class="soft">Fovea · ${task} · ${model}</p>
    <h1>${name}</h1>
    <nav><a href="#training">Training</a> <a href="#test">Test</a> <a href="#data">Data</a> <a href="#repeat">Repeat it</a></nav>
    ${figures.length > 0 && html`
      <ul class="figures">
      ${figures}</ul>
      <p class="soft">On ${test!.of}; below each value its 95% interval, by a bootstrap over pictures.</p>
    `}</header>
  `;
}

/** What is said below the charts of a test, by their names. */
export const testCaptions: Readonly<Record<string, string>> = {
  "roc": "ROC curves, a class against the rest",
  "precision-recall": "Precision–recall curves, a class against the rest",
  "reliability": "Reliability: what was said with a probability, and how often it came true",
  "scores": "Scores",
  "classes": "Precision, recall and F1",
};

async function testSection(
  { of, report, answers, mistakes, explained, notes = [] }: PageTest,
  show: (name: string, chart: Chart, caption: string) => Promise<Html>,
): Promise<Html> {
  const [heads, ...averages] = averageRows(report);
  const names = report.perClass.map(({ name }) => name);
  const figures: Html[] = [await show("confusion", confusionChart(report, names), "Confusion matrix, rows the truth")];
  for (const [name, chart] of testCharts(report, answers)) figures.push(await show(name, chart, testCaptions[name]));
  return html`<h2 id="test">Test on ${of}</h2>
${
    notes.map((note) =>
      html`
        <p class="bad">${note}</p>
      `
    )
  }${
    report.views !== undefined && html`
      <p>The probabilities of ${report.views} views of each picture were averaged.</p>
    `
  }${
    report.temperature !== 1 && html`
      <p>Logits were divided by the temperature ${report.temperature.toFixed(4)}.</p>
    `
  }${tableOf(["metric", "value", "95% interval"], metricRows(report), "Metrics of the whole")}
${tableOf(heads, averages, "Averages")}
<div class="charts">
${figures}</div>
<h3>${report.task === "multilabel" ? "Labels" : "Classes"}</h3>
${classTable(report)}${reasonsOf(report)}${
    mistakes
      ? html`<h3 id="mistakes">The most confident mistakes</h3>
${
        imageOf(
          mistakes,
          "Pictures on which the model is wrong, the most confident first, each with file, truth and prediction",
        )
      }`
      : ""
  }${
    explained
      ? html`
        <h3 id="explained">What led to them</h3>
        <p>Light or red is what spoke for what the model took the picture for.</p>
        ${imageOf(explained, "The most confident mistakes, each beside a map of what in the picture counted")}
      `
      : ""
  }`;
}

function classTable(report: TestReport): Html {
  const keys = classKeys(report);
  const rows = report.perClass.slice(0, MOST_ROWS).map((row): Row => {
    const values = row as unknown as Record<string, number | null>;
    return [row.name, ...keys.map((key) => decimal(values[key])), row.support];
  });
  const left = report.perClass.length - rows.length;
  const table = html`${
    tableOf(["name", ...keys.map((key) => metricNames[key]), "pictures"], rows, "Metrics of each class")
  }${
    left > 0 && html`
      <p class="soft">… and ${left} more, in metrics.json.</p>
    `
  }`;
  return rows.length > SHORT
    ? html`
      <details><summary>All ${report.perClass.length}</summary>${table}</details>
    `
    : table;
}

function reasonsOf({ undefined: notes }: TestReport): Html {
  if (notes.length === 0) return html``;
  const shown = notes.slice(0, MOST_ROWS).map(({ metric, class: name, reason }) =>
    html`
      <li>${metricNames[metric]}${name !== null && html`
        of ${name}
      `}: ${reason}</li>
    `
  );
  return html`
    <details><summary>Why ${notes.length} ${notes.length === 1 ? "value is" : "values are"} undefined</summary><ul>
    ${shown}</ul>${notes.length > MOST_ROWS &&
      html`<p class="soft">… and ${notes.length - MOST_ROWS} more.</p>`}</details>
  `;
}

function dataSection({ splits, balance }: RunPage): Html {
  const sums = splits.map((split) => balance.reduce((sum, { counts }) => sum + (counts[split] ?? 0), 0));
  const rows = balance.slice(0, MOST_ROWS).map(({ name, counts }): Row => [
    name,
    ...splits.map((split, s) => {
      const count = counts[split] ?? 0;
      return `${count} (${sums[s] === 0 ? NONE : (100 * count / sums[s]).toFixed(1)}%)`;
    }),
  ]);
  const left = balance.length - rows.length;
  const table = html`${tableOf(["", ...splits], rows, "Pictures of each class in each split")}${
    left > 0 && html`
      <p class="soft">… and ${left} more, in split.csv.</p>
    `
  }`;
  return html`<h2 id="data">Data</h2>
${
    balance.length === 0
      ? html`
        <p class="soft">The run has no split.csv.</p>
      `
      : rows.length > SHORT
      ? html`
        <details><summary>Pictures of ${balance.length} classes in each split</summary>${table}</details>
      `
      : table
  }`;
}

function repeatSection({ command, settings, circumstances }: RunPage): Html {
  return html`
    <h2 id="repeat">What repeats it</h2>
    ${command !== undefined && html`
      <pre>${command}</pre>
    `}${tableOf(["", ""], circumstances, "Versions, device and data", "texts")}
    <details><summary>All settings</summary>
    ${settings.map(({ heading, rows }) =>
      html`
        <h3>${heading}</h3>
        ${tableOf(["setting", "value"], rows, heading, "texts")}
      `
    )}</details>
  `;
}
