/**
 * The whole trainer on a GPU that has less memory than it seems to: `createBuffer` reports, or throws, out of memory as
 * soon as more than so many bytes are alive.
 */

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import type { Dataset } from "../../src/data/dataset.ts";
import { openDataset } from "../../src/data/open.ts";
import { WebGpuDevice } from "../../src/device/webgpu/device.ts";
import { UserError } from "../../src/errors.ts";
import { Model } from "../../src/models/mod.ts";
import { conv2d, flatten, linear, relu, sequential } from "../../src/nn/mod.ts";
import { MemoryError } from "../../src/train/budget.ts";
import { memoryOfRun, programsOf } from "../../src/train/memory.ts";
import { adam } from "../../src/train/optimizers/mod.ts";
import type { TrainerOptions } from "../../src/train/options.ts";
import type { Note } from "../../src/track/tracker.ts";
import type { StepOptions } from "../../src/train/step.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { traces } from "../e2e/runs.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";
import { isQuick } from "../amount.ts";

const hasAdapter = await navigator.gpu?.requestAdapter() !== null && navigator.gpu !== undefined;

/** How a GPU tells that there is no memory left. */
type Telling = "reports" | "throws";

/** What is alive on a GPU, and how much may be. */
interface Memory {
  capacity: number;
  alive: number;
}

/** Gives a GPU so little memory. Error scopes are asked first, as the specification has it. */
function limit(gpu: GPUDevice, capacity: number, telling: Telling): Memory {
  const memory = { capacity, alive: 0 };
  const { createBuffer, pushErrorScope, popErrorScope } = gpu;
  const scopes: { readonly filter: GPUErrorFilter; fault?: GPUError }[] = [];
  gpu.pushErrorScope = (filter) => {
    scopes.push({ filter });
    pushErrorScope.call(gpu, filter);
  };
  gpu.popErrorScope = async () => {
    const scope = scopes.pop();
    return await popErrorScope.call(gpu) ?? scope?.fault ?? null;
  };
  gpu.createBuffer = (descriptor) => {
    const { size } = descriptor;
    if (memory.alive + size > memory.capacity) {
      if (telling === "throws") throw new RangeError("createBuffer failed, size is too large");
      const fault = new GPUOutOfMemoryError("Not enough memory left.");
      const scope = scopes.findLast(({ filter }) => filter === "out-of-memory");
      if (scope) scope.fault ??= fault;
      else setTimeout(() => gpu.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error: fault })));
      // A buffer that is not valid, as the specification has it; what uses it is refused.
      pushErrorScope.call(gpu, "validation");
      const invalid = createBuffer.call(gpu, { ...descriptor, size: 2 * gpu.limits.maxBufferSize });
      popErrorScope.call(gpu);
      return invalid;
    }
    const buffer = createBuffer.call(gpu, descriptor);
    const { destroy } = buffer;
    memory.alive += size;
    let isAlive = true;
    buffer.destroy = () => {
      if (isAlive) memory.alive -= size;
      isAlive = false;
      return destroy.call(buffer);
    };
    return buffer;
  };
  return memory;
}

/** One convolution and a dense layer: nearly all of its memory is the batch's. */
const makeModel = () =>
  new Model(
    "tiny",
    sequential({
      conv: conv2d(3, 8, 3, { padding: 1 }),
      relu: relu(),
      flatten: flatten(),
      fc: linear(8 * 16 * 16, 2),
    }),
    { classes: 2, channels: 3, imageSize: 16, stem: "small" },
  );

const optionsOf = (device: WebGpuDevice) => ({
  ...{
    device,
    model: makeModel(),
    task: "multiclass",
    epochs: 1,
    optimizer: adam(),
    cache: { mode: "off" },
    workers: 1,
  },
} as const satisfies TrainerOptions);

/** Ends a run before its first step. */
const signal = AbortSignal.abort();

const stepWith = (batch: number): StepOptions => ({
  ...{ task: "multiclass", batch, optimizer: adam(), weightDecay: 0, labelSmoothing: 0, skipNonFinite: false },
});

/** Bytes of a run with a batch, by the plan. */
const planned = (device: WebGpuDevice, batch: number) => memoryOfRun(device, makeModel(), stepWith(batch));

interface Scarce {
  readonly train: Dataset;
  readonly val: Dataset;
  readonly device: WebGpuDevice;
  /** Makes all memory but that of a run with so many pictures, and a bit, go. */
  readonly leave: (pictures: number, telling: Telling) => Memory;
  readonly folder: string;
}

function test(name: string, fn: (given: Scarce) => Promise<void>): void {
  Deno.test({
    name: `scarce memory: ${name}`,
    ignore: !hasAdapter,
    fn: () =>
      inFolder(async (folder) => {
        await write(join(folder, "data"), classFolders({ a: 40, b: 40 }));
        const { train, val } = (await openDataset(join(folder, "data"))).split({ ratios: [7, 1, 0], seed: 1 });
        const adapter = (await navigator.gpu.requestAdapter())!;
        const gpu = await adapter.requestDevice();
        await using device = new WebGpuDevice(gpu, adapter.info);
        const leave = (pictures: number, telling: Telling) =>
          limit(gpu, 1.25 * planned(device, pictures) + 2 ** 16, telling);
        await fn({ train, val, device, leave, folder });
      }),
  });
}

