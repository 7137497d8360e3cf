import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import type { Device, TuneOptions } from "../../src/device/device.ts";
import { UserError } from "../../src/errors.ts";
import { Choices } from "../../src/graph/choices.ts";
import { Channel } from "../../src/track/channel.ts";
import type { Note, RunProgress } from "../../src/track/tracker.ts";
import { createModel } from "../../src/models/mod.ts";
import { RunDirectory } from "../../src/run/run_directory.ts";
import { adam } from "../../src/train/optimizers/mod.ts";
import type { Tune } from "../../src/train/options.ts";
import type { StepOptions } from "../../src/train/step.ts";
import { choicesFor, recordChoices } from "../../src/train/tuning.ts";
import { inFolder } from "../data/sets.ts";

const FILE = "tuning-an-adapter-1-0.json";
const model = createModel("lenet", { classes: 2, imageSize: 32 });
const step: StepOptions = {
  ...{ task: "multiclass", batch: 4, optimizer: adam(), weightDecay: 0, labelSmoothing: 0, skipNonFinite: false },
};

/** A device that has one choice of its own, and learns that `b` is best done `quick`ly or `full`y. */
function tuningDevice(asked: TuneOptions[]): Device {
  return {
    description: "an Adapter (1.0)",
    choices: new Choices({ a: "stored", b: "stored" }),
    tune(_graphs: unknown, options: TuneOptions) {
      asked.push(options);
      const learnt: Record<string, string> = "b" in options.known ? {} : { b: options.effort };
      return Promise.resolve({ choices: new Choices({ ...options.known, ...learnt }), learnt });
    },
  } as unknown as Device;
}

/** How a run differs from the others here. */
interface More {
  readonly device?: Partial<Device>;
  readonly batch?: number;
  readonly out?: string;
}

/** What is told while a run is tuned. */
type Heard = Note | RunProgress;

function channelTo(heard: Heard[]): Channel {
  const hear = (what: Heard) => void heard.push(what);
  return new Channel([{ name: "notes", note: hear, progress: hear }]);
}

async function choose(folder: string, tune: Tune, notes: Heard[] = [], more: More = {}) {
  const asked: TuneOptions[] = [];
  const choices = await choicesFor(
    {
      ...{ device: { ...tuningDevice(asked), ...more.device }, model, tune, accumulate: 1 },
      ...{
        cache: { mode: "auto", directory: folder },
        out: more.out === undefined ? undefined : new RunDirectory(more.out),
        resume: false,
        channel: channelTo(notes),
      },
    },
    { ...step, batch: more.batch ?? step.batch },
    4,
  );
  return { entries: choices.entries, asked };
}

Deno.test("without tuning a run computes as the device's own choices say", () =>
  inFolder(async (folder) => {
    const { entries, asked } = await choose(folder, "off");
    assertEquals(entries, { a: "stored", b: "stored" });
    assertEquals(asked, []);
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
  }));

Deno.test("a device that has one way to everything says so", async () => {
  const notes: Heard[] = [];
  const { entries } = await choicesFor(
    {
      ...{
        device: { ...tuningDevice([]), tune: undefined },
        model,
        tune: "full",
        cache: { mode: "auto" },
        accumulate: 1,
      },
      ...{ resume: false, channel: channelTo(notes) },
    },
    step,
    4,
  );
  assertEquals(entries, { a: "stored", b: "stored" });
  assertStringIncludes(JSON.stringify(notes), "nothing to tune on an Adapter");
});

Deno.test("what was timed is kept for later runs; a full tuning takes nothing from a quick one", () =>
  inFolder(async (folder) => {
    const notes: Heard[] = [];
    assertEquals((await choose(join(folder, "new"), "quick", notes)).entries, { a: "stored", b: "quick" });
    assertStringIncludes(JSON.stringify(notes.at(-1)), '"timed":1');
    const again = await choose(join(folder, "new"), "quick", notes);
    assertEquals(again.asked[0].known, { b: "quick" });
    assertEquals(again.entries, { a: "stored", b: "quick" });
    assertStringIncludes(JSON.stringify(notes.at(-1)), '"timed":0');
    const full = await choose(join(folder, "new"), "full");
    assertEquals(full.asked[0].known, {});
    assertEquals(full.entries, { a: "stored", b: "full" });
    // From then on a quick one is no better.
    assertEquals((await choose(join(folder, "new"), "quick")).asked[0].known, { b: "full" });
  }));

Deno.test("what was timed with other kernels, or on another adapter, is timed again", () =>
  inFolder(async (folder) => {
    await choose(folder, "quick");
    const kept = JSON.parse(await Deno.readTextFile(join(folder, FILE)));
    for (const change of [{ kernels: "others" }, { adapter: "an-adapter 1.0" }]) {
      await Deno.writeTextFile(join(folder, FILE), JSON.stringify({ ...kept, ...change }));
      assertEquals((await choose(folder, "quick")).asked[0].known, {});
    }
  }));

