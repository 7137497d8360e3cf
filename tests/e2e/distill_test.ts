/**
 * A student with a teacher, from pictures to its answers: in `deno task test:long`, that it matches its teacher better
 * than one trained alone, which `tests/train/distillation_test.ts` shows of small models; and what the command line
 * refuses of teachers.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { openDataset } from "../../src/data/open.ts";
import { openDevice } from "../../src/device/open.ts";
import { softmax } from "../../src/metrics/mod.ts";
import { createModel, Model } from "../../src/models/mod.ts";
import { basicBlock } from "../../src/models/resnet.ts";
import { batchNorm2d, conv2d, flatten, globalAvgPool2d, linear, relu, sequential } from "../../src/nn/mod.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { isLong } from "../amount.ts";
import { fovea, lastLine } from "./command.ts";

const cache = await Deno.makeTempDir();
const faces = join(cache, "faces");
const backend = "wasm";
const hair = { target: ["Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"], others: "Others" };

Deno.test("the faces for these tests are drawn", async () => {
  assertEquals((await fovea(["data", "demo", faces, "--count", "300", "--image-size", "32"], cache)).code, 0);
});

/** He's ResNet for small pictures (section 4.2) with one block a stage, of half the width. */
function resnet8(classes: number): Model {
  const layer = sequential({
    conv1: conv2d(3, 8, 3, { padding: 1, bias: false }),
    bn1: batchNorm2d(8),
    relu: relu(),
    layer1: basicBlock(8, 8, 1),
    layer2: basicBlock(8, 16, 2),
    layer3: basicBlock(16, 32, 2),
    avgpool: globalAvgPool2d(),
    flatten: flatten(),
    fc: linear(32, classes),
  });
  return new Model("resnet8", layer, { classes, channels: 3, imageSize: 32, stem: "small" });
}

/** How well logits [N, K] match a teacher's: share of the same answers, and mean KL(teacher ‖ student) in nats. */
function match(
  teacher: Float32Array,
  student: Float32Array,
  classes: number,
): { agreement: number; divergence: number } {
  const [p, q] = [teacher, student].map((logits) => softmax(logits, classes));
  const count = teacher.length / classes;
  let [same, divergence] = [0, 0];
  for (let i = 0; i < count; i++) {
    const [a, b] = [p, q].map((all) => all.subarray(i * classes, (i + 1) * classes));
    if (a.indexOf(Math.max(...a)) === b.indexOf(Math.max(...b))) same++;
    a.forEach((value, c) => divergence += value * Math.log(value / b[c]));
  }
  return { agreement: same / count, divergence: divergence / count };
}

async function studyMatches(): Promise<void> {
  const data = await openDataset(faces, { task: "multiclass", ...hair });
  const { train, val, test } = data.split({ ratios: [5, 1, 4], seed: 1 });
  await using device = await openDevice(backend);
  const common = { device, task: "multiclass", batch: 16, seed: 1, cache: { mode: "off" } } as const;
  const model = resnet8(data.outputs);
  const teacher = new Trainer({ ...common, model, epochs: 4, learningRate: 0.005 });
  await teacher.fit(train, val);
  const { predictions: { logits: wanted } } = await teacher.evaluate(test);
  const { preprocessing } = teacher;

  const matchOf = async (taught: boolean) => {
    const student = new Trainer({
      ...common,
      model: createModel("lenet", { classes: data.outputs, imageSize: 32 }),
      epochs: 10,
      teacher: taught ? { model, preprocessing: preprocessing!, temperature: 2, alpha: 1 } : undefined,
    });
    await student.fit(train, val);
    return match(wanted, (await student.evaluate(test)).predictions.logits, data.outputs);
  };
  const [alone, taught] = [await matchOf(false), await matchOf(true)];
  const figures = JSON.stringify({ alone, taught });
  assert(taught.divergence < 0.5 * alone.divergence, figures);
  assert(taught.agreement > alone.agreement, figures);
}

if (isLong) {
  Deno.test("a student with a ResNet for a teacher matches its answers better than one trained alone", studyMatches);
}

Deno.test("train --teacher keeps the teacher in config.json, and --resume refuses another", async () => {
  const [first, second] = [join(cache, "teacher"), join(cache, "student")];
  const flags = ["train", "--data", faces, "--target", "Eyeglasses", "--model", "lenet", "--epochs", "1"];
  const common = [...flags, "--backend", backend];
  const taught = await fovea([...common, "--out", first], cache);
  assertEquals(taught.code, 0, taught.stderr);
  const learnt = await fovea([...common, "--out", second, "--teacher", first, "--distill", "hard"], cache);
  assertEquals(learnt.code, 0, learnt.stderr);
  assertMatch(learnt.stderr + learnt.stdout, /teacher .*: lenet; hard, share 0.5/);
  const { settings: { teacher: path }, teacher } = JSON.parse(await Deno.readTextFile(join(second, "config.json")));
  assertEquals(path, first);
  assertMatch(teacher.hash, /^[0-9a-f]{64}$/);

  const again = ["train", "--resume", second, "--backend", backend];
  assertEquals((await fovea(again, cache)).code, 0);
  const best = "checkpoints/best.safetensors";
  await Deno.copyFile(join(second, best), join(first, best));
  const refused = await fovea(again, cache);
  assertEquals(refused.code, 1, refused.stderr);
  assertMatch(lastLine(refused), /^fovea: Cannot resume .*: its teacher was .*, and is now /);
});

const mistakes: readonly [what: string, flags: readonly string[], code: number, says: RegExp][] = [
  [
    "a way without a teacher",
    ["--alpha", "0.7"],
    2,
    /Cannot use --alpha: it would change nothing, since there is no --teacher/,
  ],
  [
    "a temperature of hard answers",
    ["--teacher", join(cache, "teacher"), "--distill", "hard", "--temperature", "2"],
    2,
    /Cannot use --temperature: it would change nothing, since only --distill soft has it/,
  ],
  [
    "the token of a student with one head",
    ["--teacher", join(cache, "teacher"), "--distill", "token"],
    2,
    /Cannot use --distill token with a model of one head: give --model deit-ti-distilled/,
  ],
  ["a folder that is no run", ["--teacher", faces], 1, /is not a run directory/],
];

for (const [what, flags, code, says] of mistakes) {
  Deno.test(`${what} is answered by one line`, async () => {
    const out = join(cache, "out");
    const ended = await fovea(
      ["train", "--data", faces, "--target", "Eyeglasses", "--model", "lenet", "--out", out, ...flags],
      cache,
    );
    assertEquals(ended.code, code, ended.stderr);
    assertMatch(lastLine(ended), says);
    assert(!await Deno.stat(out).then(() => true, () => false), "something was written");
  });
}

Deno.test("cleaning up", () => Deno.remove(cache, { recursive: true }));
