/** How epochs are mixed: by the memory that is free, as it was asked for, and as the run began. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "node:path";
import { openDataset } from "../../src/data/open.ts";
import type { PictureSource } from "../../src/data/store/source.ts";
import { openDevice } from "../../src/device/open.ts";
import { Model } from "../../src/models/mod.ts";
import { flatten, lazyLinear, sequential } from "../../src/nn/mod.ts";
import { idleIn } from "../../src/run/resolve.ts";
import type { TrainerOptions } from "../../src/train/options.ts";
import type { RunOptions } from "../../src/train/settled_options.ts";
import { shuffleOfRun } from "../../src/train/shuffle.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { traces } from "../e2e/runs.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";

const files = { form: "files", root: "", paths: [], channels: 3 } as PictureSource;

Deno.test("shuffleOfRun() takes runs where stored pictures are more than half of the free memory, and says so", async () => {
  const said: string[] = [];
  const mixedOf = (asked: object, free: number | undefined, source = files) => {
    const plain = { given: {}, sampling: "uniform", cache: { mode: "auto" }, resume: false };
    const options = { ...plain, ...asked, channel: { warn: (line: string) => void said.push(line) } };
    return shuffleOfRun(options as unknown as RunOptions, { source, size: 1000 }, 2 ** 20, free);
  };
  const [half, whole] = [1000 * 2 ** 20, 2000 * 2 ** 20];
  assertEquals([await mixedOf({}, whole), await mixedOf({}, undefined)], ["full", "full"]);
  // What is not stored needs no memory: without a cache, or beyond its budget.
  const budgetBytes = 2 ** 28;
  assertEquals(await mixedOf({ cache: { mode: "off" } }, 1), "full");
  assertEquals(await mixedOf({ cache: { mode: "auto", budgetBytes } }, 2 * budgetBytes), "full");
  assertEquals(said, []);
  assertEquals(await mixedOf({}, whole - 1), "runs");
  assertEquals(said.length, 1);
  assert(/are 0.98 GiB, and 2.0 GiB of memory are free: .* option shuffle full mixes all$/.test(said[0]), said[0]);
  assertEquals(await mixedOf({ given: { shuffle: "full" } }, half), "full");
  assertEquals(await mixedOf({ given: { shuffle: "runs" } }, undefined), "runs");
  assertEquals(await mixedOf({ sampling: "balanced" }, half), undefined);
  assertEquals(await mixedOf({}, half, { ...files, form: "pixels" } as unknown as PictureSource), undefined);
  assertEquals(said.length, 1);
});

Deno.test("shuffle is refused where there is nothing to choose", () => {
  const why = (kind: "idx" | "folder", given: Parameters<typeof idleIn>[0]) =>
    idleIn(given, { kind, task: "multiclass" })?.why;
  assertEquals(why("idx", { shuffle: "runs" }), "the pictures of IDX files are in memory");
  assertEquals(why("folder", { shuffle: "runs", sampling: "sqrt" }), "sampling sqrt draws pictures one by one");
  assertEquals(why("folder", { shuffle: "runs", cache: "off" }), undefined);
});

Deno.test("a run whose epochs are mixed in runs keeps that, and goes on to the same bytes", () =>
  inFolder(async (folder) => {
    await using device = await openDevice("wasm");
    await write(join(folder, "data"), classFolders({ a: 8, b: 8 }));
    const data = await openDataset(join(folder, "data"));
    const train = async (out: string, options: Partial<TrainerOptions>) => {
      const net = sequential({ flatten: flatten(), head: lazyLinear(2) });
      const model = new Model("net", net, { classes: 2, channels: 3, imageSize: 8, stem: "auto" });
      const common = {
        batch: 4,
        cache: "off",
        tune: "off",
        schedule: "constant",
        workers: 1,
        logEvery: 1,
        task: data.task,
        device,
      } as const;
      await new Trainer({ ...common, ...options, model, out: join(folder, out) }).fit(data, data);
      const { settings } = JSON.parse(await Deno.readTextFile(join(folder, out, "config.json")));
      return settings.shuffle;
    };
    assertEquals(await train("full", { epochs: 2 }), "full");
    assertEquals(await train("whole", { epochs: 2, shuffle: "runs" }), "runs");
    assertEquals(await train("stopped", { epochs: 1, shuffle: "runs" }), "runs");
    // The machine that it goes on on may have more memory.
    assertEquals(await train("stopped", { epochs: 2, resume: true }), "runs");
    const [full, whole, stopped] = await Promise.all(
      ["full", "whole", "stopped"].map((run) => traces(join(folder, run))),
    );
    assertEquals(stopped, whole);
    assertNotEquals(full.log, whole.log);
  }));
