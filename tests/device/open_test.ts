import { assert, assertEquals } from "@std/assert";
import { deviceKinds } from "../../src/device/registry.ts";
import { deviceSettings } from "../../src/run/settings/device.ts";

/** Opens a device in a process of its own, which sees no adapter, and runs a graph on it. */
const script = `
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

async function openWithoutAdapter(backend: string): Promise<Record<string, unknown>> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, script);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--no-check", "--allow-all", "--config", config, file, backend],
      env: { DENO_WEBGPU_BACKEND: "noop" },
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert(text, new TextDecoder().decode(stderr));
    return JSON.parse(text);
  } finally {
    await Deno.remove(file);
  }
}

const onGpuJs = { kind: "gpujs", description: "WebAssembly on one thread", y: [2, 4, 6] };

Deno.test("openDevice() takes gpu.js where there is no adapter", async () => {
  assertEquals(await openWithoutAdapter("auto"), onGpuJs);
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
