/**
 * What trackers write, against the bytes of the official packages (`fixtures/trackers/make_golden.py`).
 */

import { assertEquals, assertThrows } from "@std/assert";
import { gunzipSync } from "node:zlib";
import { type Codec, codecOf, type Fields, type Messages } from "../../src/track/protobuf.ts";
import { eventFileName, framed, maskedCrc, secondOf } from "../../src/track/tensorboard/event_file.ts";
import { messages as eventMessages } from "../../src/track/tensorboard/messages.ts";
import { prCurve, THRESHOLDS } from "../../src/track/tensorboard/pr_curve.ts";
import { chunksOf, fileOf, MAGIC, recordsIn } from "../../src/track/wandb/frames.ts";
import { messages as recordMessages } from "../../src/track/wandb/messages.ts";
import { crc, eventsIn, fieldsOf, wandbRecordsIn } from "./wire.ts";

const fixtures = new URL("../../fixtures/trackers/", import.meta.url);
const golden: {
  readonly messages: readonly { codec: "tensorboard" | "wandb"; message: string; fields: Fields; hex: string }[];
  readonly eventFile: string;
} = JSON.parse(await Deno.readTextFile(new URL("golden.json", fixtures)));

const codecs = {
  tensorboard: await codecOf("tensorboard", eventMessages) as Codec<Messages>,
  wandb: await codecOf("wandb_internal", recordMessages) as Codec<Messages>,
};

/** `{"hex": …}` as bytes. */
function withBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBytes);
  if (typeof value !== "object" || value === null) return value;
  if ("hex" in value) return Uint8Array.fromHex(value.hex as string);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, withBytes(field)]));
}

Deno.test("messages have the bytes that the official packages give them, and are read back", () => {
  for (const { codec, message, fields, hex } of golden.messages) {
    const given = withBytes(fields) as Fields;
    const bytes = codecs[codec].encode(message, given);
    assertEquals(bytes.toHex(), hex, message);
    assertEquals(codecs[codec].decode(message, bytes), given);
    // The test's own reader comes to the end of it.
    assertEquals(fieldsOf(bytes).length > 0, true);
  }
});

Deno.test("a field that a message has not is a mistake", () => {
  assertThrows(() => codecs.wandb.encode("Record", { exit: { code: 1 } }), TypeError, "Exit has no field code");
});

Deno.test("an event file has the frames that TensorBoard's own writer gives it", () => {
  const file = golden.messages.slice(0, 3).map(({ hex }) => framed(Uint8Array.fromHex(hex)).toHex()).join("");
  assertEquals(file, golden.eventFile);
  assertEquals(
    eventsIn(Uint8Array.fromHex(file)).map((event) => event.toHex()),
    golden.messages.slice(0, 3).map(({ hex }) => hex),
  );
});

Deno.test("maskedCrc() has the check value of TensorFlow's tests", () => {
  assertEquals(maskedCrc(new TextEncoder().encode("\x1a\x11CRC test, one two")), 0x5794d08a);
  assertEquals(crc(0x82f63b78, new TextEncoder().encode("123456789")), 0xe3069283);
});

Deno.test("event files are read in the order in which they were begun", () => {
  assertEquals(secondOf(eventFileName(1795903781)), 1795903781);
  assertEquals([eventFileName(5) < eventFileName(12), secondOf("notes.txt")], [true, undefined]);
});

Deno.test("a file of the official W&B client is read, and written again byte for byte", async () => {
  const file = new Uint8Array(gunzipSync(await Deno.readFile(new URL("official.wandb.gz", fixtures))));
  const { records, end } = recordsIn(file)!;
  assertEquals([records.length, end], [128, file.length]);
  assertEquals(fileOf(records), file);
  assertEquals(wandbRecordsIn(file).length, 128);
  const decoded = records.map((record) => codecs.wandb.decode("Record", record));
  const steps = decoded.flatMap(({ history }) => history ? [((history as Fields).step as Fields).num ?? 0] : []);
  assertEquals(steps, Array.from({ length: 40 }, (_, step) => step));
});

Deno.test("records of every length around a block's end are whole, and a part of one at the end is passed over", () => {
  for (const first of [32768 - 7 - 7 - 20, 32768 - 7 - 7 - 7, 32768 - 7 - 7 - 3, 32768 - 7 - 7, 70_000, 0]) {
    const records = [new Uint8Array(first).fill(1), new Uint8Array(5).fill(2), new Uint8Array(40_000).fill(3)];
    const file = fileOf(records);
    assertEquals(wandbRecordsIn(file).map(({ length }) => length), records.map(({ length }) => length), `${first}`);
    assertEquals(recordsIn(file)!.records, records);
    // Killed at any byte of the last record.
    const before = fileOf(records.slice(0, 2));
    for (const cut of [before.length, before.length + 1, before.length + 20, file.length - 1]) {
      assertEquals(recordsIn(file.subarray(0, cut)), { records: records.slice(0, 2), end: before.length });
    }
    const flipped = file.slice();
    flipped[file.length - 3] ^= 1;
    assertEquals(recordsIn(flipped)!.records.length, 2);
    assertEquals(fileOf([...records.slice(0, 2)]).length + chunksOf(records[2], before.length).length, file.length);
  }
  assertEquals(recordsIn(new TextEncoder().encode("something else")), undefined);
  assertEquals(recordsIn(new Uint8Array(MAGIC)), { records: [], end: 7 });
});

Deno.test("prCurve() counts what is at or above each threshold", () => {
  const [scores, truth] = [[0, 0.3, 0.5, 0.5, 0.9, 1], [0, 1, 0, 1, 0, 1]];
  const rows = prCurve(scores, truth);
  for (let t = 0; t < THRESHOLDS; t++) {
    const taken = scores.map((score) => Math.floor(score * (THRESHOLDS - 1)) >= t);
    const count = (positive: boolean, isTaken: boolean) =>
      truth.filter((y, i) => (y === 1) === positive && taken[i] === isTaken).length;
    const [tp, fp, tn, fn] = [count(true, true), count(false, true), count(false, false), count(true, false)];
    const expected = [tp, fp, tn, fn, tp / Math.max(1, tp + fp), tp / 3].map(Math.fround);
    assertEquals(Array.from({ length: 6 }, (_, row) => rows[row * THRESHOLDS + t]), expected);
  }
});
