import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { OutOfMemoryError } from "../../src/device/out_of_memory.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { WebGpuDevice } from "../../src/device/webgpu/device.ts";

const adapter = await navigator.gpu?.requestAdapter();

/** A test of a device whose GPUDevice is at hand, to do harm to. */
function test(name: string, fn: (gpu: GPUDevice, device: WebGpuDevice) => Promise<void>): void {
  Deno.test({
    name: `WebGPU: ${name}`,
    ignore: !adapter,
    async fn() {
      // An adapter gives one device.
      const fresh = (await navigator.gpu.requestAdapter())!;
      const gpu = await fresh.requestDevice();
      await using device = new WebGpuDevice(gpu, fresh.info);
      await fn(gpu, device);
    },
  });
}

/** w ← w + Σ x, and `y` = the transpose of x. */
function counting() {
  const b = new GraphBuilder();
  const x = b.input("x", [64, 64]);
  b.assign("w", b.add(b.state("w", []), b.sum(x, undefined, false)));
  b.output("y", b.permute(x, [1, 0]));
  return b.graph;
}

const GIVEN = { x: new Float32Array(64 * 64).fill(1) };

test("a validation error ends everything at the next run or read", async (gpu, device) => {
  using session = device.open();
  session.write("w", new Float32Array(1));
  const program = session.compile(counting());
  program.run(GIVEN);
  await session.settle();
  // Mapping for reading allows no use as storage.
  gpu.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  await assertRejects(() => session.read(["w"]), Error, "WebGPU refused a command:");
  assertThrows(() => program.run(GIVEN), Error, "WebGPU refused a command:");
  await assertRejects(() => session.settle(), Error, "WebGPU refused a command:");
  // It stays so.
  assertThrows(() => program.run(GIVEN), Error, "WebGPU refused a command:");
});

test(
  "a kernel that does not compile is named before its program runs, or when it is waited for",
  async (gpu, device) => {
    using session = device.open();
    session.write("w", new Float32Array(1));
    const { createShaderModule } = gpu;
    gpu.createShaderModule = () => createShaderModule.call(gpu, { code: "@compute fn main() { oops }" });
    const program = session.compile(counting());
    await assertRejects(() => program.prepare(), Error, "WebGPU refused a ");
    await assertRejects(
      async () => {
        program.run(GIVEN);
        await session.settle();
      },
      Error,
      "WebGPU refused a command:",
    );
  },
);

test("what is prepared is compiled once, each text by itself, and counted", async (gpu, device) => {
  using session = device.open();
  session.write("w", new Float32Array(1));
  const { createComputePipeline, createComputePipelineAsync } = gpu;
  const made = { now: 0, ahead: 0 };
  gpu.createComputePipeline = (descriptor) => {
    made.now++;
    return createComputePipeline.call(gpu, descriptor);
  };
  gpu.createComputePipelineAsync = (descriptor) => {
    made.ahead++;
    return createComputePipelineAsync.call(gpu, descriptor);
  };
  const program = session.compile(counting());
  const told: string[] = [];
  await program.prepare((done, total) => told.push(`${done}/${total}`));
  assertEquals(told, ["1/3", "2/3", "3/3"]);
  program.run(GIVEN);
  await session.compile(counting()).prepare(() => told.push("again"));
  await session.settle();
  assertEquals([made, told.length], [{ now: 0, ahead: 3 }, 3]);
});

const OUT_OF_MEMORY: readonly [
  made:
    | "createBindGroupLayout"
    | "createPipelineLayout"
    | "createComputePipeline"
    | "createComputePipelineAsync"
    | "createBindGroup"
    | "createBuffer",
  message: string,
  isBatch: boolean,
][] = [
  ["createBindGroupLayout", "WebGPU refused a command: it cannot make a bind group layout: no slots", false],
  ["createPipelineLayout", "WebGPU refused a command: it cannot make a pipeline layout: no slots", false],
  ["createComputePipelineAsync", "WebGPU refused a command: it cannot make a pipeline: no slots", false],
  ["createComputePipeline", "WebGPU refused a command: it cannot make a pipeline: no slots", false],
  ["createBindGroup", "WebGPU refused a command: it cannot make a bind group: no slots", false],
  ["createBuffer", "The GPU has no memory left (no slots)", true],
];

for (const [made, message, isBatch] of OUT_OF_MEMORY) {
  test(
    `${made}() without memory is ${isBatch ? "a batch that is too large" : "no fault of the batch"}`,
    async (gpu, device) => {
      failAt(gpu, made);
      using session = device.open();
      session.write("w", new Float32Array(1));
      const program = session.compile(counting());
      const run = async () => {
        if (made === "createComputePipelineAsync") await program.prepare();
        program.run(GIVEN);
        await session.settle();
      };
      const error = await assertRejects(run, Error, message);
      assertEquals(error instanceof UserError, isBatch);
      assertThrows(() => program.run(GIVEN), Error, message);
    },
  );
}

