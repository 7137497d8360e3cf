import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { setImmediate } from "node:timers";
import type { Task } from "../../src/data/labels.ts";
import { randomBelow, randomStream } from "../../src/random.ts";
import { type Device, type Program, type Session } from "../../src/device/device.ts";
import { openDevice } from "../../src/device/open.ts";
import { runReference } from "../../src/device/reference.ts";
import { UserError } from "../../src/errors.ts";
import { createModel, type Model } from "../../src/models/mod.ts";
import { softmax } from "../../src/metrics/mod.ts";
import { evaluationGraph } from "../../src/run/evaluation_graph.ts";
import { type RawPicture } from "../../src/run/picture_input.ts";
import { predictionOf } from "../../src/run/prediction.ts";
import { openPredictor, Predictor } from "../../src/run/predictor.ts";
import { saveWeights } from "../../src/run/save_weights.ts";
import { deepPng } from "../data/sets.ts";
import { infoFor, writeRun } from "./written_run.ts";

const folder = await Deno.makeTempDir();
const classes = ["cat", "dog", "fox"];
const model = createModel("lenet", { classes: 3, imageSize: 16 });
const run = await writeRun(folder, model, { classes });
const info = infoFor(model, { classes });
const { imageSize, square, mean, std } = info.preprocessing;
const device = await openDevice();

/** Noise in the size that needs no resizing. */
function noise(seed: number, channels: 1 | 3 = 3): RawPicture {
  const next = randomStream(seed);
  const data = Uint8Array.from({ length: square * square * channels }, () => randomBelow(next, 256));
  return { width: square, height: square, channels, data };
}

/** Probabilities by the reference in float64, from the middle of a picture. */
function expected({ channels, data }: RawPicture, of: Model = model): number[] {
  const margin = (square - imageSize) / 2;
  const images = Float64Array.from({ length: 3 * imageSize ** 2 }, (_, i) => {
    const [c, y, x] = [Math.floor(i / imageSize ** 2), Math.floor(i / imageSize) % imageSize, i % imageSize];
    const at = (margin + y) * square + margin + x;
    return (data[channels * at + (channels === 3 ? c : 0)] / 255 - mean[c]) / std[c];
  });
  const { logits } = runReference(evaluationGraph(of, 1), { ...Object.fromEntries(of.weights), images }).outputs;
  return [...softmax(logits, of.classes)];
}

