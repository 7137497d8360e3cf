/**
 * The folder that `wandb sync` uploads. That the official client does is checked outside of the tests:
 * `fixtures/trackers/check_requests.py`.
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { decodePng } from "../../src/data/pictures/png.ts";
import { ConsoleOutput } from "../../src/track/console.ts";
import type { Note } from "../../src/track/tracker.ts";
import { type WandbSettings, wandbSettings } from "../../src/track/wandb/environment.ts";
import { WandbTracker } from "../../src/track/wandb/tracker.ts";
import { inFolder } from "../data/sets.ts";
import { logAt, run, test, validationAt } from "./facts.ts";
import { at, integers, texts, wandbRecordsIn } from "./wire.ts";

const offline: WandbSettings = { project: "faces", tags: ["a"], whyOffline: "this is a test" };

/** Numbers of a record's kinds. */
const [HISTORY, SUMMARY, FILES, STATS, OUTPUT, RUN, EXIT, HEADER, ENVIRONMENT] = [2, 3, 6, 7, 13, 17, 18, 21, 26];

/** The one folder of a run, its records, and those of a kind. */
async function folderOf(path: string) {
  const names = (await Array.fromAsync(Deno.readDir(join(path, "wandb")))).map(({ name }) => name);
  assertEquals(names.length, 1);
  const [, id] = /^offline-run-\d{8}_\d{6}-([a-z0-9]{8})$/.exec(names[0])!;
  const folder = join(path, "wandb", names[0]);
  const records = wandbRecordsIn(await Deno.readFile(join(folder, `run-${id}.wandb`)));
  const of = (kind: number) => records.flatMap((record) => at(record, kind)) as Uint8Array[];
  return { id, folder, records, of, rows: of(HISTORY).map(rowOf) };
}

/** Values of a record by name. */
function rowOf(bytes: Uint8Array): Record<string, unknown> {
  const items = at(bytes, 1) as Uint8Array[];
  return Object.fromEntries(items.map((item) => [texts(item, 2)[0], JSON.parse(texts(item, 16)[0])]));
}

const scalars = ({ _timestamp, _runtime, ...row }: Record<string, unknown>) => {
  assert(Math.abs(_timestamp as number - Date.now() / 1000) < 60 && _runtime as number >= 0);
  return Object.fromEntries(Object.entries(row).filter(([, value]) => typeof value !== "object"));
};