/**
 * Lets calls of a method complain of no memory, as an implementation would: to the innermost scope for that, or else to
 * all.
 */
function failAt(gpu: GPUDevice, method: typeof OUT_OF_MEMORY[number][0]): void {
  const scopes: (GPUError | null)[] = [];
  const { pushErrorScope, popErrorScope } = gpu;
  gpu.pushErrorScope = (filter) => {
    assertEquals(filter, "out-of-memory");
    scopes.push(null);
    pushErrorScope.call(gpu, filter);
  };
  gpu.popErrorScope = async () => {
    const error = scopes.pop()!;
    await popErrorScope.call(gpu);
    return error;
  };
  const known = gpu[method] as (descriptor: unknown) => unknown;
  Object.assign(gpu, {
    [method](descriptor: unknown) {
      const error = new GPUOutOfMemoryError("no slots");
      if (scopes.length > 0) scopes[scopes.length - 1] ??= error;
      else queueMicrotask(() => gpu.dispatchEvent(new GPUUncapturedErrorEvent("uncapturederror", { error })));
      return known.call(gpu, descriptor);
    },
  });
}

test("nothing is believed once the device is lost", async (gpu, device) => {
  using session = device.open();
  session.write("w", new Float32Array(1));
  const program = session.compile(counting());
  program.run(GIVEN);
  const asked = session.read(["w"]);
  const outputs = program.outputs();
  gpu.destroy();
  const lost = "The GPU was lost";
  await assertRejects(() => asked, UserError, lost);
  await assertRejects(() => outputs, UserError, lost);
  await assertRejects(() => session.read(["w"]), UserError, lost);
  assertThrows(() => program.run(GIVEN), UserError, lost);
  await assertRejects(() => session.settle(), UserError, lost);
});

test("a device that ran out of memory is usable again once its sessions are closed", async (gpu, device) => {
  const runOut = () =>
    gpu.dispatchEvent(
      new GPUUncapturedErrorEvent("uncapturederror", { error: new GPUOutOfMemoryError("Not enough\nmemory left.") }),
    );
  {
    using session = device.open();
    session.write("w", new Float32Array(1));
    const program = session.compile(counting());
    runOut();
    // What could not be allocated is refused in all that uses it.
    gpu.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
    const { message } = assertThrows(() => program.run(GIVEN), OutOfMemoryError);
    assertEquals(
      message,
      "The GPU has no memory left (Not enough memory left.): give a smaller batch or smaller pictures",
    );
    await assertRejects(() => session.settle(), OutOfMemoryError);
  }
  await device.recover();
  using session = device.open();
  session.write("w", new Float32Array(1));
  session.compile(counting()).run(GIVEN);
  assertEquals((await session.read(["w"])).get("w"), Float32Array.of(64 * 64));
  // Nothing else is forgiven.
  gpu.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.STORAGE });
  await assertRejects(() => device.recover(), Error, "WebGPU refused a command:");
  await assertRejects(() => session.settle(), Error, "WebGPU refused a command:");
});

test("a device that is closed in order complains of nothing", async (_, device) => {
  using session = device.open();
  session.write("w", new Float32Array(1));
  assertEquals((await session.read(["w"])).get("w"), new Float32Array(1));
});

/** Counts the buffers that are alive and the bind groups that were made. */
function watch(gpu: GPUDevice): { alive: number; groups: number } {
  const counts = { alive: 0, groups: 0 };
  const { createBuffer, createBindGroup } = gpu;
  gpu.createBuffer = (descriptor) => {
    const buffer = createBuffer.call(gpu, descriptor);
    const { destroy } = buffer;
    counts.alive++;
    buffer.destroy = () => {
      counts.alive--;
      return destroy.call(buffer);
    };
    return buffer;
  };
  gpu.createBindGroup = (descriptor) => {
    counts.groups++;
    return createBindGroup.call(gpu, descriptor);
  };
  return counts;
}

test("200 runs leave no more on the device than one, and a closed session nothing", async (gpu, device) => {
  const counts = watch(gpu);
  {
    using session = device.open();
    session.write("w", new Float32Array(1));
    const program = session.compile(counting());
    program.run(GIVEN);
    const after = { ...counts };
    for (let k = 0; k < 200; k++) {
      program.run(GIVEN);
      if (k % 10 === 0) await Promise.all([program.outputs(), session.read(["w"])]);
    }
    assertEquals(counts, after);
    assertEquals((await session.read(["w"])).get("w"), Float32Array.of(201 * 64 * 64));
  }
  assertEquals(counts.alive, 0);
});
