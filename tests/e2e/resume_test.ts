/**
 * A run that is stopped at any instant resumes to the same bytes; two runs with one seed are the same.
 */

import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { end, fovea, lastLine, start } from "./command.ts";
import { appears, traces } from "./runs.ts";

const cache = await Deno.makeTempDir();
const faces = join(cache, "faces");
const backend = "wasm";
const flags = [
  ...["--data", faces, "--target", "Eyeglasses", "--model", "lenet", "--epochs", "3", "--batch", "8"],
  ...["--backend", backend, "--augment", "flip", "--log-every", "5"],
  // Twelve steps an epoch: updates of five, five and two of them; windows of the log run over the ends of epochs.
  ...["--accumulate", "5"],
  ...["--width", "0.5"],
  // What a run from pretrained weights sets: a resumed one must find all of it again.
  ...["--resize", "39", "--interpolation", "bicubic", "--normalize", "half"],
  ...["--freeze", "c1", "--lr-scale", "f6=0.5", "output.*=2", "--layer-decay", "0.9"],
];

let whole: Record<string, string>;

Deno.test("two runs with one seed give the same bytes, another seed gives others", async () => {
  assertEquals((await fovea(["data", "demo", faces, "--count", "120", "--image-size", "32"], cache)).code, 0);
  for (const [name, seed] of [["a", "1"], ["b", "1"], ["c", "2"]]) {
    const ended = await fovea(["train", ...flags, "--seed", seed, "--out", join(cache, name)], cache);
    assertEquals(ended.code, 0, ended.stderr);
  }
  whole = await traces(join(cache, "a"));
  assertEquals(await traces(join(cache, "b")), whole);
  assertNotEquals((await traces(join(cache, "c")))["last.safetensors"], whole["last.safetensors"]);
});

Deno.test("predict prepares pictures as the test of the run did", async () => {
  const run = join(cache, "a");
  const [header, ...rows] = (await Deno.readTextFile(join(run, "test", "predictions.csv"))).trim().split(/\r?\n/);
  assert(header.startsWith("file,") && rows.length > 4);
  const files = rows.map((row) => row.split(",")[0]);
  const told = await fovea(
    ["predict", run, ...files.map((file) => join(faces, file)), "--csv", "--backend", backend],
    cache,
  );
  assertEquals(told.code, 0, told.stderr);
  const probabilities = (lines: string[]) => lines.map((line) => line.split(",").at(-1));
  assertEquals(probabilities(told.stdout.trim().split(/\r?\n/).slice(1)), probabilities(rows));
});

Deno.test({
  name: "Ctrl-C finishes the step and saves; --resume ends in the same bytes",
  ignore: Deno.build.os === "windows",
  async fn() {
    const run = join(cache, "interrupted");
    const child = start(["train", ...flags, "--seed", "1", "--out", run], cache);
    await appears(join(run, "metrics.jsonl"), child);
    child.kill("SIGINT");
    const stopped = await end(child);
    assertEquals(stopped.code, 130, stopped.stderr);
    assertStringIncludes(lastLine(stopped), "--resume");
    const resumed = await fovea(["train", "--resume", run, "--backend", backend], cache);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertEquals(await traces(run), whole);
  },
});

Deno.test({
  name: "a terminal that is closed stops a run in good order, too",
  ignore: Deno.build.os === "windows",
  async fn() {
    const run = join(cache, "hung up");
    const child = start(["train", ...flags, "--seed", "1", "--out", run], cache);
    await appears(join(run, "metrics.jsonl"), child);
    child.kill("SIGHUP");
    const stopped = await end(child);
    assertEquals(stopped.code, 129, stopped.stderr);
    assertStringIncludes(lastLine(stopped), `stopped and saved; go on with --resume ${run}`);
  },
});

Deno.test({
  name: "a run that is killed resumes to the same bytes",
  ignore: Deno.build.os === "windows",
  async fn() {
    const run = join(cache, "killed");
    const child = start(["train", ...flags, "--seed", "1", "--out", run], cache);
    await appears(join(run, "checkpoints", "last.safetensors"), child);
    child.kill("SIGKILL");
    await end(child);
    const resumed = await fovea(["train", "--resume", run, "--backend", backend], cache);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertEquals(await traces(run), whole);
  },
});

Deno.test({
  name: "a tuned run that is stopped resumes to the same bytes; one with a warm cache times nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    const tuned = (name: string) => ["train", ...flags, "--tune", "quick", "--out", join(cache, name)];
    const first = await fovea(tuned("tuned"), cache);
    assertEquals(first.code, 0, first.stderr);
    assert(/^tune +\d+ choices; [1-9]\d* timed now/m.test(first.stderr), first.stderr);
    const run = join(cache, "tuned again");
    const child = start(tuned("tuned again"), cache);
    await appears(join(run, "metrics.jsonl"), child);
    child.kill("SIGINT");
    const stopped = await end(child);
    assertEquals(stopped.code, 130, stopped.stderr);
    assert(/^tune +\d+ choices; 0 timed now/m.test(stopped.stderr), stopped.stderr);
    // What other runs have learnt in between changes nothing.
    for await (const { name } of Deno.readDir(cache)) {
      if (name.startsWith("tuning-")) await Deno.remove(join(cache, name));
    }
    const resumed = await fovea(["train", "--resume", run, "--backend", backend], cache);
    assertEquals(resumed.code, 0, resumed.stderr);
    assert(!resumed.stderr.includes("tune "), resumed.stderr);
    assertEquals(await traces(run), await traces(join(cache, "tuned")));
  },
});

Deno.test("a damaged last checkpoint is named and the one before is used; without that one, it is refused", async () => {
  const run = join(cache, "b");
  const damage = async (name: string) => {
    const path = join(run, "checkpoints", name);
    const bytes = await Deno.readFile(path);
    bytes[bytes.length - 100] ^= 1;
    await Deno.writeFile(path, bytes);
  };
  await damage("last.safetensors");
  await damage("best.safetensors");
  const resumed = await fovea(["train", "--resume", run, "--backend", backend], cache);
  assertEquals(resumed.code, 0, resumed.stderr);
  assertStringIncludes(
    resumed.stderr,
    `warning: Cannot read ${join(run, "checkpoints", "last.safetensors")}: its hash`,
  );
  assertStringIncludes(resumed.stderr, "previous.safetensors is used in its place");
  assertStringIncludes(resumed.stderr, "resume after epoch 2, step 0");
  assertEquals(await traces(run), whole);

  await damage("last.safetensors");
  await damage("previous.safetensors");
  const refused = await fovea(["train", "--resume", run, "--backend", backend], cache);
  assertEquals(refused.code, 1);
  assertStringIncludes(lastLine(refused), "last.safetensors");
});

Deno.test("cleaning up", () => Deno.remove(cache, { recursive: true }));
