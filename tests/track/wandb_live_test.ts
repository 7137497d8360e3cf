/**
 * A W&B server that is told of a run as it goes, and servers that fail.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { ConsoleOutput } from "../../src/track/console.ts";
import type { Note, RunFacts } from "../../src/track/tracker.ts";
import type { Timing } from "../../src/track/wandb/sender.ts";
import { WandbTracker } from "../../src/track/wandb/tracker.ts";
import { inFolder } from "../data/sets.ts";
import { logAt, run, test, validationAt } from "./facts.ts";
import { type Mood, WandbServer } from "./wandb_server.ts";
import { at, wandbRecordsIn } from "./wire.ts";

const key = "0123456789".repeat(4);

/** The client's times, each a thousandth or so. */
const timing: Timing = {
  ...{ every: 20, heartbeat: 60, timeout: 5000, retry: 10, longestRetry: 30, patience: 5000, lastChance: 5000 },
};

const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A tracker that tells a server, with what it says to people. */
async function begin(path: string, base: string, resumedAt?: RunFacts["resumedAt"], more: Partial<Timing> = {}) {
  const notes: Note[] = [];
  const output = new ConsoleOutput();
  const live = { base, key };
  const settings = { project: "faces", name: "run 1", tags: ["a"], notes: "new", live };
  const tracker = new WandbTracker({
    run: path,
    tell: (note) => notes.push(note),
    console: output,
    settings,
    timing: { ...timing, ...more },
  });
  await tracker.begin({ ...run, resumedAt });
  const warnings = () => notes.flatMap((note) => note.type === "warning" ? [note.message] : []);
  return { tracker, warnings, output };
}

/** Steps of the rows in a run's folder. */
async function kept(path: string): Promise<{ steps: number[]; folder: string; names: string[] }> {
  const [{ name }] = await Array.fromAsync(Deno.readDir(join(path, "wandb")));
  const folder = join(path, "wandb", name);
  const names = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  const records = wandbRecordsIn(await Deno.readFile(join(folder, names.find((name) => name.endsWith(".wandb"))!)));
  return { folder, names, steps: records.flatMap((record) => at(record, 2, 2, 1)).map(Number) };
}

// deno-lint-ignore no-explicit-any -- rows have any values
const rowsOf = (server: WandbServer, name = "wandb-history.jsonl"): any[] =>
  (server.lines[name] ?? []).map((line) => JSON.parse(line));