Deno.test("a W&B folder has settings, a row a step, pictures, system figures, the console and the exit code", () =>
  inFolder(async (path) => {
    const notes: Note[] = [];
    const output = new ConsoleOutput();
    output.write("device WebGPU\n");
    const tracker = new WandbTracker({
      run: path,
      tell: (note) => notes.push(note),
      console: output,
      settings: offline,
    });
    await tracker.begin(run);
    output.write("two\nlines");
    await tracker.validation(validationAt(2));
    await tracker.log(logAt(3, NaN));
    output.write("warning: hot", true);
    // A validation follows at this step: they are one row.
    await tracker.log(logAt(4));
    await tracker.validation(validationAt(4));
    await tracker.log(logAt(5));
    await tracker.test(test);
    await tracker.end({ how: "done" });
    output.write("nobody listens any more");

    const { id, folder, records, of, rows } = await folderOf(path);
    assertEquals(notes, [{
      type: "info",
      message: `W&B: not told as it goes, since this is a test; "wandb sync ${folder}" uploads what is kept there`,
    }]);
    assertEquals(records.map((record) => integers(record, 1)[0]), Array.from(records, (_, i) => i + 1));
    const kinds = [HEADER, RUN, ENVIRONMENT];
    assertEquals(records.slice(0, 3).map((record) => kinds.find((kind) => at(record, kind).length)), kinds);
    const [told] = of(RUN);
    assertEquals([1, 3, 8, 10].map((field) => texts(told, field)), [[id], ["faces"], [path.split("/").at(-1)!], ["a"]]);
    const config = rowOf(at(told, 4)[0] as Uint8Array);
    assertEquals([config.learningRate, config.freeze, "clipNorm" in config], [0.002, ["conv1"], false]);
    assertEquals(config.fovea, { device: { kind: "webgpu", description: "llvmpipe" } });

    const report = validationAt(2).report;
    const numbers = Object.entries(report).filter(([, value]) => typeof value === "number");
    const validated = {
      ...Object.fromEntries(numbers.map(([name, value]) => [`val/${name}`, value])),
      "val/own.cost": 3,
    };
    const trained = (step: number, loss: unknown) => ({
      ...{ "train/loss": loss, "train/learningRate": 0.1, "train/imagesPerSecond": 9, "train/skipped": 0 },
      ...{ epoch: Math.ceil(step / 4), _step: step },
    });
    assertEquals(rows.map(scalars), [
      { epoch: 1, ...validated, _step: 2 },
      trained(3, "NaN"),
      { ...trained(4, 0.25), ...validated },
      trained(5, 0.2),
    ]);
    assertEquals(of(HISTORY).map((record) => integers(record, 2, 1)[0]), [2, 3, 4, 5]);

    const { "val/confusion": confusion, "val/mistakes": mistakes } = rows[2] as Record<string, Record<string, unknown>>;
    assertEquals([confusion._type, mistakes._type, mistakes.count], ["image-file", "images/separated", 2]);
    assertEquals(mistakes.captions, [0, 1].map((i) => `x/${i}.png: 猫, taken for a\\u{a} (90.0%)`));
    const last = rowOf(of(SUMMARY).at(-1)!);
    const listed = of(FILES).flatMap((record) => texts(record, 1, 1));
    const shown = [
      confusion.path,
      ...mistakes.filenames as string[],
      (last["test/confusion"] as { path: string }).path,
    ];
    assertEquals(listed, shown);
    for (const name of listed) {
      const bytes = await Deno.readFile(join(folder, "files", name));
      const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
      assertMatch(name, new RegExp(`^media/images/(val|test)/(confusion|mistakes)_[45]_${sha256.slice(0, 20)}\\.png$`));
      const { width, height } = decodePng(bytes);
      const value = name.includes("mistakes") ? mistakes : confusion;
      if (!name.includes("test/")) assertEquals([width, height], [value.width, value.height]);
    }
    assertEquals(confusion.size, (await Deno.stat(join(folder, "files", confusion.path as string))).size);
    assertEquals([last["best/epoch"], last["test/f1"], last._step], [1, test.report.f1, 5]);

    assert(of(STATS).flatMap((record) => texts(record, 3, 1)).includes("proc.memory.rssMB"));
    const lines = ["device WebGPU", "two", "lines", "warning: hot"];
    assertEquals(of(OUTPUT).map((record) => [texts(record, 3)[0], integers(record, 1)[0]]), [
      ...lines.map((line, i) => [`${line}\n`, i === 3 ? 0 : 1]),
    ]);
    const file = async (name: string) => await Deno.readTextFile(join(folder, "files", name));
    assertEquals(await file("output.log"), lines.map((line) => `${line}\n`).join(""));
    assertEquals(JSON.parse(await file("wandb-summary.json"))._step, 5);
    assertMatch(await file("config.yaml"), /^"model":\n {4}value: "lenet"\n/);
    assertEquals(of(EXIT).map((record) => integers(record, 1)[0] ?? 0), [0]);
  }));

for (const [how, code] of [["interrupted", 255], ["failed", 1]] as const) {
  Deno.test(`a run that ${how === "failed" ? how : `was ${how}`} has exit code ${code}, and the row that waited for its validation`, () =>
    inFolder(async (path) => {
      const tracker = new WandbTracker({ run: path, tell: () => {}, settings: offline });
      await tracker.begin(run);
      await tracker.log(logAt(4));
      await tracker.end({ how });
      const { of, rows } = await folderOf(path);
      assertEquals([rows.map(({ _step }) => _step), of(EXIT).map((record) => integers(record, 1)[0])], [[4], [code]]);
    }));
}

