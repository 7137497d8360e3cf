/**
 * Studies, sweeps and comparisons as a user runs them, killed on the way.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { end, fovea, lastLine, spawned, start } from "./command.ts";
import { appears } from "./runs.ts";

const cache = await Deno.makeTempDir();
const file = join(cache, "study.json");
const out = join(cache, "out");

const STUDY = {
  title: "Two hats",
  settings: { data: join(cache, "faces"), model: "lenet", imageSize: 32, batch: 16, backend: "wasm" },
  axes: {
    task: {
      glasses: { task: "binary", target: ["Eyeglasses"], epochs: 1 },
      labels: { task: "multilabel", target: ["Eyeglasses", "Smiling"], epochs: 2 },
    },
    pretrained: { no: {}, yes: { pretrained: { run: { task: "glasses", pretrained: "no" } } } },
  },
  skip: [{ task: "glasses", pretrained: "yes" }],
};

/** Names and times of the files of the study's runs. */
async function checkpointTimes(run: string): Promise<number[]> {
  const times: number[] = [];
  for await (const { name } of Deno.readDir(join(run, "checkpoints"))) {
    times.push((await Deno.stat(join(run, "checkpoints", name))).mtime!.getTime());
  }
  return times.toSorted();
}

Deno.test("a study that is killed goes on where it was, and ends in one page", async () => {
  await fovea(["data", "demo", join(cache, "faces"), "--count", "160", "--image-size", "32"], cache);
  await Deno.writeTextFile(file, JSON.stringify(STUDY));
  const args = ["study", file, "--out", out, "--quiet"];
  const killed = start(args, cache);
  await appears(join(out, "runs", "labels-no", "checkpoints", "epoch-001.safetensors"), killed);
  killed.kill("SIGKILL");
  await end(killed);
  const first = await checkpointTimes(join(out, "runs", "glasses-no"));
  const { code, stdout, stderr } = await spawned(args, cache);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "run    1/3 glasses-no: it has ended before");
  assertEquals(await checkpointTimes(join(out, "runs", "glasses-no")), first);
  assertStringIncludes(stdout, "run    3/3 labels-yes");
  const page = await Deno.readTextFile(join(out, "report.html"));
  assertStringIncludes(page, "3 of 3 runs have ended.");
  assertStringIncludes(page, 'href="runs/labels-yes/report.html"');
  // What was killed and gone on with has every step once.
  const log = await Deno.readTextFile(join(out, "runs", "labels-no", "metrics.jsonl"));
  const steps = log.trim().split("\n").map((line) => JSON.parse(line)).filter(({ type }) => type === "train")
    .map(({ step }) => step);
  assertEquals(steps, [...new Set(steps)]);
});

Deno.test("two runs of a study are compared, and a list of it takes no time", async () => {
  const runs = ["labels-no", "labels-yes"].map((name) => join(out, "runs", name));
  const { code, stdout, stderr } = await spawned(["compare", ...runs, "--out", join(cache, "both")], cache);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "McNemar's exact test");
  assertStringIncludes(stdout, "| pretrained | – |");
  assert((await Deno.stat(join(cache, "both", "report.html"))).size > 1e6);
  const list = await fovea(["study", file, "--out", out, "--dry-run"], cache);
  assertEquals([list.code, list.stdout.match(/has ended/g)?.length], [0, 3], list.stderr);
});

Deno.test("a cross-validation tests each picture once, goes on where it was, and refuses other settings in its folder", async () => {
  const folder = join(cache, "folds");
  const args = [
    "cross-validate",
    "--folds",
    "2",
    "--data",
    join(cache, "faces"),
    "--target",
    "Eyeglasses",
    "--model",
  ];
  const asked = [...args, "lenet", "--image-size", "32", "--backend", "wasm", "--epochs", "1", "--out", folder];
  const killed = start([...asked, "--quiet"], cache);
  await appears(join(folder, "runs", "fold-1", "test", "answers.safetensors"), killed);
  killed.kill("SIGKILL");
  await end(killed);
  // It had its answers, and not yet its predictions and its page.
  const { code, stderr } = await fovea([...asked, "--quiet"], cache);
  assertEquals(code, 0, stderr);
  const [head, ...rows] = (await Deno.readTextFile(join(folder, "predictions.csv"))).trimEnd().split(/\r?\n/);
  assertEquals(head, "file,label Eyeglasses,predicted Eyeglasses,probability Eyeglasses,fold");
  assertEquals(new Set(rows.map((row) => row.split(",")[0])).size, 160);
  assertEquals(rows.length, 160);
  const report = JSON.parse(await Deno.readTextFile(join(folder, "metrics.json")));
  const right = rows.filter((row) => row.split(",")[1] === row.split(",")[2]).length;
  assertEquals(report.accuracy, right / 160);
  assertEquals((await Deno.readTextFile(join(folder, "folds.csv"))).trimEnd().split("\n").length, 6);
  assertStringIncludes(await Deno.readTextFile(join(folder, "report.html")), 'href="runs/fold-2/report.html"');
  const other = await fovea([...asked, "--lr", "0.5"], cache);
  assertEquals(other.code, 1);
  assertStringIncludes(lastLine(other), "give another folder");
});

Deno.test("a study and a comparison say what is wrong in one line", async () => {
  await Deno.writeTextFile(join(cache, "bad.json"), JSON.stringify({ settings: { epoch: 1 } }));
  await Deno.writeTextFile(join(cache, "cut.yaml"), "axes: [");
  const faults: [args: string[], line: string][] = [
    [["study", join(cache, "bad.json")], "run: There is no setting epoch; did you mean epochs?"],
    [["study", join(cache, "none.json")], "none.json is not there"],
    [["study", join(cache, "cut.yaml")], "cut.yaml cannot be read: Flow sequence"],
    [["compare", out, out], "is not a run directory"],
  ];
  for (const [args, line] of faults) {
    const ended = await fovea(args, cache);
    assertEquals(ended.code, 1, ended.stderr);
    assertStringIncludes(lastLine(ended), line);
  }
});

Deno.test("cleaning up", async () => {
  await Deno.remove(cache, { recursive: true });
});