Deno.test("a server is told of a run as it goes, in the form of the official client", () =>
  inFolder(async (path) => {
    await using server = new WandbServer();
    const { tracker, warnings, output } = await begin(path, server.base);
    output.write("train  2 epochs");
    await tracker.log(logAt(3));
    await later(200);
    // It is there before the run is over, and so is a sign of life.
    assertEquals(rowsOf(server).map(({ _step }) => _step), [3]);
    assert(server.requests.some(({ body }) => Object.keys(body).length === 0), "a heartbeat is empty");
    await tracker.validation(validationAt(4));
    output.write("warning: hot", true);
    await tracker.test(test);
    await tracker.end({ how: "done" });

    const { folder, names } = await kept(path);
    assertEquals([warnings(), server.exit], [[], 0]);
    assertEquals(server.operations.slice(0, 3), ["Viewer", "UpsertBucket", "file_stream"]);
    const [, upsert] = server.requests;
    const { config, ...variables } = upsert.body.variables;
    const id = folder.slice(-8);
    assertEquals(variables, {
      ...{
        id: null,
        name: id,
        project: "faces",
        entity: null,
        groupName: null,
        description: null,
        displayName: "run 1",
      },
      ...{ notes: "new", commit: null, host: null, debug: null, program: null, repo: null, jobType: null, state: null },
      ...{ sweep: null, tags: ["a"], summaryMetrics: null },
    });
    assertEquals(JSON.parse(config).learningRate, { value: 0.002 });
    for (const { method, path, headers } of server.requests) {
      const isUpload = method === "PUT";
      assertEquals(headers.get("authorization"), isUpload ? null : `Basic ${btoa(`api:${key}`)}`);
      if (isUpload) assertEquals(headers.get("x-kept"), "yes");
      else assertEquals([method, headers.get("content-type")], ["POST", "application/json"]);
      if (path !== "/graphql" && !isUpload) assertEquals(path, `/files/me/faces/${id}/file_stream`);
    }
    const rows = rowsOf(server);
    assertEquals(rows.map(({ _step }) => _step), [3, 4]);
    assertEquals([rows[0]["train/loss"], rows[1]["val/own.cost"]], [1 / 3, 3]);
    for (const { _timestamp, _runtime } of rows) assert(_runtime >= 0 && Math.abs(_timestamp - Date.now() / 1000) < 60);
    const [summary] = rowsOf(server, "wandb-summary.json");
    assertEquals([summary._step, summary["test/f1"], summary["best/epoch"]], [4, test.report.f1, 1]);
    const shown = [rows[1]["val/confusion"].path, ...rows[1]["val/mistakes"].filenames, summary["test/confusion"].path];
    const whole = ["config.yaml", "output.log", "wandb-metadata.json", "wandb-summary.json"];
    assertEquals([...server.files.keys()].sort(), [...whole, ...shown].sort());
    for (const [name, bytes] of server.files) assertEquals(bytes, await Deno.readFile(join(folder, "files", name)));
    const [events, logs] = [rowsOf(server, "wandb-events.jsonl"), server.lines["output.log"]];
    assert(events[0]._wandb && events[0]["system.proc.memory.rssMB"] > 1);
    assertMatch(logs[0], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6} train {2}2 epochs$/);
    assertMatch(logs[1], /^ERROR \S+ warning: hot$/);
    const last = server.requests.at(-1)!.body;
    assertEquals([last.complete, last.exitcode], [true, 0]);
    const uploaded = server.requests.flatMap(({ body }) => body.uploaded ?? []);
    assertEquals(uploaded.toSorted(), [...server.files.keys()].sort());
    assertEquals(names.filter((name) => name.endsWith(".synced")), [`run-${id}.wandb.synced`]);
  }));

/** Servers that do not take a run, and what is said of each. */
const failing: readonly [mood: Mood, says: RegExp, times?: Partial<Timing>][] = [
  [500, /answers 500 Internal Server Error, and is asked again$/],
  [429, /answers 429 Too Many Requests, and is asked again$/],
  [401, /answers 401 Unauthorized$/],
  [403, /answers 403 Forbidden$/],
  ["no key", /does not accept WANDB_API_KEY$/],
  ["page", /answers with something that is no JSON, and is asked again$/],
  ["hang", /does not answer within 0.05 s, and is asked again$/, { timeout: 50 }],
  ["hang", /has not taken all within 0.2 s$/],
];
for (const [mood, says, times] of failing) {
  Deno.test(`a server that ${mood === "hang" ? "hangs" : `answers ${mood}`} is named once, delays nothing, and nothing is lost`, () =>
    inFolder(async (path) => {
      await using server = new WandbServer(mood);
      const { tracker, warnings } = await begin(path, server.base, undefined, { lastChance: 200, ...times });
      const started = performance.now();
      for (const step of [1, 2, 3]) await tracker.log(logAt(step));
      assert(performance.now() - started < 2000, "training does not wait for the server");
      await later(200);
      await tracker.end({ how: "done" });
      assert(performance.now() - started < 4000, "the end waits but a while");
      const { steps, names, folder } = await kept(path);
      assertEquals([steps, names.some((name) => name.endsWith(".synced"))], [[1, 2, 3], false]);
      const [warning, ...more] = warnings();
      assertEquals(more, []);
      const [, what] = /^W&B: \S+ (.*); "wandb sync (.*)" uploads what is kept there$/.exec(warning)!;
      assertMatch(what, says);
      assert(warning.includes(folder));
      // One that refuses is left alone.
      if (typeof mood === "number" && mood < 429) assertEquals(server.requests.length, 1);
    }));
}

