/**
 * Damaged and edited run directories: what opens them gives what the run was, or one line that names what is wrong.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { readSplit } from "../../src/data/forms/split_file.ts";
import { openDataset } from "../../src/data/open.ts";
import { openDevice } from "../../src/device/open.ts";
import { UserError } from "../../src/errors.ts";
import { encodeSafetensors, readSafetensors } from "../../src/interop/safetensors_file.ts";
import { createModel } from "../../src/models/mod.ts";
import { randomStream } from "../../src/random.ts";
import { settingsIn } from "../../src/run/config.ts";
import { keptOf, refuseChanges, refuseOtherData } from "../../src/run/kept.ts";
import { openRun } from "../../src/run/open_run.ts";
import { resolveSettings } from "../../src/run/resolve.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { classFolders, write } from "../data/sets.ts";
import { mutants } from "./mutate.ts";

const folder = await Deno.makeTempDir();
const pictures = join(folder, "pets");
await write(pictures, classFolders({ cat: 10, dog: 10 }));
const data = await openDataset(pictures);
const split = data.split({ seed: 1 });
const device = await openDevice();
const cache = { mode: "auto", directory: join(folder, "cache") } as const;
const optionsFor = (out: string) => ({
  ...{ device, task: data.task, epochs: 2, batch: 4, logEvery: 2, cache, out, tune: "off" } as const,
  model: createModel("lenet", { classes: 2, imageSize: 16 }),
  trackers: [{ name: "quiet", note: () => {} }],
});
const good = join(folder, "good");
await new Trainer(optionsFor(good)).fit(split.train, split.val);

/** Files of the good run by path. */
const files = new Map<string, Uint8Array<ArrayBuffer>>();
for (const part of [".", "checkpoints"]) {
  for (const { name, isFile } of Deno.readDirSync(join(good, part))) {
    if (isFile && !/^\.|curves/.test(name)) files.set(join(part, name), await Deno.readFile(join(good, part, name)));
  }
}

const run = join(folder, "run");
await Deno.mkdir(run);

/** Puts the good run with some of its files changed into place. */
async function lay(changed: Readonly<Record<string, Uint8Array>>): Promise<void> {
  await Deno.remove(run, { recursive: true });
  await Deno.mkdir(join(run, "checkpoints"), { recursive: true });
  for (const [path, bytes] of files) await Deno.writeFile(join(run, path), changed[path] ?? bytes);
}

/** What `eval` and `predict` go by: weights, what they mean, and the pictures of each part. */
async function opened(): Promise<unknown> {
  const { config, info, model } = await openRun(run, { onWarning: () => {} });
  const kept = await keptOf(run);
  await refuseChanges(run, config, kept);
  const settings = resolveSettings(settingsIn(config, run));
  const parts = await readSplit(join(run, "split.csv"), data);
  await refuseOtherData(run, kept ?? config, parts);
  const files = [parts.train, parts.val, parts.test].map(({ samples }) => samples.map(({ file }) => file));
  const { model: what, task, classes, preprocessing } = info;
  const { batch, seed } = settings;
  return { what, task, classes, preprocessing, weights: model.weights, files, batch, seed };
}

/** Weights of the best epoch as a resumed run has them. */
async function resumed(): Promise<unknown> {
  const options = optionsFor(run);
  await new Trainer({ ...options, resume: true }).fit(split.train, split.val);
  return options.model.weights;
}

/** What is found; undefined where it is refused by one line. */
async function orLine(what: () => Promise<unknown>, told: string): Promise<unknown> {
  try {
    return await what();
  } catch (error) {
    assert(error instanceof UserError, `${told}: ${error instanceof Error ? error.stack : error}`);
    assert(!error.message.includes("\n") && error.message.length < 2000, `${told}: ${error.message}`);
    return undefined;
  }
}

await lay({});
const [right, rightAgain] = [await opened(), await resumed()];

/** Opens the run that is laid out; tells whether it was taken. What is taken and `isExact` must be what it was. */
async function check(told: string, isResumed: boolean, isExact = true): Promise<boolean> {
  const found = await orLine(opened, told);
  if (found !== undefined && isExact) assertEquals(found, right, told);
  if (!isResumed) return found !== undefined;
  const again = await orLine(resumed, told);
  if (again !== undefined && isExact) assertEquals(again, rightAgain, told);
  return found !== undefined;
}

