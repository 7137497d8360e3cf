import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Device, Program, Session, TuneOptions } from "../../src/device/device.ts";
import { memoryUse } from "../../src/device/memory.ts";
import { OutOfMemoryError } from "../../src/device/out_of_memory.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { Choices, type Chooser } from "../../src/graph/choices.ts";
import { type Graph, liveNodes } from "../../src/graph/graph.ts";
import { Channel } from "../../src/track/channel.ts";
import type { Note } from "../../src/track/tracker.ts";
import { createModel } from "../../src/models/mod.ts";
import { MemoryError } from "../../src/train/budget.ts";
import { resolveOptions } from "../../src/train/resolve_options.ts";
import { planRun } from "../../src/train/plan_run.ts";

const OWN = new Choices();
const LIMITS = { maxBuffer: 2 ** 31, maxBinding: 2 ** 27 };

/** Pictures in a graph. */
const batchOf = (graph: Graph): number => liveNodes(graph).find(({ attrs }) => attrs.name === "images")!.shape[0];

/** What happens on a device. */
interface Behaviour {
  /** Most pictures that sessions have memory for: by the device's own choices, and by tuned ones. */
  readonly most: readonly [own: number, tuned: number];
  /** Most pictures that there is memory to time. */
  readonly mostTuned?: number;
  /** How much more tuned choices take by the plan. */
  readonly plannedMore?: number;
  readonly fault?: Error;
}

function deviceOf({ most: [own, tuned], mostTuned = Infinity, plannedMore = 1, fault }: Behaviour) {
  const counts = { sessions: 0, recovered: 0 };
  const device: Pick<Device, "description" | "choices" | "maxTensorBytes" | "measure" | "open" | "tune" | "recover"> = {
    description: "a device",
    choices: OWN,
    maxTensorBytes: LIMITS.maxBinding,
    measure(graph: Graph, choices: Chooser = OWN) {
      const use = memoryUse(compile(graph, webGpuTarget(LIMITS)));
      return choices === OWN ? use : { ...use, temporaries: plannedMore * use.temporaries };
    },
    open(choices: Chooser = OWN): Session {
      counts.sessions++;
      let most = 0;
      return {
        compile: (graph: Graph) => (most = Math.max(most, batchOf(graph)), {} as Program),
        settle: () => {
          if (fault) return Promise.reject(fault);
          const isFull = most > (choices === OWN ? own : tuned);
          return isFull ? Promise.reject(new OutOfMemoryError("not enough left")) : Promise.resolve();
        },
        [Symbol.dispose]: () => void counts.sessions--,
      } as unknown as Session;
    },
    tune(graphs: readonly Graph[], _options: TuneOptions) {
      if (batchOf(graphs[0]) > mostTuned) return Promise.reject(new OutOfMemoryError("not enough left"));
      return Promise.resolve({ choices: new Choices(), learnt: {} });
    },
    recover: () => Promise.resolve(void counts.recovered++),
  };
  return { device: device as Device, counts };
}

async function batchOn(behaviour: Behaviour, tune: "off" | "quick", memory?: number) {
  const { device, counts } = deviceOf(behaviour);
  const directory = await Deno.makeTempDir();
  const notes: Note[] = [];
  const options = resolveOptions({
    ...{
      device,
      model: createModel("lenet", { classes: 2, imageSize: 32 }),
      task: "multiclass",
      epochs: 1,
      memory,
      tune,
    },
    ...{ batch: "auto", cache: { mode: "auto", directory } },
  });
  const channel = new Channel([{ name: "notes", note: (note) => void notes.push(note) }]);
  try {
    const { batch, step, choices } = await planRun({ ...options, augment: "none", channel }, 100, 10);
    assertEquals(step.batch, batch);
    assertEquals(notes.filter(({ type }) => type === "warning").length, counts.recovered);
    assertEquals(notes.flatMap((event) => event.type === "batch" ? [event.batch] : []), [batch]);
    return { batch, isTuned: choices !== device.choices, recovered: counts.recovered };
  } finally {
    await Deno.remove(directory, { recursive: true });
    assertEquals(counts.sessions, 0);
  }
}

const MiB = 2 ** 20;
const cases: readonly [
  what: string,
  Behaviour,
  tune: "off" | "quick",
  batch: number,
  recovered: number,
  memory?: number,
][] = [
  ["the largest in eights that there are pictures for", { most: [256, 256] }, "off", 96, 0],
  ["what the plan allows", { most: [256, 256] }, "off", 72, 0, 5 * MiB],
  ["half as often as need be", { most: [20, 20] }, "off", 12, 3],
  ["one picture", { most: [1, 1] }, "off", 1, 6],
  ["what tuned programs have memory for", { most: [256, 50] }, "quick", 48, 1],
  ["what can be timed", { most: [256, 256], mostTuned: 24 }, "quick", 24, 2],
  ["what tuned programs take by the plan", { most: [256, 256], plannedMore: 2.5 }, "quick", 18, 2, 5 * MiB],
];
for (const [what, behaviour, tune, batch, recovered, memory] of cases) {
  Deno.test(`planRun() with auto takes ${what}`, async () => {
    assertEquals(await batchOn(behaviour, tune, memory), { batch, isTuned: tune === "quick", recovered });
  });
}

Deno.test("planRun() names a batch where there is no memory to time the one that was asked for", async () => {
  const { device, counts } = deviceOf({ most: [256, 256], mostTuned: 10 });
  const directory = await Deno.makeTempDir();
  const options = resolveOptions({
    ...{ device, model: createModel("lenet", { classes: 2, imageSize: 32 }), task: "multiclass", epochs: 1 },
    ...{ batch: 40, tune: "quick", cache: { mode: "auto", directory } },
  });
  const { message } = await assertRejects(
    () => planRun({ ...options, augment: "none", channel: new Channel() }, 100, 10),
    MemoryError,
  );
  assertMatch(message, /^A batch of 40 pictures .*; give batch 1\d, which takes half as much, or batch auto/);
  assertEquals(counts.recovered, 1);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("planRun() with auto leaves other faults alone", async () => {
  const fault = new Error("WebGPU refused a command");
  await assertRejects(() => batchOn({ most: [256, 256], fault }, "off"), Error, fault.message);
});
