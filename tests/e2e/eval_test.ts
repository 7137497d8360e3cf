/**
 * Tests of a run that ask for more than a test: views, a temperature, thresholds.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { fovea, lastLine } from "./command.ts";

const cache = await Deno.makeTempDir();
const faces = join(cache, "faces");
const run = join(cache, "labels");

Deno.test("eval averages views, keeps a temperature that predict takes too, and tunes thresholds on validation", async () => {
  await fovea(["data", "demo", faces, "--count", "160", "--image-size", "32"], cache);
  const targets = ["--task", "multilabel", "--target", "Eyeglasses", "Smiling"];
  const common = [
    "--model",
    "lenet",
    "--image-size",
    "32",
    "--epochs",
    "2",
    "--batch",
    "16",
    "--tta",
    "2",
    "--out",
    run,
  ];
  const trained = await fovea(["train", "--data", faces, ...targets, ...common], cache);
  assertEquals(trained.code, 0, trained.stderr);
  const metrics = async () => JSON.parse(await Deno.readTextFile(join(run, "test", "metrics.json")));
  const before = await metrics();
  assertStringIncludes(trained.stdout, "probabilities of 2 views of each picture averaged");
  assertEquals(before.views, 2);
  const explained = join(run, "test", "explained.png");
  await Deno.writeTextFile(explained, "of the mistakes of a test before");
  const one = await fovea(["eval", run], cache);
  assertEquals(one.code, 0, one.stderr);
  assertEquals(await Deno.stat(explained).then(() => true, () => false), false);
  assertStringIncludes(one.stdout, "with thresholds of the best F1 on the validation split");
  const { tuned, ...same } = await metrics();
  assertEquals(same, before);
  assertEquals(Object.keys(tuned.thresholds), ["Eyeglasses", "Smiling"]);

  const views = await fovea(["eval", run, "--tta", "10", "--calibrate"], cache);
  assertEquals(views.code, 0, views.stderr);
  assertStringIncludes(views.stderr, "it is kept with the run");
  const after = await metrics();
  assertEquals(after.views, 10);
  assert(after.loss !== before.loss && after.temperature !== 1);

  const kept = JSON.parse(await Deno.readTextFile(join(run, "calibration.json")));
  const again = await fovea(["eval", run], cache);
  assertStringIncludes(again.stderr, "by calibration.json");
  assertEquals((await metrics()).temperature, kept.temperature);
  await fovea(["eval", run, "--no-calibrate", "--threshold", "0.9"], cache);
  const strict = await metrics();
  assertEquals([strict.temperature, strict.thresholds], [1, [0.9, 0.9]]);
  assert(strict.recall <= before.recall);

  // Probabilities of a calibrated run are nearer to one half or farther from it, by its temperature.
  const file = join(faces, "img_align_celeba", "000001.jpg");
  const probability = async () =>
    JSON.parse((await fovea(["predict", run, file, "--json"], cache)).stdout).probabilities.Eyeglasses as number;
  const cooled = await probability();
  await Deno.remove(join(run, "calibration.json"));
  const plain = await probability();
  const logit = (p: number) => Math.log(p / (1 - p));
  assert(Math.abs(logit(plain) / logit(cooled) - kept.temperature) < 0.02 * kept.temperature, `${plain} ${cooled}`);
});

Deno.test("eval refuses flags that would change nothing", async () => {
  const faults: [args: string[], line: string][] = [
    [["eval", run, "--calibrate", "--data", faces], "Cannot use --calibrate"],
    [["eval", run, "--tta", "11"], "Cannot use --tta 11: give a whole number from 1 to 10"],
    [["eval", run, "--threshold", "1"], "Cannot use --threshold 1"],
  ];
  for (const [args, line] of faults) {
    const ended = await fovea(args, cache);
    assertEquals(ended.code, 2, ended.stderr);
    assertStringIncludes(lastLine(ended), line);
  }
});

Deno.test("cleaning up", async () => {
  await Deno.remove(cache, { recursive: true });
});
