import { assert } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../src/errors.ts";
import { openWeights } from "../../src/interop/weight_file.ts";
import { originOf } from "../../src/run/weights.ts";
import { mutants } from "./mutate.ts";

const fixtures = new URL("../../fixtures/interop/", import.meta.url).pathname;

/** Good files of every kind: safetensors headers, zip directories, pickles of all protocols, an index. */
const files = [
  "reference.safetensors",
  "zip.pth",
  "sequence.pth",
  "small/beside.pth",
  "small/beside-old.pth",
  "small/beside-5.pth",
];

/** Reads all that there is; gives its bytes as float32. */
async function readAll(path: string): Promise<number> {
  using file = await openWeights(path);
  let bytes = 0;
  for (const [name, { shape }] of file.entries) {
    const { values } = await file.read(name);
    assert(values.length === shape.reduce((product, size) => product * size, 1), name);
    bytes += values.byteLength;
  }
  await file.verify();
  return bytes;
}

/** The action's result; undefined where it refuses in one line. Any other error is the reader's fault. */
async function oneLine<T>(seed: number, action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    const isNamed = error instanceof UserError && !/\p{Cc}/u.test(error.message) && error.message.length < 1000;
    assert(isNamed, `seed ${seed}: ${(error as Error).stack}`);
  }
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const name of files) {
  Deno.test(`a damaged ${name} gives tensors or one line`, async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "weights");
      for (const { seed, bytes } of mutants(await Deno.readFile(fixtures + name), 60)) {
        await Deno.writeFile(path, bytes);
        const started = performance.now();
        const read = await oneLine(seed, () => readAll(path));
        // A bit may be stored as four bytes, and tensors may share their storage.
        assert((read ?? 0) <= 64 * bytes.length, `seed ${seed}: ${read} bytes of ${bytes.length}`);
        assert(performance.now() - started < 5000, `seed ${seed}: too long`);
      }
    });
  });
}

Deno.test("a damaged index of shards gives tensors or one line", async () => {
  await withFolder(async (folder) => {
    await Deno.copyFile(`${fixtures}reference.safetensors`, join(folder, "one.safetensors"));
    const path = join(folder, "model.safetensors.index.json");
    const index = { metadata: { total_size: 1 }, weight_map: { f32: "one.safetensors", i8: "one.safetensors" } };
    for (const { seed, bytes } of mutants(new TextEncoder().encode(JSON.stringify(index)), 60)) {
      await Deno.writeFile(path, bytes);
      await oneLine(seed, () => readAll(path));
    }
  });
});

Deno.test("damaged names and shapes are understood, or refused in one line", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "weights");
    for (const name of ["small/hf-vit.pth", "small/hf-resnet.safetensors", "small/hf-swin-v2.safetensors"]) {
      const good = await Deno.readFile(fixtures + name);
      for (const { seed, bytes } of mutants(good, 8)) {
        await Deno.writeFile(path, bytes);
        await oneLine(seed, () => originOf(path));
      }
    }
  });
});
