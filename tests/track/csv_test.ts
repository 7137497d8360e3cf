import { assertEquals } from "@std/assert";
import { parse } from "@std/csv";
import { join } from "node:path";
import { CsvTracker } from "../../src/track/csv.ts";
import { JsonlTracker } from "../../src/track/jsonl.ts";
import { inFolder } from "../data/sets.ts";
import { logAt, run, validationAt } from "./facts.ts";

const COLUMNS =
  "type,epoch,step,loss,lossKind,learningRate,skipped,imagesPerSecond,lossScale,overflows,accuracy,f1,auroc";

Deno.test("metrics.csv has a row for each record, and a column more for each metric of the user's own", () =>
  inFolder(async (folder) => {
    const tracker = new CsvTracker(folder);
    const read = async () => await Deno.readTextFile(join(folder, "metrics.csv"));
    await tracker.begin(run);
    assertEquals(await read(), `${COLUMNS}\r\n`);
    await tracker.log(logAt(3));
    await tracker.log({ ...logAt(3, NaN), lossScale: { scale: 8, overflows: 2 } });
    await tracker.validation(validationAt(4, { metrics: { 'a "b",\nc': 2, cost: null } }));
    await tracker.log(logAt(6, null));
    const rows = parse(await read());
    const widths = new Set(rows.map(({ length }) => length));
    assertEquals([rows[0].slice(13), widths], [['own.a "b", c', "own.cost"], new Set([15])]);
    assertEquals(rows.slice(1).map((row) => row.slice(0, 4)), [
      ["train", "1", "3", String(1 / 3)],
      ["train", "1", "3", "NaN"],
      ["val", "1", "4", String(validationAt(4).report.loss)],
      ["train", "2", "6", ""],
    ]);
    assertEquals(rows[2].slice(8, 10), ["8", "2"]);
  }));

Deno.test("metrics.csv of a resumed run is made of its records, also where the run had none before", () =>
  inFolder(async (folder) => {
    const jsonl = new JsonlTracker(folder);
    for (const step of [3, 6, 9]) await jsonl.log(logAt(step, step === 3 ? Infinity : 0.5));
    await jsonl.validation(validationAt(4));
    const tracker = new CsvTracker(folder);
    await tracker.begin({ ...run, resumedAt: { epoch: 1, step: 3 } });
    await tracker.rewind(7);
    await tracker.log(logAt(9, 0.25));
    const rows = parse(await Deno.readTextFile(join(folder, "metrics.csv")));
    assertEquals(rows.map((row) => row.slice(2, 4)), [
      ...[["step", "loss"], ["3", "Infinity"], ["6", "0.5"], ["4", String(validationAt(4).report.loss)], ["9", "0.25"]],
    ]);
    assertEquals(rows[0].slice(13), ["own.cost", "own.none"]);
  }));