/** A device that counts what programs run, and how many pictures they are for. */
function counting(inner: Device): { device: Device; batches: number[] } {
  const batches: number[] = [];
  const session = (own: Session): Session => ({
    write: (name, values) => own.write(name, values),
    read: (names) => own.read(names),
    settle: () => own.settle(),
    compile: (graph) => {
      const program = own.compile(graph);
      return new Proxy(program, {
        get(target, key) {
          if (key === "run") {
            return (inputs: Parameters<Program["run"]>[0]) => {
              batches.push(inputs.images.length / (3 * imageSize ** 2));
              target.run(inputs);
            };
          }
          const value = Reflect.get(target, key);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
    [Symbol.dispose]: () => own[Symbol.dispose](),
  });
  const device = new Proxy(inner, {
    get(target, key) {
      if (key === "open") return () => session(target.open());
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { device, batches };
}

const jpeg = new URL("../../fixtures/data/rgb.jpg", import.meta.url).pathname;
const png = new URL("../../fixtures/data/rgb.png", import.meta.url).pathname;

Deno.test("predict() takes paths, bytes and pixels, and gives what the reference does", async () => {
  await using predictor = await openPredictor(run, { device });
  const grey = noise(3, 1);
  const pictures = [noise(1), noise(2), grey, jpeg, await Deno.readFile(jpeg), await Deno.readFile(png)];
  const results = await predictor.predict(pictures);
  for (const [i, picture] of [noise(1), noise(2), grey].entries()) {
    const { probabilities, top, labels } = results[i];
    const wanted = expected(picture);
    classes.forEach((name, k) => assertAlmostEquals(probabilities[name], wanted[k], 1e-5));
    const best = classes[wanted.indexOf(Math.max(...wanted))];
    assertEquals([top, labels], [{ name: best, probability: probabilities[best] }, [best]]);
  }
  assertEquals(results[3], results[4]);
  assertEquals(await predictor.predict([]), []);
});

Deno.test("a model of grey pictures takes colour, and grey as it is", async () => {
  const grey = createModel("lenet", { classes: 3, channels: 1, imageSize: 16 });
  await using predictor = await openPredictor(await writeRun(folder, grey, { classes }), { device });
  const { width, height, data } = noise(4, 1);
  const rgb = {
    width,
    height,
    channels: 3,
    data: Uint8Array.from({ length: 3 * data.length }, (_, i) => data[Math.floor(i / 3)]),
  } as const;
  const [one, three] = await predictor.predict([noise(4, 1), rgb]);
  assertEquals(one, three);
});

Deno.test("between two pictures that are decoded, the rest of the program gets its turn", async () => {
  const { device: counted, batches } = counting(device);
  await using predictor = await openPredictor(run, { device: counted, batch: 8 });
  const bytes = await Deno.readFile(jpeg);
  let turns = 0;
  const count = () => void (batches.length === 0 && setImmediate(() => (turns++, count())));
  count();
  await predictor.predict(new Array(8).fill(bytes));
  assertEquals(batches, [8]);
  assert(turns >= 8, `${turns} turns`);
});

Deno.test("50 calls at once share batches, and each gets its own answers", async () => {
  const counted = counting(device);
  await using predictor = await openPredictor(run, { device: counted.device, batch: 8 });
  const alone = new Map<number, number[]>();
  for (const seed of [0, 7, 49]) alone.set(seed, expected(noise(seed)));
  const calls = Array.from({ length: 50 }, async (_, i) => {
    // Some come later, while a batch is under way; some bring two pictures, one of them broken.
    if (i % 3 === 0) await new Promise((resolve) => setTimeout(resolve, i));
    const extra = i % 10 === 5 ? [new Uint8Array([1, 2, 3])] : [];
    return await predictor.predictSettled([noise(i), ...extra]);
  });
  const answers = await Promise.all(calls);
  for (const [i, [own, broken]] of answers.entries()) {
    assert(!(own instanceof UserError));
    assertEquals(broken instanceof UserError, i % 10 === 5);
    alone.get(i)?.forEach((p, k) => assertAlmostEquals(own.probabilities[classes[k]], p, 1e-5));
  }
  const distinct = new Set(answers.map(([own]) => JSON.stringify(own)));
  assertEquals(distinct.size, 50);
  assert(counted.batches.length < 40, `${counted.batches}`);
  assertEquals([...new Set(counted.batches)].filter((size) => size !== 1 && size !== 8), []);
});

const broken: readonly (readonly [what: string, picture: unknown, says: RegExp])[] = [
  ["a file that is not there", join(folder, "none.jpg"), /none\.jpg cannot be read: .*ENOENT/],
  ["a folder", folder, /is a folder, not a file$/],
  ["bytes of nothing known", new Uint8Array([1, 2, 3]), /^pictures\[1\] /],
  ["a file that is cut", new URL("../../fixtures/data/cut.jpg", import.meta.url).pathname, /cut\.jpg is cut short/],
  [
    "too few pixels",
    { ...noise(1), height: square + 1 },
    /^pictures\[1\] has 1200 values for 20×21×3 pixels: give 1260$/,
  ],
  ["two channels", { ...noise(1), channels: 2 }, /^pictures\[1\] has pixels of 20×20×2: give .* 1 or 3 channels$/],
  ["no size", { ...noise(1), width: 0 }, /^pictures\[1\] has pixels of 0×20×3: give/],
  ["null", null, /^pictures\[1\] is no picture: give a path, the bytes/],
];
for (const [what, picture, says] of broken) {
  Deno.test(`predictSettled() gives the error of ${what} in its place, predict() throws it`, async () => {
    await using predictor = await openPredictor(run, { device, batch: 4 });
    const pictures = [noise(1), picture as RawPicture, noise(2)];
    const [first, error, last] = await predictor.predictSettled(pictures);
    assert(error instanceof UserError);
    assert(says.test(error.message), error.message);
    assertEquals([first, last], await predictor.predict([noise(1), noise(2)]));
    assertEquals((await assertRejects(() => predictor.predict(pictures), UserError)).message, error.message);
  });
}

Deno.test("a fault of the device is told to those whose pictures it was, and the next are answered", async () => {
  const counted = counting(device);
  let fail = true;
  const failing = new Proxy(counted.device, {
    get(target, key) {
      if (key !== "open") return Reflect.get(target, key);
      return () => {
        const session = target.open();
        return {
          ...session,
          compile: (graph: Parameters<Session["compile"]>[0]) => {
            const program = session.compile(graph);
            return {
              run: (inputs: Parameters<Program["run"]>[0]) => program.run(inputs),
              outputs: () => fail ? Promise.reject(new Error("lost")) : program.outputs(),
            };
          },
          [Symbol.dispose]: () => session[Symbol.dispose](),
        };
      };
    },
  });
  const predictor = new Predictor({ ...info, model, device: failing as Device });
  await assertRejects(() => predictor.predict([noise(1)]), Error, "lost");
  fail = false;
  assertEquals((await predictor.predict([noise(1)])).length, 1);
  await predictor[Symbol.asyncDispose]();
});

Deno.test("a predictor that is closed answers what it was asked before, and nothing after", async () => {
  const predictor = await openPredictor(run, { device });
  const before = predictor.predict([noise(1)]);
  await predictor[Symbol.asyncDispose]();
  assertEquals((await before).length, 1);
  await assertRejects(() => predictor.predict([noise(1)]), TypeError, "the predictor is closed");
});

Deno.test("openPredictor() opens an export, and refuses weights that do not say what their logits mean", async () => {
  const path = join(folder, "lenet.safetensors");
  await saveWeights(model, path, { about: info });
  {
    await using predictor = await openPredictor(path, { device });
    await using other = await openPredictor(run, { device });
    assertEquals(await predictor.predict([noise(1)]), await other.predict([noise(1)]));
  }
  const bare = createModel("lenet", { classes: 3, imageSize: 32 });
  bare.initialize(1);
  await saveWeights(bare, path);
  await assertRejects(() => openPredictor(path, { device }), UserError, "it does not say what its logits mean");
});

Deno.test("openPredictor() refuses a batch that is none", () => {
  assertThrows(() => new Predictor({ ...info, model, device, batch: 0 }), RangeError, "batch is 0");
  assertThrows(() => new Predictor({ ...info, model, device, batch: 1.5 }), TypeError, "batch is 1.5");
});

const meanings: readonly (readonly [task: Task, logits: number[], top: string, labels: string[]])[] = [
  ["binary", [2], "hat", ["hat"]],
  ["binary", [-2], "not hat", []],
  ["binary", [0], "hat", ["hat"]],
  ["multiclass", [1, 3, 2], "b", ["b"]],
  ["multiclass", [1, 1, 1], "a", ["a"]],
  ["multilabel", [0, -1, 5], "c", ["a", "c"]],
  ["multilabel", [-2, -1, -3], "b", []],
];
for (const [task, logits, top, labels] of meanings) {
  Deno.test(`predictionOf() ${task} [${logits}]`, () => {
    const names = task === "binary" ? ["hat"] : ["a", "b", "c"];
    const prediction = predictionOf(task, names, Float32Array.from(logits));
    assertEquals([prediction.top.name, prediction.labels], [top, labels]);
    assertEquals(prediction.top.probability, prediction.probabilities[top]);
    assertEquals(Object.keys(prediction.probabilities), task === "binary" ? ["not hat", "hat"] : names);
    const sum = Object.values(prediction.probabilities).reduce((a, b) => a + b);
    if (task !== "multilabel") assertAlmostEquals(sum, 1, 1e-12);
  });
}

Deno.test("a predictor brings long pictures and 16 bits to the model as in training", async () => {
  const how = { ...info.preprocessing, fit: "pad", range: [0, 4095] } as const;
  await using predictor = new Predictor({ ...info, model, device, preprocessing: how });
  const wide: RawPicture = {
    ...noise(5),
    height: square / 2,
    data: noise(5).data.subarray(0, square * square * 3 / 2),
  };
  const padded = new Uint8Array(square * square * 3);
  padded.set(wide.data, square * square * 3 / 4);
  const values = Array.from({ length: square * square }, (_, i) => 16 * (i % 256));
  const bytes = deepPng(values, square);
  const scaled = Uint8Array.from(values, (value) => Math.round(value * 255 / 4095));
  const pictures = [wide, { ...wide, height: square, data: padded }, bytes, { ...noise(1, 1), data: scaled }];
  const [ofWide, ofPadded, ofDeep, ofScaled] = await predictor.predict(pictures);
  assertEquals(ofWide.probabilities, ofPadded.probabilities);
  assertEquals(ofDeep.probabilities, ofScaled.probabilities);
  await using small = new Predictor({ ...info, model, device, maxMegapixels: 1e-6 });
  await assertRejects(() => small.predict([bytes]), UserError, "the limit is 0.000001 (max-megapixels)");
});

Deno.test("cleaning up", async () => {
  await device[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
});
