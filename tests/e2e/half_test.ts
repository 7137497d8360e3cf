/**
 * Runs in half precision: they learn what runs in float32 do, resume to the same bytes, and are tested anywhere.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { hasHalf } from "../kernels/devices.ts";
import { end, fovea, lastLine, start } from "./command.ts";
import { appears, traces } from "./runs.ts";

const cache = await Deno.makeTempDir();
const faces = join(cache, "faces");
const run = join(cache, "half");
const flags = [
  ...["--data", faces, "--target", "Eyeglasses", "--model", "naive-cnn", "--epochs", "3", "--batch", "16"],
  ...["--backend", "webgpu", "--log-every", "3", "--accumulate", "2"],
];

async function accuracyOf(run: string): Promise<number> {
  return JSON.parse(await Deno.readTextFile(join(run, "test", "metrics.json"))).accuracy;
}

Deno.test({
  name: "a run in half precision is as accurate as one in float32, says its loss scale and keeps it in its log",
  ignore: !hasHalf,
  async fn() {
    const drawn = await fovea(["data", "demo", faces, "--count", "400", "--image-size", "32"], cache);
    assertEquals(drawn.code, 0, drawn.stderr);
    const full = join(cache, "full");
    const [half, whole] = [
      await fovea(["train", ...flags, "--precision", "f16", "--out", run], cache),
      await fovea(["train", ...flags, "--out", full], cache),
    ];
    assertEquals([half.code, whole.code], [0, 0], half.stderr + whole.stderr);
    assertMatch(half.stderr, /^f16 +\d+ steps? skipped, loss scale \d+$/m);
    assert(!/loss scale/.test(whole.stderr));
    const [reached, wanted] = [await accuracyOf(run), await accuracyOf(full)];
    assert(wanted > 0.8 && reached > wanted - 0.1, `${reached}, and ${wanted} in float32`);
    const records = (await Deno.readTextFile(join(run, "metrics.jsonl"))).trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    for (const { type, lossScale, overflows } of records) {
      if (type === "train") assert(lossScale >= 1 && overflows >= 0, `${lossScale}, ${overflows}`);
    }
    assertEquals(JSON.parse(await Deno.readTextFile(join(run, "config.json"))).settings.precision, "f16");
  },
});

Deno.test({
  name: "a run in half precision that is stopped resumes to the same bytes, and not in another precision",
  ignore: !hasHalf || Deno.build.os === "windows",
  async fn() {
    const stopped = join(cache, "stopped");
    const child = start(["train", ...flags, "--precision", "f16", "--out", stopped], cache);
    await appears(join(stopped, "metrics.jsonl"), child);
    child.kill("SIGINT");
    const ended = await end(child);
    assertEquals(ended.code, 130, ended.stderr);

    const path = join(stopped, "config.json");
    const config = JSON.parse(await Deno.readTextFile(path));
    await Deno.writeTextFile(path, JSON.stringify({ ...config, settings: { ...config.settings, precision: "f32" } }));
    const refused = await fovea(["train", "--resume", stopped], cache);
    assertEquals(refused.code, 1);
    assertStringIncludes(lastLine(refused), 'settings.precision was "f16" when the run began, and is now "f32"');

    await Deno.writeTextFile(path, JSON.stringify(config));
    const resumed = await fovea(["train", "--resume", stopped], cache);
    assertEquals(resumed.code, 0, resumed.stderr);
    assertEquals(await traces(stopped), await traces(run));
  },
});

Deno.test({
  name: "a run in half precision is tested and asked on a device without it, and gives the same answers",
  ignore: !hasHalf,
  async fn() {
    const tested = await fovea(["eval", run, "--split", "test", "--backend", "gpujs"], cache);
    assertEquals(tested.code, 0, tested.stderr);
    const shown = /^accuracy +([\d.]+)/m.exec(tested.stdout)?.[1];
    assertEquals(shown, (await accuracyOf(run)).toFixed(4));
    const [, ...rows] = (await Deno.readTextFile(join(run, "test", "predictions.csv"))).trim().split(/\r?\n/);
    const told = await fovea(["predict", run, join(faces, rows[0].split(",")[0]), "--csv"], cache);
    assertEquals(told.code, 0, told.stderr);
  },
});

Deno.test("cleaning up", () => Deno.remove(cache, { recursive: true }));
