/**
 * The kinds of devices there are, in the order in which `auto` tries them. A device is added here: the setting
 * `backend`, the commands, their messages and the tests read this list.
 *
 * It loads nothing of a device until that is looked for.
 *
 * @module
 */

import type { Precision } from "../graph/graph.ts";
import type { Device } from "./device.ts";
import { freeHostMemory, heedForceGpu, quietWayland } from "./host.ts";

/** Names of the kinds, as people and records give them. */
export type DeviceName = "webgpu" | "wasm" | "gpujs";

/** A device that can be opened. */
export interface Found {
  /** Opens it. */
  open(): Promise<Device>;
}

/** Why a device cannot be opened here, for people. */
export interface Missing {
  /** What is not there: `there is no WebGPU adapter`. */
  readonly missing: string;
  /** What to do about it: `install …`. */
  readonly remedy: string;
}

/** One kind of device. */
export interface DeviceKind {
  readonly kind: DeviceName;
  /** The same for people. */
  readonly name: string;
  /** Where `auto` takes it; undefined where it is always there. */
  readonly where?: string;
  /** What is fetched when it is first opened; such a device is opened after all that can be refused before. */
  readonly fetches?: string;
  /** Are there several ways to compute a call, which are worth timing? */
  readonly isTuned: boolean;
  /** What it can hold, as far as that is known before it is opened; undefined where it depends on the host. */
  readonly precisions?: readonly Precision[];
  /** Of one that takes seconds for what others take milliseconds for: operations of a training step in a second. */
  readonly slowRate?: number;
  /**
   * Looks for it.
   *
   * @param isNamed It was asked for by name; else `auto` takes it only where it is a good choice.
   */
  find(isNamed: boolean): Promise<Found | Missing>;
  /** Other ways to run it, by name, which tests take besides. */
  readonly others?: Readonly<Record<string, () => Promise<Device>>>;
}

/** Every kind of device. */
export const deviceKinds: readonly DeviceKind[] = [
  {
    kind: "webgpu",
    name: "WebGPU",
    where: "there is a GPU",
    isTuned: true,
    async find(isNamed) {
      quietWayland();
      heedForceGpu();
      const { findAdapter, openAdapter } = await import("./webgpu/device.ts");
      const adapter = await findAdapter();
      if (adapter && !isNamed && await isBesideWasm(adapter)) {
        return {
          missing: `the WebGPU adapter, ${adapter.info.description || adapter.info.vendor}, is no GPU`,
          remedy: "install a GPU's driver with Vulkan",
        };
      }
      if (adapter) return { open: () => openAdapter(adapter, undefined, freeHostMemory) };
      return {
        missing: "there is no WebGPU adapter",
        remedy: "install a GPU's driver with Vulkan, or Mesa's for the processor (Debian, Ubuntu: apt-get install " +
          "libegl1 libgl1-mesa-dri)",
      };
    },
  },
  {
    kind: "wasm",
    name: "WebAssembly",
    where: "its threads can share memory",
    isTuned: true,
    precisions: ["f32"],
    async find() {
      const { missingPart } = await import("./wasm/support.ts");
      const missing = missingPart();
      if (missing !== undefined) return { missing, remedy: "run a Deno of 2.9 or later" };
      const { openWasm } = await import("./wasm/device.ts");
      return { open: () => openWasm() };
    },
  },
  {
    kind: "gpujs",
    name: "gpu.js",
    fetches: "127 MB, fetched at its first use",
    isTuned: false,
    precisions: ["f32"],
    // 7 pictures of 64×64 by naive-cnn on two cores.
    slowRate: 7 * 3 * 42.3e6,
    async find() {
      const { openGpuJs } = await import("./gpujs/device.ts");
      const { hasSimd } = await import("./wasm/support.ts");
      return { open: () => openGpuJs(hasSimd() ? "webasm" : "cpu") };
    },
    others: {
      "JavaScript": async () => (await import("./gpujs/device.ts")).openGpuJs("cpu"),
    },
  },
];

/** Is it a software adapter, and WebAssembly there, which is faster on the same processor? */
async function isBesideWasm({ info }: GPUAdapter): Promise<boolean> {
  const { allAreGpus, classify } = await import("./webgpu/adapter_class.ts");
  const { missingPart } = await import("./wasm/support.ts");
  return classify(info).class === "software" && !allAreGpus() && missingPart() === undefined;
}

/** Does a device take seconds for what others take milliseconds for? */
export function isSlow({ kind }: Pick<Device, "kind">): boolean {
  return deviceKinds.some((entry) => entry.kind === kind && entry.slowRate !== undefined);
}

/** The entry of a kind. Throws TypeError where there is none. */
export function deviceKind(kind: string): DeviceKind {
  const entry = deviceKinds.find((other) => other.kind === kind);
  if (!entry) throw new TypeError(`No kind of device is called ${kind}: ${deviceKinds.map(({ kind }) => kind)}`);
  return entry;
}
