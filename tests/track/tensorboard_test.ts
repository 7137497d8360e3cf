import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import { decodePng } from "../../src/data/pictures/png.ts";
import { TensorBoardTracker } from "../../src/track/tensorboard/tracker.ts";
import { inFolder } from "../data/sets.ts";
import { logAt, run, test, validationAt } from "./facts.ts";
import { at, eventsIn, integers, texts } from "./wire.ts";

/** The events of every file, in the order in which they are read. */
async function eventsOf(folder: string): Promise<Uint8Array[][]> {
  const names = (await Array.fromAsync(Deno.readDir(join(folder, "tensorboard")))).map(({ name }) => name).sort();
  return await Promise.all(
    names.map(async (name) => {
      assertMatch(name, /^events\.out\.tfevents\.\d{10}\.\S+$/);
      return eventsIn(await Deno.readFile(join(folder, "tensorboard", name)));
    }),
  );
}

/** `8 val/accuracy` for each value of the summaries. */
const tagsOf = (events: readonly Uint8Array[]): string[] =>
  events.flatMap((event) => texts(event, 5, 1, 1).map((tag) => `${integers(event, 2)[0] ?? 0} ${tag}`));

Deno.test("event files hold scalars, pictures, curves and settings, each at its step", () =>
  inFolder(async (folder) => {
    const tracker = new TensorBoardTracker(folder);
    await tracker.begin(run);
    await tracker.validation(validationAt(2));
    await tracker.log({ ...logAt(3, NaN), lossScale: { scale: 8, overflows: 0 } });
    await tracker.validation(validationAt(4));
    await tracker.test(test);
    await tracker.end({ how: "done" });
    const [events, ...others] = await eventsOf(folder);
    assertEquals([others, texts(events[0], 3)], [[], ["brain.Event:2"]]);
    const now = Date.now() / 1000;
    for (const event of events) assert(Math.abs(at(event, 1)[0] as number - now) < 60, "the time of an event is now");

    const curves = (group: string, step: number) =>
      ["all", "a", "<b>", "猫"].map((name) => `${step} ${group}/${name}/pr_curves`);
    const numbers = ["accuracy", "precision", "recall", "f1", "auroc", "loss"];
    assertEquals(tagsOf(events), [
      ...["0 _hparams_/experiment", "0 _hparams_/session_start_info"],
      ...[...numbers, "own.cost"].map((name) => `2 val/${name}`),
      ...curves("val", 2),
      ...["epoch", "train/loss", "train/learningRate", "train/imagesPerSecond", "train/skipped", "train/lossScale"]
        .map((tag) => `3 ${tag}`),
      "3 train/overflows",
      ...[...numbers, "own.cost"].map((name) => `4 val/${name}`),
      ...curves("val", 4),
      ...["4 val/confusion", "4 val/mistakes"],
      ...numbers.map((name) => `4 test/${name}`),
      ...curves("test", 4),
      ...["4 test/confusion", "0 _hparams_/session_end_info"],
    ]);

    // A number that is 0 is there, as one of a oneof; one that is not finite is what it is.
    const value = (tag: string, ...path: number[]) =>
      events.flatMap((event) => at(event, 5, 1) as Uint8Array[]).filter((value) => texts(value, 1)[0] === tag)
        .flatMap((value) => at(value, ...path));
    assertEquals([value("train/skipped", 2), value("train/loss", 2)], [[0], [NaN]]);
    assertEquals(value("val/accuracy", 2), Array(2).fill(Math.fround(validationAt(2).report.accuracy!)));
    for (const tag of ["val/confusion", "val/mistakes", "test/confusion"]) {
      const [height, width, colorspace] = [1, 2, 3].map((field) => Number(value(tag, 4, field)[0]));
      const picture = decodePng(value(tag, 4, 4)[0] as Uint8Array);
      assertEquals([picture.width, picture.height, colorspace], [width, height, 3]);
    }
    const [tensor] = value("val/a/pr_curves", 8) as Uint8Array[];
    assertEquals([integers(tensor, 1), integers(tensor, 2, 2, 1)], [[1], [6, 201]]);
    assertEquals((at(tensor, 4)[0] as Uint8Array).length, 6 * 201 * 4);
    // The first column of the curve of a: one positive and two negatives are at or above 0.
    assertEquals(new Float32Array((at(tensor, 4)[0] as Uint8Array).slice().buffer, 0, 1), new Float32Array([1]));
    assertEquals(
      value("val/a/pr_curves", 9, 1, 1).map((name) => new TextDecoder().decode(name as Uint8Array))[0],
      "pr_curves",
    );

    const [start] = value("_hparams_/session_start_info", 9, 1, 2) as Uint8Array[];
    assertEquals(texts(start, 3, 1, 1), ["model", "learningRate", "classWeights", "freeze", "valEvery", "stratify"]);
    assertEquals([at(start, 3, 1, 2, 2), texts(start, 3, 1, 2, 3), at(start, 3, 1, 2, 4)], [
      ...[[0.002, 2], ["lenet", "none", "conv1"], [1n]],
    ]);
    const [end] = value("_hparams_/session_end_info", 9, 1, 2) as Uint8Array[];
    assertEquals(integers(end, 4, 1), [1]);
  }));

Deno.test("a resumed run's events begin with the mark that later steps are void, in a file that is read afterwards", () =>
  inFolder(async (folder) => {
    for (const resumedAt of [undefined, { epoch: 1, step: 0 }, { epoch: 1, step: 0 }]) {
      const tracker = new TensorBoardTracker(folder);
      await tracker.begin({ ...run, resumedAt });
      if (resumedAt) await tracker.rewind(4);
      await tracker.log(logAt(6));
      await tracker.end({ how: "interrupted" });
    }
    const files = await eventsOf(folder);
    assertEquals(files.length, 3);
    const marks = files.map((events) => events.map((event) => [integers(event, 2)[0], integers(event, 7, 1)[0]]));
    assertEquals(marks[0].filter(([, status]) => status !== undefined), []);
    for (const mark of marks.slice(1)) assertEquals(mark[1], [5, 1]);
    assertEquals(tagsOf(files[1]).includes("0 _hparams_/experiment"), false);
  }));

Deno.test("numbers are recorded where the pictures cannot be made", () =>
  inFolder(async (folder) => {
    const tracker = new TensorBoardTracker(folder);
    await tracker.begin(run);
    const fault = new Error("the loader is closed");
    const told = await tracker.validation(validationAt(4, { worst: () => Promise.reject(fault) })).catch((error) =>
      error
    );
    await tracker.end({ how: "failed", error: fault });
    const [events] = await eventsOf(folder);
    assertEquals([told, tagsOf(events).includes("4 val/accuracy")], [fault, true]);
  }));
