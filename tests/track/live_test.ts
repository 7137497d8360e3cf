import { assertEquals } from "@std/assert";
import { multilabelReport } from "../../src/metrics/mod.ts";
import { denseOf, type Live, LiveTracker, readLive } from "../../src/track/live.ts";
import { inFolder } from "../data/sets.ts";
import { run, validationAt } from "./facts.ts";

Deno.test("LiveTracker keeps the last validation, pictures of ends of epochs, and takes later ones back", () =>
  inFolder(async (folder) => {
    const tracker = new LiveTracker(folder);
    const read = async () => {
      const { epochs, stepsPerEpoch, batch, validation, worst } = await readLive(folder) as Live;
      return [epochs, stepsPerEpoch, batch, validation?.step, worst?.step, worst?.pictures.length];
    };
    await tracker.begin(run);
    assertEquals(await read(), [2, 4, 2, undefined, undefined, undefined]);
    await tracker.validation(validationAt(2, { worst: () => Promise.reject(new Error("not in an epoch")) }));
    assertEquals(await read(), [2, 4, 2, 2, undefined, undefined]);
    await tracker.validation(validationAt(4));
    await tracker.validation(validationAt(6));
    assertEquals(await read(), [2, 4, 2, 6, 4, 2]);
    const { validation, worst } = await readLive(folder) as Live;
    assertEquals(denseOf(validation!.confusion), {
      task: "multiclass",
      confusion: validationAt(6).report.confusion as number[][],
    });
    assertEquals(validation!.confusion.names, ["a", "<b>", "猫"]);
    assertEquals(worst!.pictures.map(({ file, png }) => [file, Uint8Array.fromBase64(png).subarray(1, 4)]), [
      ["x/0.png", new TextEncoder().encode("PNG")],
      ["x/1.png", new TextEncoder().encode("PNG")],
    ]);

    const resumed = new LiveTracker(folder);
    await resumed.begin({ ...run, resumedAt: { epoch: 1, step: 1 } });
    assertEquals(await read(), [2, 4, 2, 6, 4, 2]);
    await resumed.rewind(5);
    assertEquals(await read(), [2, 4, 2, undefined, 4, 2]);
    await resumed.begin(run);
    assertEquals(await read(), [2, 4, 2, undefined, undefined, undefined]);
  }));

Deno.test("LiveTracker keeps a matrix of each label", () =>
  inFolder(async (folder) => {
    const report = multilabelReport([1, -1, 1, 1], [1, 0, 1, 0], ["x", "y"]);
    const tracker = new LiveTracker(folder);
    await tracker.begin(run);
    await tracker.validation(validationAt(2, { report }));
    const { confusion } = (await readLive(folder))!.validation!;
    assertEquals(denseOf(confusion), { task: "multilabel", confusion: report.confusion });
  }));