Deno.test("where no server is, that is said once", () =>
  inFolder(async (path) => {
    const { base } = await (async () => {
      await using gone = new WandbServer();
      return gone;
    })();
    const { tracker, warnings } = await begin(path, base);
    await later(100);
    await tracker.end({ how: "done" });
    assertEquals(warnings().length, 1);
    assertMatch(warnings()[0], /cannot be reached, and is asked again/);
  }));

Deno.test("what a server missed while it failed is sent when it answers again", () =>
  inFolder(async (path) => {
    await using server = new WandbServer();
    server.failures = 4;
    const { tracker, warnings } = await begin(path, server.base);
    for (const step of [1, 3]) await tracker.log(logAt(step));
    await later(250);
    assertEquals(rowsOf(server).map(({ _step }) => _step), [1, 3]);
    server.failures = 3;
    await tracker.log(logAt(5));
    await later(250);
    await tracker.end({ how: "done" });
    assertEquals([rowsOf(server).map(({ _step }) => _step), server.exit, warnings().length], [[1, 3, 5], 0, 1]);
  }));

Deno.test("a storage that fails does not keep the lines, and the folder is not said to be there", () =>
  inFolder(async (path) => {
    await using server = new WandbServer("no uploads");
    const { tracker, warnings } = await begin(path, server.base);
    await tracker.validation(validationAt(4));
    await tracker.log(logAt(5));
    await later(150);
    await tracker.end({ how: "done" });
    assertEquals([rowsOf(server).map(({ _step }) => _step), server.exit], [[4, 5], undefined]);
    assertEquals([warnings().length, (await kept(path)).names.some((name) => name.endsWith(".synced"))], [1, false]);
  }));

Deno.test("a resumed run goes on under its id, and the server gets what it has not", () =>
  inFolder(async (path) => {
    await using server = new WandbServer("no uploads");
    const first = await begin(path, server.base);
    first.output.write("first");
    await first.tracker.validation(validationAt(4));
    await first.tracker.log(logAt(5));
    await later(100);
    assertEquals(rowsOf(server).map(({ _step }) => _step), [4, 5]);
    // The server is away when the rest is told; the process ends.
    server.mood = 500;
    await first.tracker.log(logAt(6, 9));
    first.output.write("lost");
    await first.tracker.validation(validationAt(8));
    await first.tracker.end({ how: "interrupted" });
    assertEquals(server.files.size, 0);

    server.mood = "well";
    const before = server.requests.length;
    const second = await begin(path, server.base, { epoch: 1, step: 1 });
    second.output.write("second");
    await second.tracker.log(logAt(7));
    await second.tracker.validation(validationAt(8));
    await second.tracker.end({ how: "done" });
    assertEquals(server.requests.slice(before, before + 3).map(({ body }) => body.operationName), [
      ...["Viewer", "RunResumeStatus", "UpsertBucket"],
    ]);
    const ids = server.requests.flatMap(({ body }) =>
      body.operationName === "UpsertBucket" ? [body.variables.name] : []
    );
    assertEquals(new Set(ids).size, 1);
    assertEquals((await kept(path)).steps, [4, 5, 7, 8]);
    const rows = rowsOf(server);
    assertEquals(rows.map(({ _step }) => _step), [4, 5, 7, 8]);
    assertEquals(rows.map(({ "train/loss": loss }) => loss).includes(9), false);
    assertEquals(server.lines["output.log"].map((line) => line.slice(27)), ["first", "lost", "second"]);
    const named = rows.flatMap(({ "val/confusion": c, "val/mistakes": m }) => c ? [c.path, ...m.filenames] : []);
    for (const name of named) assert(server.files.has(name), name);
    assertEquals(server.exit, 0);

    // What the server has is not sent again.
    const requests = server.requests.length;
    const third = await begin(path, server.base, { epoch: 2, step: 0 });
    await third.tracker.end({ how: "done" });
    const put = server.requests.slice(requests).filter(({ method }) => method === "PUT").map(({ path }) => path);
    assertEquals(put.filter((path) => path.includes("media/")), []);
    assertEquals([put.length, rowsOf(server).length], [4, 4]);
  }));
