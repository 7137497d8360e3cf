import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { openDataset } from "../../src/data/open.ts";
import { formatSplit, readSplit } from "../../src/data/forms/split_file.ts";
import { sha256 } from "../../src/hash.ts";
import { UserError } from "../../src/errors.ts";
import { createModel } from "../../src/models/mod.ts";
import type { RunConfig } from "../../src/run/config.ts";
import { fingerprintsOf, keptOf, otherWorld, refuseChanges, refuseOtherData } from "../../src/run/kept.ts";
import { openRun } from "../../src/run/open_run.ts";
import { checkpointPath, RunDirectory } from "../../src/run/run_directory.ts";
import { classFolders, inFolder, noisePng, write } from "../data/sets.ts";
import { infoFor } from "./written_run.ts";

const model = createModel("lenet", { classes: 2, imageSize: 16 });
const tensorsOf = (seed: number) => {
  model.initialize(seed);
  return new Map(
    model.parameters.map(({ name, shape }) => [name, { shape, values: model.weights.get(name)!.slice() }]),
  );
};

/** A run of two epochs, the first of them the best, and its data. */
const withRun = (use: (run: string, config: RunConfig, pets: string) => Promise<void>) =>
  inFolder(async (folder) => {
    const [run, pets] = [join(folder, "run"), join(folder, "pets")];
    await write(pets, classFolders({ cat: 6, dog: 6 }));
    const split = (await openDataset(pets)).split({ seed: 1 });
    const config = {
      versions: { fovea: "0.0.1", deno: Deno.version.deno },
      kernels: "k",
      settings: { batch: 8, workers: 2, data: pets, learningRateScale: { "head.*": 2, "conv.*": 1 } },
      fingerprint: await fingerprintsOf(split),
      split: sha256(formatSplit(split)),
    };
    const directory = new RunDirectory(run, {}, { "split.csv": formatSplit(split) });
    await directory.begin(config);
    const info = infoFor(model);
    for (const epoch of [1, 2]) {
      const at = { ...info, epoch, accuracy: 1 / epoch };
      await directory.saveCheckpoint(`epoch-00${epoch}`, tensorsOf(epoch), at);
      if (epoch === 1) await directory.saveCheckpoint("best", tensorsOf(epoch), at);
      const progress = { epoch, step: 0, stepsDone: epoch, best: { epoch: 1, accuracy: 1 } };
      await directory.saveLast(tensorsOf(10 + epoch), { ...info, progress, run: config });
    }
    await directory.close();
    await use(run, config as unknown as RunConfig, pets);
  });

const edits: readonly (readonly [edit: (config: Record<string, unknown>) => unknown, says: string | undefined])[] = [
  [
    (config) => ({ ...config, settings: { ...config.settings as object, batch: 16 } }),
    "settings.batch was 8 when the run began, and is now 16",
  ],
  [
    (config) => ({ ...config, settings: { ...config.settings as object, batch: undefined } }),
    "settings.batch was 8 when the run began, and is now null",
  ],
  // A run that goes on for more epochs, and was killed while that was written down.
  [(config) => ({ ...config, settings: { ...config.settings as object, epochs: 9 } }), undefined],
  [(config) => ({ ...config, kernels: "\x1b[2J" }), 'kernels was "k" when the run began, and is now "\\u001b[2J"'],
  [
    (config) => ({
      ...config,
      settings: { ...config.settings as object, learningRateScale: { "conv.*": 1, "head.*": 3 } },
    }),
    "settings.learningRateScale.head.* was 2 when the run began, and is now 3",
  ],
  // What may be changed, or says the same.
  [(config) => ({ ...config, settings: { ...config.settings as object, workers: 1, data: "/elsewhere" } }), undefined],
  [(config) => Object.fromEntries(Object.entries(config).reverse()), undefined],
  [
    (config) => ({
      ...config,
      settings: { ...config.settings as object, learningRateScale: { "conv.*": 1, "head.*": 2 } },
    }),
    undefined,
  ],
];

Deno.test("a changed config.json is refused with the field and both values", () =>
  withRun(async (run, config) => {
    const kept = await keptOf(run);
    assertEquals(kept, config);
    for (const [edit, says] of edits) {
      const changed = JSON.parse(JSON.stringify(edit({ ...config }))) as RunConfig;
      const refused = refuseChanges(run, changed, kept, { allowChangedData: true });
      if (says === undefined) assertEquals(await refused, []);
      else {assertEquals(
          (await assertRejects(() => refused, UserError)).message,
          `${run}/config.json was changed: ${says}; set it back, or begin a new run`,
        );}
    }
    // A run of before keeps nothing.
    assertEquals(await refuseChanges(run, { ...config, batch: 3 }, undefined), []);
  }));