for (const [path, bytes] of files) {
  Deno.test(`a run whose ${path} is damaged is what it was, or refused by one line`, async () => {
    let count = 0;
    for (const { seed, bytes: bad } of mutants(bytes, 16)) {
      await lay({ [path]: bad });
      await check(`${path}, seed ${seed}`, count++ % 16 === 0);
    }
  });
}

/** Values that a field may be changed to. */
const VALUES: readonly unknown[] = [
  ...[null, true, -1, 0, 0.5, 7, 1e9, 2 ** 53, "", "a", "\x1b[2J", [], [1], {}, { a: 1 }],
];

type Path = readonly string[];

/** Paths of all fields of JSON. */
function pathsIn(value: unknown, path: Path = []): Path[] {
  if (typeof value !== "object" || value === null) return [path];
  const below = Object.entries(value).flatMap(([key, part]) => pathsIn(part, [...path, key]));
  return path.length > 0 ? [path, ...below] : below;
}

/** The JSON with a field changed, or taken away. */
function edited(json: unknown, path: Path, value: unknown): unknown {
  const copy = structuredClone(json) as Record<string, unknown>;
  const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, copy);
  if (value === undefined) delete parent[path.at(-1)!];
  else parent[path.at(-1)!] = value;
  return copy;
}

/** Every field with another value, or with all of them in the long run. */
function* edits(json: unknown): Generator<{ told: string; json: unknown }> {
  const next = randomStream(3);
  const isFuzz = Deno.env.get("FOVEA_FUZZ") === "1";
  for (const path of pathsIn(json)) {
    const values = isFuzz ? [undefined, ...VALUES] : [next() % 4 ? VALUES[next() % VALUES.length] : undefined];
    for (const value of values) {
      yield { told: `${path.join(".")} = ${JSON.stringify(value)}`, json: edited(json, path, value) };
    }
  }
}

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (path: string) => new TextDecoder().decode(files.get(path));

Deno.test("a field of config.json that was edited is refused by one line, unless it may be changed", async () => {
  let count = 0;
  for (const { told, json } of edits(JSON.parse(decode("config.json")))) {
    await lay({ "config.json": encode(JSON.stringify(json)) });
    await check(told, count++ % 24 === 0);
  }
});

for (const name of ["best", "last"]) {
  Deno.test(`a field of what ${name} says of itself, under the right hash, is taken or refused by one line`, async () => {
    const path = join("checkpoints", `${name}.safetensors`);
    const { tensors, metadata } = await readSafetensors(join(good, path));
    let count = 0;
    for (const { told, json } of edits(JSON.parse(metadata.fovea))) {
      const pieces = encodeSafetensors(tensors, { ...metadata, fovea: JSON.stringify(json) });
      await lay({ [path]: await new Blob(pieces as Uint8Array<ArrayBuffer>[]).bytes() });
      await check(`${name}: ${told}`, count++ % 40 === 0, false);
    }
  });
}

Deno.test("rows of split.csv that are moved, doubled, lost or renamed are refused by one line", async () => {
  const lines = decode("split.csv").trimEnd().split("\n");
  const next = randomStream(5);
  for (let k = 0; k < 30; k++) {
    const [row, other] = [1 + next() % (lines.length - 1), 1 + next() % (lines.length - 1)];
    const changed = [...lines];
    const kind = k % 5;
    if (kind === 0) changed[row] = changed[row].replace(/[a-z]+$/, (part) => part === "test" ? "train" : "test");
    if (kind === 1) changed.push(changed[row]);
    if (kind === 2) changed.splice(row, 1);
    if (kind === 3) changed[row] = changed[other];
    if (kind === 4) changed[row] = changed[row].replace(/,(cat|dog),/, (_, name) => name === "cat" ? ",dog," : ",cat,");
    if (changed.join() === lines.join()) continue;
    await lay({ "split.csv": encode(`${changed.join("\n")}\n`) });
    assertEquals(await check(`edit ${k}`, k % 15 === 0), false, `edit ${k}: ${changed[row]}`);
  }
});

Deno.test("cleaning up", async () => {
  await device[Symbol.asyncDispose]();
  await Deno.remove(folder, { recursive: true });
});
