import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { findDevice } from "../../src/device/open.ts";
import { deviceKinds } from "../../src/device/registry.ts";
import { deviceSettings } from "../../src/run/settings/device.ts";
import { isSoftware } from "../kernels/devices.ts";

/** Opens a device in a process of its own, which sees no adapter and may lack more, and runs a graph on it. */
const script = `
if (Deno.args[1] === "no SIMD") WebAssembly.validate = () => false;
if (Deno.args[1] === "no memory") {
  const { Memory } = WebAssembly;
  WebAssembly.Memory = function (how) {
    if (how.shared) throw new RangeError("could not allocate memory");
    return new Memory(how);
  };
}
if (Deno.args[1] === "no shared memory") delete globalThis.SharedArrayBuffer;
import { openDevice } from "${new URL("../../src/device/open.ts", import.meta.url)}";
import { GraphBuilder } from "${new URL("../../src/graph/builder.ts", import.meta.url)}";
try {
  await using device = await openDevice(Deno.args[0]);
  using session = device.open();
  const b = new GraphBuilder();
  b.output("y", b.mul(b.input("x", [3]), 2));
  const program = session.compile(b.graph);
  program.run({ x: Float32Array.of(1, 2, 3) });
  const { y } = await program.outputs();
  console.log(JSON.stringify({ kind: device.kind, description: device.description, y: [...y] }));
} catch (error) {
  console.log(JSON.stringify({ error: error.constructor.name, message: error.message }));
}`;

async function openWithoutAdapter(backend: string, without = "nothing else"): Promise<Record<string, unknown>> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, script);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", "--allow-all", "--config", config, file, backend, without],
      env: { DENO_WEBGPU_BACKEND: "noop" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert(text, new TextDecoder().decode(stderr));
    return JSON.parse(text);
  } finally {
    await Deno.remove(file);
  }
}

/** SIMD is what gpu.js itself compiles to, where it can. */
const inJavaScript = { kind: "gpujs", description: "JavaScript on one thread", y: [2, 4, 6] };
const onGpuJs = { kind: "gpujs", description: "WebAssembly on one thread", y: [2, 4, 6] };

Deno.test("openDevice() takes WebAssembly where there is no adapter", async () => {
  const { kind, description, y } = await openWithoutAdapter("auto");
  assertEquals([kind, y], ["wasm", [2, 4, 6]]);
  assertMatch(`${description}`, /^the processor \(\d+ threads?, (relaxed )?SIMD\)$/);
});

for (const without of ["no SIMD", "no shared memory", "no memory"]) {
  Deno.test(`openDevice() takes gpu.js where there is no adapter and ${without} for WebAssembly`, async () => {
    assertEquals(await openWithoutAdapter("auto", without), without === "no SIMD" ? inJavaScript : onGpuJs);
  });
}

Deno.test("openDevice() refuses WebAssembly by name in one line where something is missing", async () => {
  const says = {
    "no SIMD": "WebAssembly was asked for and WebAssembly has no SIMD here: run a Deno of 2.9 or later, or use backend",
    "no memory": "WebAssembly has no memory of 4096 MiB here (could not allocate memory): ",
  };
  for (const [without, said] of Object.entries(says)) {
    const { error, message } = await openWithoutAdapter("wasm", without);
    assertEquals(error, "UserError");
    assertStringIncludes(`${message}`, said);
    assertEquals(`${message}`.split("\n").length, 1);
  }
});

Deno.test("findDevice() passes over an adapter that is no GPU, unless it alone may hold half precision", async () => {
  const [webgpu] = deviceKinds;
  const passed = await webgpu.find(false);
  const taken = await webgpu.find(true);
  if (!isSoftware || "missing" in taken) return;
  assert("missing" in passed, "a software adapter is taken");
  assertMatch(passed.missing, /^the WebGPU adapter, .+, is no GPU$/);
  assertEquals((await findDevice("auto")).entry.kind, "wasm");
  assertEquals((await findDevice("auto", "f16")).entry.kind, "webgpu");
  assertEquals((await findDevice("webgpu")).entry.kind, "webgpu");
});

Deno.test("openDevice() takes gpu.js where it is asked for", async () => {
  assertEquals(await openWithoutAdapter("gpujs"), onGpuJs);
});

Deno.test("openDevice() refuses WebGPU by name where there is no adapter, and names the other kinds", async () => {
  const { error, message } = await openWithoutAdapter("webgpu");
  assertEquals(error, "UserError");
  assert(`${message}`.startsWith("WebGPU was asked for and there is no WebGPU adapter: install"), `${message}`);
  assert(`${message}`.endsWith(", or use backend wasm or gpujs"), `${message}`);
});

Deno.test("every kind of device is a value of the setting backend, in its order, and is what it says once open", async () => {
  assertEquals(deviceSettings.backend.kind.choices, ["auto", ...deviceKinds.map(({ kind }) => kind)]);
  for (const entry of deviceKinds) {
    const found = await entry.find(true);
    if ("missing" in found) continue;
    await using device = await found.open();
    assertEquals([device.kind, device.name], [entry.kind, entry.name]);
    assertEquals(device.tune !== undefined, entry.isTuned, entry.name);
    if (entry.precisions) assertEquals(device.precisions, entry.precisions);
  }
});
