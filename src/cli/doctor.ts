/**
 * `doctor`: what this machine offers, measured.
 *
 * @module
 */

import manifest from "../../deno.json" with { type: "json" };
import { cacheFolder } from "../data/store/cache_folder.ts";
import { quietWayland } from "../device/host.ts";
import { type Choice, findDevice } from "../device/open.ts";
import { deviceKinds } from "../device/registry.ts";
import { type Rates, UNPACED } from "../device/rates.ts";
import { classify } from "../device/webgpu/adapter_class.ts";
import { findAdapter } from "../device/webgpu/device.ts";
import { budgetOf, budgetText, formatBytes } from "../train/budget.ts";
import { ratesOf, ratesText } from "../train/rates.ts";
import { flagName, type Invocation } from "./command.ts";
import type * as tables from "./flags.ts";

/** Runs `doctor`; gives the exit code. */
export async function run({ options }: Invocation<typeof tables.doctor.flags>): Promise<number> {
  const rows: [string, string][] = [
    ["fovea", manifest.version],
    ["deno", `${Deno.version.deno} on ${Deno.build.target}, ${navigator.hardwareConcurrency} cores`],
    ["cache", cacheFolder()],
  ];
  quietWayland();
  const adapter = await findAdapter();
  const classified = adapter && classify(adapter.info);
  if (adapter) {
    const { limits, features } = adapter;
    rows.push(
      [
        "adapter",
        `${adapter.info.description || adapter.info.vendor} (${classified!.class}: ${classified!.why})`,
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
  const here = await Promise.all(deviceKinds.map(async ({ kind, find, fetches }) => {
    const found = await find(true);
    return `${kind} ${"missing" in found ? "no" : "yes"}${fetches === undefined ? "" : ` (${fetches})`}`;
  }));
  rows.push(["devices", here.join(", ")]);
  const choice = await findDevice(options.backend);
  await using device = await choice.open();
  rows.push(["device", `${device.name}: ${device.description}`]);
  rows.push([
    "precision",
    device.precisions.includes("f16") ? "f32 and f16" : "f32; --precision f16 takes an adapter with shader-f16",
  ]);
  const budget = budgetOf(device);
  if (budget) rows.push(["memory", `${budgetText(budget, flagName)}; train takes no more, unless told by --memory`]);
  const { rates, notKept } = await ratesOf(device, cacheFolder(), true);
  rows.push(["speed", ratesText(rates)], ["queue", queueText(rates)]);
  if (notKept) rows.push(["note", `not kept: ${notKept}`]);
  for (const [name, value] of rows) console.log(`${name.padEnd(10)}${value}`);
  console.log(`\n${adviceFor(choice, classified?.class === "software" || rates.isProcessor)}`);
  return 0;
}

function queueText({ queueDepth }: Rates): string {
  return queueDepth >= UNPACED
    ? "steps are queued: waiting for each would gain nothing"
    : `at most ${queueDepth} ${queueDepth === 1 ? "step" : "steps"} in flight: more take longer`;
}

function adviceFor({ entry, passedOver: [first] }: Choice, isSoftware: boolean): string {
  if (entry.kind === "webgpu") {
    return isSoftware
      ? "WebGPU runs on the processor. For a GPU, install its maker's driver with Vulkan (Debian, Ubuntu: " +
        "mesa-vulkan-drivers)."
      : "Training uses this GPU.";
  }
  const slow = entry.slowRate === undefined ? "" : ", which is many times slower";
  return `Training uses ${entry.name}${slow}${first ? `: ${first.missing}. To change that, ${first.remedy}` : ""}.`;
}
