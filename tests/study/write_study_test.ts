import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { binaryTest } from "../../src/metrics/mod.ts";
import type { RunRecord } from "../../src/run/record.ts";
import { planStudy } from "../../src/study/study_file.ts";
import { groupsTable, meanAndDeviation, seedGroups } from "../../src/study/study_tables.ts";
import { writeStudy } from "../../src/study/write_study.ts";

const STUDY = {
  title: "Glasses & <hats>",
  axes: {
    task: { glasses: { task: "binary", target: ["Eyeglasses"] }, hats: { task: "binary", target: ["Wearing_Hat"] } },
    model: ["lenet", "naive-cnn"],
    pretrained: { no: {}, yes: { pretrained: { run: { task: "hats", pretrained: "no" } } } },
    seed: [1, 2],
  },
  skip: [{ task: "hats", pretrained: "yes" }],
};

/** The tests of a study's runs: the share of right answers depends on the choices. */
function ended(folder: string) {
  const plan = planStudy(STUDY, "s.json", folder);
  const runs = plan.runs.map((planned) => {
    const { task, model, pretrained, seed } = planned.choices;
    const wrong = (model === "lenet" ? 8 : 2) + (pretrained === "yes" ? -1 : 0) + Number(seed);
    const truth = Array.from({ length: 40 }, (_, i) => i % 2);
    const logits = Float32Array.from(truth, (label, i) => (label === 1) === (i >= wrong) ? 2 + i / 50 : -2 - i / 50);
    const record: RunRecord = {
      ...{ path: `${folder}/runs/${planned.name}`, name: planned.name, task: "binary", model, balance: [] },
      config: { model: { name: model, classes: 1, channels: 3, imageSize: 32 }, settings: { ...planned.settings } },
      log: [{ type: "val", step: 1, accuracy: 0.5, loss: 1 }, { type: "val", step: 2, accuracy: 0.9, loss: 0.5 }],
      epochs: { done: 2, asked: 2 },
      test: {
        path: "",
        report: binaryTest(logits, truth, [`not ${task}`, task], { resamples: 20 }),
        predictions: { logits, targets: Float32Array.from(truth) },
        files: truth.map((_, i) => `${seed}/${i}.png`),
      },
    };
    return { planned, record };
  });
  return { plan, runs };
}

Deno.test("runs of one name but for their seed are a group, with mean and deviation", () => {
  const { runs } = ended("out");
  const groups = seedGroups(runs.filter(({ planned }) => planned.choices.task === "glasses"));
  assertEquals(groups.map(({ name, runs }) => [name, runs.length]), [
    ["glasses-lenet-no", 2],
    ["glasses-lenet-yes", 2],
    ["glasses-naive-cnn-no", 2],
    ["glasses-naive-cnn-yes", 2],
  ]);
  const { heads, rows } = groupsTable("Test", groups);
  assertEquals(heads.slice(0, 3), ["runs", "seeds", "accuracy"]);
  // 31 and 30 of 40.
  assertEquals(rows[0].slice(0, 3), ["glasses-lenet-no", "2", "0.7625 ± 0.0177"]);
  // As tests of earlier versions are.
  const [{ record: { test } }] = groups[0].runs;
  Object.assign(test!.report, { intervals: undefined });
  assertEquals(groupsTable("Test", groups).rows, rows);
  assertEquals(meanAndDeviation([3]), { mean: 3, deviation: null });
});

Deno.test("a study is written as a page with a section for each task, Markdown and CSV", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { plan, runs } = ended(folder);
    const path = await writeStudy(folder, plan, runs, [{ name: "hats-x", why: "it has failed" }]);
    const page = await Deno.readTextFile(path);
    assertStringIncludes(page, "Glasses &amp; &lt;hats&gt;");
    assertStringIncludes(page, "12 of 12 runs have ended.");
    assertStringIncludes(page, "hats-x: it has failed.");
    const markdown = await Deno.readTextFile(`${folder}/study.md`);
    assertStringIncludes(
      markdown,
      "## glasses\n\nglasses-naive-cnn-yes has the highest test accuracy: 0.9375 ± 0.0177",
    );
    assertStringIncludes(markdown, "Pretraining raises the accuracy of 2 of 2 models; in percentage points:");
    assertStringIncludes(markdown, "lenet +2.50");
    assertStringIncludes(markdown, "By McNemar's exact test each of these differences may be chance.");
    assertEquals(
      (await Deno.readTextFile(`${folder}/study.csv`)).split("\n").filter((line) => line.includes("lenet")).length,
      6,
    );
    // A matrix for each group of a task, and the two curves of its validations.
    const charts = [...page.matchAll(/id="chart-(task-\d-[a-z]+)/g)].map(([, name]) => name);
    const count = (prefix: string) => charts.filter((name) => name.startsWith(prefix)).length;
    assertEquals([count("task-1-confusion"), count("task-1-pretrained"), count("task-1-val")], [4, 2, 2]);
    assert(page.length < 5e6);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
