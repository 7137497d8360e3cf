/**
 * The three tasks from pictures to a tested classifier, on each device.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "node:path";
import { decodePicture } from "../../src/data/pictures/decode.ts";
import { fovea, hasWebGpu, lastLine, spawned } from "./command.ts";

const cache = await Deno.makeTempDir();
const faces = join(cache, "faces");
const webGpu = await hasWebGpu();

const tasks = {
  binary: ["--task", "binary", "--target", "Eyeglasses"],
  multiclass: ["--target", "Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair", "--others", "Others"],
  multilabel: ["--task", "multilabel", "--target", "Eyeglasses", "Smiling", "No_Beard"],
};

Deno.test("data demo draws a set that data check finds whole", async () => {
  assertEquals((await spawned(["data", "demo", faces, "--count", "256", "--image-size", "32"], cache)).code, 0);
  const check = await spawned(["data", "check", faces, ...tasks.multiclass], cache);
  assertEquals(check.code, 0, check.stderr);
  assertStringIncludes(check.stdout, "Black_Hair");
});

Deno.test("data augment draws rows of pictures: first as they are, then as epochs see them", async () => {
  // The same square, so that the middle is the same.
  const asked = ["--resize", "36", "--count", "3", "--epochs", "4", "--seed", "2"];
  const sheet = async (augment: string) => {
    const out = join(cache, "sheet.png");
    const flags = [...tasks.binary, "--augment", augment, ...asked, "--out", out];
    const { code, stderr } = await spawned(["data", "augment", faces, ...flags], cache);
    assertEquals(code, 0, stderr);
    return decodePicture(await Deno.readFile(out));
  };
  const { width, height, data } = await sheet("timm-a2,erase-p1");
  assertEquals([width, height], [5 * 34 + 8, 3 * 34 - 2]);
  const plain = (await sheet("none")).data;
  const columns = (from: number, to: number) => (bytes: Uint8Array) =>
    bytes.filter((_, i) => {
      const x = Math.floor(i / 3) % width;
      return x >= from && x < to;
    }).join();
  assert(columns(0, 32)(data) === columns(0, 32)(plain), "the first column is changed");
  for (let column = 1; column < 5; column++) {
    const cut = columns(34 * column + 8, 34 * column + 40);
    assert(cut(data) !== cut(plain), `column ${column} is unchanged`);
  }
  assert((await sheet("timm-a2,erase-p1")).data.join() === data.join(), "the same command draws another sheet");
});

for (const backend of ["webgpu", "wasm", "gpujs"]) {
  for (const [task, flags] of Object.entries(tasks)) {
    Deno.test({
      name: `train, eval and predict: ${task} on ${backend}`,
      ignore: backend === "webgpu" && !webGpu,
      async fn() {
        const run = join(cache, `${task}-${backend}`);
        // One of them is run as users do, with the permissions of the tasks.
        const call = backend === "webgpu" && task === "binary" ? spawned : fovea;
        // gpu.js is slow, and is compared with WebGPU on every model elsewhere (tests/models).
        const model = backend === "gpujs" ? "lenet" : "naive-cnn";
        const common = ["--backend", backend, "--batch", "16"];
        const trained = await call(
          [
            "train",
            "--data",
            faces,
            "--model",
            model,
            ...flags,
            ...common,
            "--epochs",
            backend === "gpujs" ? "1" : "2",
            "--out",
            run,
          ],
          cache,
        );
        assertEquals(trained.code, 0, trained.stderr);
        const metrics = JSON.parse(await Deno.readTextFile(join(run, "test", "metrics.json")));
        for (const key of ["accuracy", "precision", "recall", "f1", "auroc", "loss", "perClass", "confusion"]) {
          assert(key in metrics, `metrics.json has ${key}`);
        }
        // On gpu.js one epoch has to do, which is too little to learn from.
        const least = backend === "gpujs" ? 0 : task === "multiclass" ? 0.4 : 0.5;
        assert(metrics.accuracy >= least, `accuracy ${metrics.accuracy}`);
        const evaluated = await call([
          "eval",
          run,
          "--split",
          "test",
          "--backend",
          backend,
          "--out",
          join(run, "again"),
        ], cache);
        assertEquals(evaluated.code, 0, evaluated.stderr);
        // The same weights on the same pictures: the same predictions, to the byte.
        assertEquals(
          await Deno.readTextFile(join(run, "again", "predictions.csv")),
          await Deno.readTextFile(join(run, "test", "predictions.csv")),
        );
        const picture = join(faces, "img_align_celeba", "000001.jpg");
        const asPng = picture.replace(/jpg$/, "png");
        const file = await Deno.stat(picture).then(() => picture, () => asPng);
        const predicted = await call(["predict", run, file, "--json", "--backend", backend], cache);
        assertEquals(predicted.code, 0, predicted.stderr);
        const { probabilities } = JSON.parse(predicted.stdout);
        const values = Object.values<number>(probabilities);
        assert(values.length > 0 && values.every((p) => p >= 0 && p <= 1), predicted.stdout);
        if (task !== "binary") return; // which pictures are meant does not depend on the task
        const several = await call(["predict", run, join(dirname(file), "00000?.*"), "--backend", backend], cache);
        assertEquals([several.code, several.stdout.trim().split("\n").length], [0, 9], several.stderr);
        const missing = await call(["predict", run, join(cache, "none.jpg"), "--backend", backend], cache);
        assertEquals(missing.code, 1);
        assertStringIncludes(lastLine(missing), "There is no picture");
      },
    });
  }
}

Deno.test("cleaning up", () => Deno.remove(cache, { recursive: true }));
