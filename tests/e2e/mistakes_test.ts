/**
 * Mistakes that users make: each is answered by one line that says what to do, with exit code 2 for a wrong command
 * line and 1 for the rest, and leaves nothing behind.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { fovea, hasWebGpu, lastLine } from "./command.ts";

const cache = await Deno.makeTempDir();
const faces = join(cache, "faces");
const out = join(cache, "out");
const glasses = ["train", "--data", faces, "--target", "Eyeglasses", "--out", out];
const webGpu = await hasWebGpu();

const folder = join(cache, "folder");
await Deno.mkdir(folder);
await Deno.writeTextFile(join(folder, "notes.txt"), "no run");

/** Two classes, of which one has too few pictures. */
async function smallClass(): Promise<string> {
  const root = join(cache, "small");
  const from = join(faces, "img_align_celeba");
  const names = (await Array.fromAsync(Deno.readDir(from))).map(({ name }) => name).sort();
  for (const [name, count] of [["many", 9], ["few", 2]] as const) {
    await Deno.mkdir(join(root, name), { recursive: true });
    for (const file of names.splice(0, count)) await Deno.copyFile(join(from, file), join(root, name, file));
  }
  return root;
}

async function brokenPicture(bytes: string): Promise<string> {
  const root = await smallClass();
  await Deno.remove(join(root, "few"), { recursive: true });
  await Deno.rename(join(root, "many"), join(root, "a"));
  await Deno.mkdir(join(root, "b"));
  for (let k = 0; k < 4; k++) await Deno.writeTextFile(join(root, "b", `${k}.jpg`), bytes + (bytes && k));
  return root;
}

interface Mistake {
  readonly what: string;
  readonly args: readonly string[] | (() => Promise<readonly string[]>);
  readonly code: 1 | 2;
  readonly says: RegExp;
}

const mistakes: readonly Mistake[] = [
  { what: "an unknown command", args: ["trian"], code: 2, says: /did you mean train/ },
  { what: "an unknown flag", args: ["train", "--modle", "x"], code: 2, says: /did you mean --model/ },
  { what: "an unknown model", args: ["train", "--model", "resnt18"], code: 2, says: /did you mean resnet18/ },
  {
    what: "an unknown column",
    args: ["train", "--data", faces, "--target", "Eyeglases"],
    code: 2,
    says: /did you mean Eyeglasses/,
  },
  {
    what: "half precision without shader-f16",
    args: [...glasses, "--precision", "f16", "--backend", "gpujs"],
    code: 1,
    says: /Cannot use f16 on gpu\.js: it takes a WebGPU adapter with shader-f16 .*give --precision f32/,
  },
  {
    what: "no such data",
    args: ["train", "--data", join(cache, "none")],
    code: 1,
    says: /no such folder or file; give another --data/,
  },
  {
    what: "a size that the model cannot take",
    args: [...glasses, "--model", "lenet", "--image-size", "12"],
    code: 2,
    says: /--image-size 16/,
  },
  {
    what: "memory that a batch does not fit",
    args: [...glasses, "--model", "lenet", "--batch", "32", "--memory", "2MiB"],
    code: 1,
    says: /A batch of 32 .* takes .* and --memory is 2\.0 MiB; give --batch \d+ or less, or a larger --memory/,
  },
  {
    what: "memory that no picture fits",
    args: [...glasses, "--model", "lenet", "--batch", "auto", "--memory", "1MiB"],
    code: 1,
    says: /Not even one picture .* give --checkpoint-activations, a smaller --image-size, .* or a larger --memory/,
  },
  { what: "a folder that is not a run", args: ["eval", folder], code: 1, says: /not a run directory/ },
  { what: "an occupied run directory", args: [...glasses.slice(0, -1), folder], code: 1, says: /not empty.*--out/ },
  {
    what: "a class with too few pictures",
    args: async () => ["train", "--data", await smallClass(), "--out", out],
    code: 1,
    says: /few.*3/,
  },
  {
    what: "an empty picture",
    args: async () => ["train", "--data", await brokenPicture(""), "--out", out],
    code: 1,
    says: /b\/\d\.jpg is empty/,
  },
  {
    what: "a picture that is HTML",
    args: async () => ["train", "--data", await brokenPicture("<html>"), "--out", out],
    code: 1,
    says: /b\/\d\.jpg is no picture but an HTML page/,
  },
];

Deno.test("the faces for these tests are drawn", async () => {
  assertEquals((await fovea(["data", "demo", faces, "--count", "60", "--image-size", "32"], cache)).code, 0);
});

for (const { what, args, code, says } of mistakes) {
  Deno.test(`${what} is answered by one line`, async () => {
    await Deno.remove(join(cache, "small"), { recursive: true }).catch(() => {});
    const ended = await fovea(typeof args === "function" ? await args() : args, cache);
    assertEquals(ended.code, code, ended.stderr);
    assertMatch(lastLine(ended), /^fovea: /);
    assertMatch(lastLine(ended), says);
    assert(!/\n\s+at /.test(ended.stderr), `a stack trace: ${ended.stderr}`);
    assert(!await Deno.stat(out).then(() => true, () => false), "something was written");
  });
}

Deno.test({
  name: "pictures that do not fit are refused",
  ignore: !webGpu,
  async fn() {
    const ended = await fovea([...glasses, "--model", "vgg11", "--image-size", "1024", "--backend", "webgpu"], cache);
    assertEquals(ended.code, 1, ended.stderr);
    assertMatch(
      lastLine(ended),
      /fits vgg11 on .*a tensor of \[\d+, 64, 1024, 1024\] cannot be cut.*; give a smaller --image-size/,
    );
    assert(!await Deno.stat(out).then(() => true, () => false), "something was written");
  },
});

Deno.test("a loss that is not finite stops the run and names epoch, step and tensor", async () => {
  const ended = await fovea(
    [...glasses, "--model", "lenet", "--optimizer", "sgd", "--lr", "1e39", "--epochs", "2"],
    cache,
  );
  assertEquals(ended.code, 1, ended.stderr);
  assertMatch(lastLine(ended), /Epoch \d+, step \d+: .+ is not finite.*--lr/);
  await Deno.remove(out, { recursive: true });
});

Deno.test("cleaning up", () => Deno.remove(cache, { recursive: true }));