Deno.test("a damaged file is named, ignored and written anew", () =>
  inFolder(async (folder) => {
    for (const damage of ["", "{", "[]", "{}", '{"quick":{"b":1},"full":{}}', "null", '{"quick":[],"full":{}}']) {
      await Deno.writeTextFile(join(folder, FILE), damage);
      const notes: Heard[] = [];
      assertEquals((await choose(folder, "quick", notes)).asked[0].known, {}, damage);
      const [warning] = notes;
      assertEquals(warning.type, "warning", damage);
      assertStringIncludes(JSON.stringify(warning), FILE);
      assertEquals((await choose(folder, "quick")).asked[0].known, { b: "quick" });
    }
  }));

/** Pictures in a step of LeNet that is large enough to be tuned unasked. */
const LARGE = 2 ** 16;

Deno.test("auto tunes quickly for a large step on a GPU, and nothing else", () =>
  inFolder(async (folder) => {
    const gpu = { isSoftware: false };
    const rates = { flops: 1e9, bytes: 1e9, readBack: 0.01, queueDepth: 16, isProcessor: false };
    const off: More[] = [
      {},
      { device: gpu },
      { device: { isSoftware: true }, batch: LARGE },
      // A step would take minutes.
      { device: { ...gpu, rates }, batch: LARGE },
    ];
    for (const more of [...off, { device: { ...gpu, tune: undefined }, batch: LARGE }]) {
      const notes: Heard[] = [];
      assertEquals((await choose(folder, "auto", notes, more)).entries, { a: "stored", b: "stored" });
      assertEquals(notes, []);
    }
    const { entries, asked: [{ effort }] } = await choose(folder, "auto", [], {
      ...{ device: { ...gpu, rates: { ...rates, flops: 1e12 } }, batch: LARGE },
    });
    assertEquals([entries, effort], [{ a: "stored", b: "quick" }, "quick"]);
    assertEquals((await choose(folder, "quick")).asked[0].known, { b: "quick" });
  }));

Deno.test("auto says how long it may take, and ends then", () =>
  inFolder(async (folder) => {
    const { setTimeout } = globalThis;
    const waits: unknown[] = [];
    const notes: Heard[] = [];
    const device: Partial<Device> = {
      isSoftware: false,
      async tune(_graphs, { onProgress, signal }) {
        onProgress!("b", 0, 2);
        await new Promise((resolve) => signal!.addEventListener("abort", resolve));
        return { choices: new Choices({ b: "quick" }), learnt: { b: "quick" } };
      },
    };
    try {
      // deno-lint-ignore no-explicit-any
      globalThis.setTimeout = ((fn: () => void, ms: number) => (waits.push(ms), setTimeout(fn, ms / 1000))) as any;
      await choose(folder, "auto", notes, { device, batch: LARGE });
    } finally {
      globalThis.setTimeout = setTimeout;
    }
    assertEquals(waits.filter((ms) => ms === 20_000).length, 1);
    assertEquals(
      notes.map((told) => told.type === "tuning" ? told.atMost : told.type === "tuned" && told.isCut),
      [
        20,
        true,
      ],
    );
  }));

Deno.test("what cannot be kept is chosen for a run that keeps it, and for no other", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "file"), "");
    const notes: Heard[] = [];
    const into = (out?: string) => choose(join(folder, "file", "cache"), "quick", notes, { out });
    assertEquals((await into("a run")).entries, { a: "stored", b: "quick" });
    assertEquals((await into()).entries, { a: "stored", b: "stored" });
    assertEquals(notes.map(({ type }) => type), ["warning", "warning"]);
    assertStringIncludes(JSON.stringify(notes), "cannot be written");
  }));

Deno.test("a resumed run computes as it began, or not at all", () =>
  inFolder(async (folder) => {
    const asked: TuneOptions[] = [];
    const resume = () =>
      choicesFor(
        {
          ...{ device: tuningDevice(asked), model, tune: "quick", cache: { mode: "auto" }, accumulate: 1 },
          ...{ resume: true, out: new RunDirectory(folder), channel: new Channel() },
        },
        step,
        4,
      );
    const { text, hash } = recordChoices(new Choices({ b: "4x4" }));
    await Deno.writeTextFile(join(folder, "config.json"), JSON.stringify({ tuning: hash }));
    await assertRejects(resume, UserError, "its tuning.json is missing");
    await Deno.writeTextFile(join(folder, "tuning.json"), text.replace("4x4", "8x8"));
    await assertRejects(resume, UserError, "its tuning.json was changed");
    await Deno.writeTextFile(join(folder, "tuning.json"), text);
    assertEquals((await resume()).entries, { b: "4x4" });
    // A run of a version that chose nothing.
    await Deno.writeTextFile(join(folder, "config.json"), "{}");
    assertEquals((await resume()).entries, {});
    assertEquals(asked, []);
  }));