Deno.test("a resumed run goes on in its folder under its id, without the end and the later steps of the former process", () =>
  inFolder(async (path) => {
    const begin = async (resumedAt?: { epoch: number; step: number }) => {
      const output = new ConsoleOutput();
      output.write(resumedAt ? "resume" : "train");
      const tracker = new WandbTracker({ run: path, tell: () => {}, console: output, settings: offline });
      await tracker.begin({ ...run, resumedAt });
      return tracker;
    };
    const first = await begin();
    for (const step of [1, 3, 5]) await first.log(logAt(step));
    await first.end({ how: "interrupted" });
    const { id, folder, rows } = await folderOf(path);
    // As `wandb sync` leaves a folder that it has uploaded, and a kill a part of a record.
    await Deno.writeTextFile(join(folder, `run-${id}.wandb.synced`), "");
    await Deno.writeFile(join(folder, `run-${id}.wandb`), new Uint8Array(9).fill(7), { append: true });

    const second = await begin({ epoch: 0, step: 3 });
    await second.log(logAt(5, 0.125));
    await second.end({ how: "done" });
    const again = await folderOf(path);
    assertEquals(again.id, id);
    assertEquals(again.rows.map(({ _step, "train/loss": loss }) => [_step, loss]), [[1, 1], [3, 1 / 3], [5, 0.125]]);
    assert(again.rows[2]._runtime as number >= (rows[1]._runtime as number), "the time of both processes counts");
    assertEquals(again.of(EXIT).map((record) => integers(record, 1)[0] ?? 0), [0]);
    assertEquals([again.of(RUN).length, again.of(OUTPUT).flatMap((record) => texts(record, 3))], [1, [
      "train\n",
      "resume\n",
    ]]);
    assertEquals(rowOf(again.of(SUMMARY).at(-1)!)["train/loss"], 0.125);
    const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    assertEquals(names.includes(`run-${id}.wandb.synced`), false);
  }));

Deno.test("records that cannot be read are not taken for none, which would write an empty file in their place", () =>
  inFolder(async (path) => {
    const trackerOf = () => new WandbTracker({ run: path, tell: () => {}, settings: offline });
    const first = trackerOf();
    await first.begin(run);
    await first.end({ how: "interrupted" });
    const { id, folder } = await folderOf(path);
    const log = join(folder, `run-${id}.wandb`);
    await Deno.remove(log);
    await Deno.symlink(log, log);
    await assertRejects(() => trackerOf().begin({ ...run, resumedAt: { epoch: 0, step: 3 } }), Error, "symbolic links");
    assert((await Deno.lstat(log)).isSymlink);
  }));

Deno.test("a run that is recorded from a later step on gets a folder of its own", () =>
  inFolder(async (path) => {
    const tracker = new WandbTracker({ run: path, tell: () => {}, settings: offline });
    await tracker.begin({ ...run, resumedAt: { epoch: 1, step: 0 } });
    await tracker.log(logAt(6));
    await tracker.end({ how: "done" });
    assertEquals((await folderOf(path)).rows.map(({ _step }) => _step), [6]);
  }));

Deno.test("wandbSettings() takes the official client's variables, and says why nothing is sent as it goes", () => {
  const key = "k".repeat(40);
  const all = {
    ...{ WANDB_API_KEY: key, WANDB_BASE_URL: "https://wandb.example/x/", WANDB_PROJECT: "p", WANDB_ENTITY: "e" },
    ...{ WANDB_NAME: "n", WANDB_NOTES: "o", WANDB_TAGS: "a, b,", WANDB_RUN_GROUP: "g", WANDB_JOB_TYPE: "j" },
  };
  const of = (variables: Readonly<Record<string, string>>, permits = true) =>
    wandbSettings((name) => variables[name], () => permits);
  assertEquals(of(all), {
    ...{ project: "p", entity: "e", name: "n", notes: "o", tags: ["a", "b"], group: "g", jobType: "j" },
    live: { base: "https://wandb.example/x", key },
  });
  assertEquals(of({ WANDB_API_KEY: key }).live, { base: "https://api.wandb.ai", key });
  const cases = [
    [{}, true, "WANDB_API_KEY is not set"],
    [all, false, "this command has no network (the task train:online has)"],
    [{ ...all, WANDB_MODE: "offline" }, true, "WANDB_MODE is offline"],
    [{ ...all, WANDB_BASE_URL: "wandb.example" }, true, "WANDB_BASE_URL is no http address"],
    [{ ...all, WANDB_BASE_URL: "file:///x" }, true, "WANDB_BASE_URL is no http address"],
  ] as const;
  for (const [variables, permits, why] of cases) {
    const { live, whyOffline } = of(variables, permits);
    assertEquals([live, whyOffline], [undefined, why]);
  }
});