for (const telling of isQuick ? ["throws"] as const : ["reports", "throws"] as const) {
  test(`a batch that a GPU ${telling} no memory for is halved with auto, and kept`, async (given) => {
    const { train, val, device, leave, folder } = given;
    const memory = leave(20, telling);
    const notes: Note[] = [];
    const out = join(folder, "run");
    const trainer = new Trainer({
      ...optionsOf(device),
      ...{ batch: "auto", out, trackers: [{ name: "notes", note: (note) => void notes.push(note) }] },
    });
    await trainer.fit(train, val);
    // 70 pictures are trained on: 64 fit by the plan, 64 and 32 do not on the device.
    assertEquals(trainer.batch, 16);
    const told = notes.filter(({ type }) => type === "warning" || type === "batch");
    assertEquals(told.map((event) => event.type === "warning" ? event.message : event.type), [
      "there is no memory for a batch of 64 after all: 32 are tried",
      "there is no memory for a batch of 32 after all: 16 are tried",
      "batch",
    ]);
    assertEquals(JSON.parse(await Deno.readTextFile(join(out, "config.json"))).settings.batch, 16);
    assertEquals(memory.alive, 0);

    // Sixteen asked for are the same run; and there is nothing of the vain trials in it.
    memory.capacity = Infinity;
    const same = join(folder, "same");
    await new Trainer({ ...optionsOf(device), batch: 16, out: same }).fit(train, val);
    assertEquals(await traces(out), await traces(same));
    const again = new Trainer({ ...optionsOf(device), batch: "auto", out, resume: true, signal });
    await again.fit(train, val);
    assertEquals(again.batch, 16);
  });

  test(`a GPU that ${telling} no memory for a batch ends in one line that names one`, async (given) => {
    const { train, val, device, leave, folder } = given;
    const memory = leave(36, telling);
    const options = { ...optionsOf(device), out: join(folder, "run") };
    const error = await assertRejects(() => new Trainer({ ...options, batch: 64 }).fit(train, val), MemoryError);
    assertMatch(
      error.message,
      new RegExp(
        "^A batch of 64 pictures of 16×16 leaves .* without memory: tiny takes .* by the plan, and the device has not so " +
          "much; give batch \\d+, which takes half as much, or batch auto, which looks for the largest$",
      ),
    );
    assertMatch(error.textWith((option) => `--${option}`), /; give --batch \d+, .* or --batch auto, /);
    assertEquals(memory.alive, 0);
    // Nothing is on disk, and the same device takes the batch that was named.
    await assertRejects(() => Deno.stat(options.out), Deno.errors.NotFound);
    const batch = Number(/give batch (\d+)/.exec(error.message)![1]);
    assert(batch > 16 && batch <= 32, `${batch}`);
    await new Trainer({ ...options, batch, signal }).fit(train, val);
    assertEquals(memory.alive, 0);
  });

  test(`a GPU that ${telling} no memory for one picture says what helps`, async ({ train, val, device, leave }) => {
    const memory = leave(1, telling);
    memory.capacity = 2 ** 14;
    const { message } = await assertRejects(
      () => new Trainer({ ...optionsOf(device), batch: "auto" }).fit(train, val),
      MemoryError,
    );
    assertMatch(
      message,
      new RegExp(
        "^Not even one picture of 16×16 fits tiny on .*: training takes .*, and the device has not so much " +
          "\\(.* for weights and the optimizer's state\\); " +
          "give checkpointActivations, a smaller imageSize or another model$",
      ),
    );
    assertEquals(memory.alive, 0);
  });
}

test("auto takes what fits the memory that is given", async ({ train, val, device }) => {
  for (const [fitting, batch] of [[1000, 64], [63, 56], [7, 7], [1, 1]]) {
    const trainer = new Trainer({ ...optionsOf(device), batch: "auto", memory: planned(device, fitting), signal });
    await trainer.fit(train, val);
    assertEquals(trainer.batch, batch);
  }
});

test("a run takes what the plan says", async ({ device, leave }) => {
  const memory = leave(1, "reports");
  for (const accumulation of [undefined, "update"] as const) {
    memory.capacity = Infinity;
    const step = { ...stepWith(64), accumulation };
    using session = device.open();
    const programs = programsOf(makeModel(), step).map((graph) => session.compile(graph));
    assertEquals(programs.length, accumulation ? 3 : 2);
    await session.settle();
    // Textures are made when a program first runs, and the numbers of the dispatches are not counted.
    const textures = Math.max(...programs.map(({ memory }) => memory.textures));
    const beyond = memory.alive - (memoryOfRun(device, makeModel(), step) - textures);
    assert(beyond >= 0 && beyond < 2 ** 15, `${memory.alive} bytes, ${beyond} more than planned`);
  }
});

test("what is to be accumulated and validated is counted", async ({ train, val, device }) => {
  const memory = planned(device, 16) + 1000;
  await new Trainer({ ...optionsOf(device), batch: 16, memory, signal }).fit(train, val);
  const error = await assertRejects(
    () => new Trainer({ ...optionsOf(device), batch: 16, memory, accumulate: 2 }).fit(train, val),
    UserError,
  );
  assertMatch(error.message, /training takes .* and memory is .*; give batch 1\d or less, or a larger memory$/);
});

test("a resumed run of which nobody knows the batch is refused", async ({ train, val, device, folder }) => {
  await Deno.writeTextFile(join(folder, "config.json"), "{}");
  const options = { ...optionsOf(device), batch: "auto", out: folder, resume: true } as const;
  await assertRejects(() => new Trainer(options).fit(train, val), UserError, "does not say of how many pictures");
});