Deno.test("a changed split.csv or picture is refused with both hashes, unless it is allowed", () =>
  withRun(async (run, config, pets) => {
    const path = join(run, "split.csv");
    const open = async () => readSplit(path, await openDataset(pets));
    assertEquals(await refuseOtherData(run, config, await open()), []);
    await Deno.writeFile(join(pets, (await open()).test.samples[0].file), noisePng(99));
    const data = await open();
    await assertRejects(() => refuseOtherData(run, config, data), UserError, "the fingerprint of test was ");
    const [warning] = await refuseOtherData(run, config, data, { allowChangedData: true });
    assert(warning.includes("another picture, name or label"), warning);
    // From code, a run may be resumed without its test part.
    assertEquals(await refuseOtherData(run, config, { ...data, test: data.test.subset([]) }), []);

    const text = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, `${text}${text.split("\n")[1]}\n`);
    await assertRejects(open, UserError, `${path}:14:1: `);
    await assertRejects(() => refuseChanges(run, config, config), UserError, "put it back, or set allowChangedData");
    assertEquals((await refuseChanges(run, config, config, { allowChangedData: true })).length, 1);
    await Deno.remove(path);
    await assertRejects(() => refuseChanges(run, config, config), UserError, "split.csv is missing");
  }));

Deno.test("a damaged checkpoint is named, and the one that holds the same or came before is read", () =>
  withRun(async (run, config) => {
    const damage = async (name: string) => {
      const bytes = await Deno.readFile(checkpointPath(run, name));
      bytes[bytes.length - 9] ^= 1;
      await Deno.writeFile(checkpointPath(run, name), bytes);
    };
    const opened = async (checkpoint: "best" | "last") => {
      const warnings: string[] = [];
      const { model } = await openRun(run, { checkpoint, onWarning: (warning) => void warnings.push(warning) });
      return { weights: model.weights, warnings };
    };
    const weightsOf = (seed: number) => new Map([...tensorsOf(seed)].map(([name, { values }]) => [name, values]));
    assertEquals(await opened("last"), { weights: weightsOf(12), warnings: [] });
    for (const [which, instead, seed] of [["best", "epoch-001", 1], ["last", "previous", 11]] as const) {
      await damage(which);
      const { weights, warnings } = await opened(which);
      assertEquals([weights, warnings.length], [weightsOf(seed), 1]);
      assert(warnings[0].includes(`${which}.safetensors: its hash does not match`), warnings[0]);
      assert(warnings[0].endsWith(`${instead}.safetensors is used in its place`), warnings[0]);
    }
    assertEquals(await keptOf(run), config);
    // A flip in the key of the hash would leave the rest unproved.
    const bytes = await Deno.readFile(checkpointPath(run, "epoch-002"));
    bytes[new TextDecoder("latin1").decode(bytes).indexOf("fovea.sha256")] ^= 1;
    await Deno.writeFile(checkpointPath(run, "epoch-002"), bytes);
    await assertRejects(
      () => openRun(run, { checkpoint: 2 }),
      UserError,
      "epoch-002.safetensors: it has lost its hash",
    );
    // The good one is not lost to the damaged.
    const directory = new RunDirectory(run);
    await directory.reopen();
    await directory.loadLast(() => {});
    await directory.saveLast(tensorsOf(20), { ...infoFor(model), progress: { epoch: 2, step: 0, stepsDone: 2 } });
    await directory.close();
    await damage("last");
    assertEquals((await opened("last")).weights, weightsOf(11));
    await damage("epoch-001");
    await assertRejects(() => opened("best"), UserError, "best.safetensors: its hash does not match");
  }));

Deno.test("a run without a finished epoch says so where its best checkpoint is asked for", () =>
  inFolder(async (folder) => {
    const run = join(folder, "run");
    const directory = new RunDirectory(run);
    await directory.begin({});
    await directory.saveLast(tensorsOf(1), { ...infoFor(model), progress: { epoch: 0, step: 3, stepsDone: 3 } });
    await directory.close();
    await assertRejects(() => openRun(run), UserError, "none of its epochs was finished");
  }));

Deno.test("other versions, kernels and devices are warned of, the same are not", () => {
  const began = {
    versions: { fovea: "0.0.1", deno: Deno.version.deno },
    kernels: "k",
    device: { kind: "webgpu", description: "d" },
  };
  assertEquals(otherWorld(began, { kernels: "l", device: "e" }).length, 1);
  assert(/Fovea 0\.0\.1, now .*; kernels k, now l; d, now e/.test(otherWorld(began, { kernels: "l", device: "e" })[0]));
  const versions = { fovea: "0.1.0", deno: Deno.version.deno };
  assertEquals(otherWorld({ ...began, versions }, { kernels: "k", device: "d" }), []);
});
