import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { type Change, Runs } from "../../src/dash/runs.ts";
import type { RunRow } from "../../src/dash/watched_run.ts";
import { lockDirectory } from "../../src/lock.ts";
import { inFolder } from "../data/sets.ts";
import { trained, validated, writeRun } from "./written.ts";

/** Listens as long as `use` runs; `until` waits for a state of the list. */
async function listening(
  runs: Runs,
  use: (until: (holds: (rows: ReadonlyMap<string, RunRow>) => boolean) => Promise<void>) => Promise<void>,
): Promise<void> {
  const rows = new Map<string, RunRow>();
  const names = new Map<string, string>();
  let check = () => {};
  const ignore = runs.listen(({ rows: changed, gone }: Change) => {
    for (const row of changed) {
      rows.set(row.name, row);
      names.set(row.id, row.name);
    }
    for (const id of gone) rows.delete(names.get(id)!);
    check();
  });
  try {
    await use((holds) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`not in 20 s: ${JSON.stringify([...rows.values()])}`)), 20_000);
        check = () => {
          if (!holds(rows)) return;
          clearTimeout(timer);
          resolve();
        };
        check();
      })
    );
  } finally {
    ignore();
    // Nothing is looked at any more once this has been awaited.
    await runs.lookAtAll();
  }
}

Deno.test("Runs finds runs at any depth, tells their states, and follows one from start to end", () =>
  inFolder(async (folder) => {
    const done = await writeRun(join(folder, "study", "runs", "done"));
    await done.add(trained(4, 0.5), validated(4, 0.5), validated(8, 0.75), validated(8, 0.7, { "own.cost": 3 }));
    await Deno.writeTextFile(join(done.path, "checkpoints", "epoch-002.safetensors"), "");
    await Deno.mkdir(join(done.path, "test"));
    await Deno.writeTextFile(join(done.path, "test", "metrics.json"), JSON.stringify({ accuracy: 0.9, f1: null }));
    await writeRun(join(folder, "<b>\u202e"));
    await writeRun(join(folder, "damaged"));
    await Deno.writeTextFile(join(folder, "damaged", "config.json"), "{");
    // No runs: hidden, of another program, in a run.
    await writeRun(join(folder, ".hidden"));
    await Deno.mkdir(join(folder, "app"));
    await Deno.writeTextFile(join(folder, "app", "config.json"), "{}");
    await writeRun(join(done.path, "copy"));

    const runs = new Runs(folder, 4, 50);
    await listening(runs, async (until) => {
      await until((rows) => rows.size === 3);
      const rows = Object.fromEntries(runs.rows.map((row) => [row.name, row]));
      assertEquals(Object.keys(rows).sort(), ["<b>\\u{202e}", "damaged", "study/runs/done"]);
      const { state, metrics, epoch, epochs, step, task, model } = rows["study/runs/done"];
      assertEquals([state, epoch, epochs, step, task, model], ["finished", 2, 2, 8, "multiclass", "lenet"]);
      assertEquals(metrics, {
        "train loss": 0.5,
        "learning rate": 0.01,
        "images/s": 8,
        "best val accuracy": 0.75,
        "val accuracy": 0.7,
        "val loss": 1 - 0.7,
        "val F1": 0.7,
        "val auROC": null,
        "val cost": 3,
        "test accuracy": 0.9,
        "test F1": null,
      });
      assertEquals(rows["<b>\\u{202e}"].state, "stopped");
      assertEquals([rows.damaged.state, rows.damaged.why?.includes("is not JSON")], ["damaged", true]);

      // A run that begins while someone looks.
      const path = join(folder, "new");
      const run = await writeRun(path);
      const lock = await lockDirectory(path);
      await Deno.writeTextFile(join(path, "live.json"), JSON.stringify({ epochs: 2, stepsPerEpoch: 4, batch: 2 }));
      await run.add(trained(2));
      await until((rows) => rows.get("new")?.state === "training" && rows.get("new")?.step === 2);
      const { steps, left } = runs.rows.find(({ name }) => name === "new")!;
      assertEquals([steps, left], [8, 6 * 2 / 8]);
      await run.add(validated(8, 0.5));
      await Deno.writeTextFile(join(path, "checkpoints", "epoch-002.safetensors"), "");
      await lock[Symbol.asyncDispose]();
      await until((rows) => rows.get("new")?.state === "finished");
      await Deno.remove(path, { recursive: true });
      await until((rows) => !rows.has("new"));
    });
  }));

Deno.test("Runs looks at nothing while nobody listens, and once for all who do", () =>
  inFolder(async (folder) => {
    const run = await writeRun(join(folder, "run"));
    const runs = new Runs(folder, 1, 50);
    assertEquals(runs.rows, []);
    await listening(runs, async (until) => {
      const heard: Change[] = [];
      const ignore = runs.listen((change) => change.rows.length > 0 && heard.push(change));
      await until((rows) => rows.size === 1);
      assertEquals(heard.length, 1);
      ignore();
    });
    await run.add(trained(2));
    const [{ version }] = runs.rows;
    await new Promise((resolve) => setTimeout(resolve, 300));
    assertEquals(runs.rows[0].version, version);
    // And again for the next one.
    await listening(runs, (until) => until((rows) => rows.get("run")?.step === 2));
  }));

Deno.test("Runs shows a run that is named itself, and a folder that comes later", () =>
  inFolder(async (folder) => {
    const path = join(folder, "later");
    const runs = new Runs(path, 1);
    await runs.lookAtAll();
    assertEquals(runs.rows, []);
    await writeRun(path);
    await runs.lookAtAll();
    assertEquals(runs.rows.map(({ name }) => name), ["later"]);
    assert(runs.find(runs.rows[0].id));
  }));
