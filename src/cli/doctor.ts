/**
 * `doctor`: what this machine offers, measured.
 *
 * @module
 */

import manifest from "../../deno.json" with { type: "json" };
import { cacheFolder } from "../data/cache_folder.ts";
import type { Device } from "../device/device.ts";
import { quietWayland } from "../device/host.ts";
import { openDevice } from "../device/open.ts";
import { findAdapter } from "../device/webgpu/device.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { budgetOf, budgetText, formatBytes } from "../train/budget.ts";
import { flagName, type Invocation } from "./command.ts";
import type * as tables from "./flags.ts";

/** Side of the matrices that are multiplied to measure; gpu.js, hundreds of times slower, gets smaller ones. */
const SIDE = { webgpu: 1024, gpujs: 256 } as const;

/** Runs `doctor`; gives the exit code. */
export async function run({ options }: Invocation<typeof tables.doctor.flags>): Promise<number> {
  const rows: [string, string][] = [
    ["fovea", manifest.version],
    ["deno", `${Deno.version.deno} on ${Deno.build.target}, ${navigator.hardwareConcurrency} cores`],
    ["cache", cacheFolder()],
  ];
  quietWayland();
  const adapter = await findAdapter();
  if (adapter) {
    const { limits, features } = adapter;
    rows.push(
      [
        "adapter",
        `${adapter.info.description || adapter.info.vendor}${adapter.info.isFallbackAdapter ? " (software)" : ""}`,
      ],
      [
        "tensor",
        `at most ${formatBytes(limits.maxStorageBufferBindingSize)} in one binding, ${
          formatBytes(limits.maxBufferSize)
        } in a buffer`,
      ],
      [
        "workgroup",
        `${limits.maxComputeInvocationsPerWorkgroup} invocations, ${
          formatBytes(limits.maxComputeWorkgroupStorageSize)
        }`,
      ],
      [
        "features",
        ["shader-f16", "subgroups", "timestamp-query"].map((name) =>
          `${name} ${features.has(name as GPUFeatureName) ? "yes" : "no"}`
        ).join(", "),
      ],
    );
  } else {
    rows.push(["adapter", "none: WebGPU finds no driver"]);
  }
  await using device = await openDevice(options.backend);
  rows.push(["device", `${device.kind === "webgpu" ? "WebGPU" : "gpu.js"}: ${device.description}`]);
  rows.push([
    "precision",
    device.precisions.includes("f16") ? "f32 and f16" : "f32; --precision f16 takes an adapter with shader-f16",
  ]);
  const budget = budgetOf(device);
  if (budget) rows.push(["memory", `${budgetText(budget, flagName)}; train takes no more, unless told by --memory`]);
  rows.push(["speed", await measure(device)]);
  for (const [name, value] of rows) console.log(`${name.padEnd(10)}${value}`);
  console.log(`\n${adviceFor(adapter)}`);
  return 0;
}

function adviceFor(adapter: GPUAdapter | null | undefined): string {
  if (adapter && !adapter.info.isFallbackAdapter) return "Training uses this GPU.";
  const software = adapter
    ? "WebGPU runs on the processor. For a GPU, install its maker's driver with Vulkan"
    : "Training falls back to gpu.js, which is many times slower. Install a GPU's driver with Vulkan, or Mesa's software one";
  return `${software} (Debian, Ubuntu: ${
    adapter ? "mesa-vulkan-drivers" : "apt-get install libegl1 libgl1-mesa-dri"
  }).`;
}

/** Rates of a matrix product and of a copy. */
async function measure(device: Device): Promise<string> {
  const side = SIDE[device.kind];
  const elements = side * side;
  const product = new GraphBuilder();
  product.output("c", product.matmul(product.input("a", [side, side]), product.input("b", [side, side])));
  const copy = new GraphBuilder();
  copy.output("c", copy.neg(copy.input("a", [elements])));
  using session = device.open();
  const values = { a: new Float32Array(elements).fill(0.5), b: new Float32Array(elements).fill(0.5) };
  const time = async (graph: GraphBuilder["graph"]) => {
    const program = session.compile(graph);
    // The first run compiles.
    for (let k = 0; k < 2; k++) program.run(values);
    await session.settle();
    const runs = 5;
    const start = performance.now();
    for (let k = 0; k < runs; k++) program.run(values);
    await session.settle();
    return (performance.now() - start) / 1000 / runs;
  };
  const flops = 2 * side ** 3 / await time(product.graph);
  const bytes = 8 * elements / await time(copy.graph);
  return `${(flops / 1e9).toPrecision(3)} GFLOP/s in a matrix product of ${side}×${side}, ${
    (bytes / 1e9).toPrecision(3)
  } GB/s in a copy`;
}
