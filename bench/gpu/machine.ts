/**
 * What a report says of the machine: the adapter, its driver where a program of the system tells, Deno, and Fovea's
 * commit.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import manifest from "../../deno.json" with { type: "json" };
import { classify } from "../../src/device/webgpu/adapter_class.ts";

/** What a report says of the machine. */
export interface Machine {
  readonly fovea: string;
  readonly adapter: {
    readonly description: string;
    readonly vendor: string;
    readonly architecture: string;
    readonly device: string;
    readonly isSoftware: boolean;
    readonly features: readonly string[];
    readonly limits: Readonly<Record<string, number>>;
  };
  /** Undefined where nothing here tells. */
  readonly driver?: string;
  readonly deno: string;
  readonly system: string;
  readonly cores: number;
}

/** Vendors by their numbers, which is what Deno gives: PCI's, and Khronos' for Mesa. */
const VENDORS: Readonly<Record<number, string>> = {
  0x1002: "AMD",
  0x106b: "Apple",
  0x10de: "NVIDIA",
  0x13b5: "Arm",
  0x1414: "Microsoft",
  0x5143: "Qualcomm",
  0x8086: "Intel",
  0x10005: "Mesa",
};

/** Is it a software adapter? Not all of them say so. */
export const isSoftware = (info: GPUAdapterInfo): boolean => classify(info).class === "software";

const hexadecimal = (number: string): string => /^\d+$/.test(number) ? `0x${Number(number).toString(16)}` : number;

/** What a program prints; undefined where it is not there, fails, or takes more than ten seconds. */
async function printed(command: string, ...args: string[]): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(10_000);
    const { success, stdout } = await new Deno.Command(command, { args, signal, stdin: "null", stderr: "null" })
      .output();
    const text = new TextDecoder().decode(stdout).trim();
    return success && text ? text : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    throw error;
  }
}

/** NVIDIA's cards with driver and memory, as its own tool lists them. */
async function nvidia(): Promise<string | undefined> {
  const query = "--query-gpu=name,driver_version,memory.total,power.limit";
  const lines = (await printed("nvidia-smi", query, "--format=csv,noheader"))?.split("\n").map((line) => line.trim());
  return lines && `nvidia-smi: ${lines.join("; ")}`;
}

/** Names and versions of the Vulkan drivers, software ones left out. */
async function vulkan(): Promise<string | undefined> {
  const summary = await printed("vulkaninfo", "--summary");
  const values = (key: string) =>
    [...(summary ?? "").matchAll(new RegExp(`^\\s*${key}\\s*= (.+)$`, "gm"))].map(([, value]) => value.trim());
  const info = values("driverInfo");
  const drivers = values("driverName").map((name, k) => `${name} ${info[k] ?? ""}`.trim());
  const isCard = (description: string) =>
    classify({ vendor: "", architecture: "", device: "", description }).class !== "software";
  const cards = drivers.filter(isCard);
  return cards.length > 0 ? `Vulkan: ${cards.join("; ")}` : undefined;
}

async function driver(): Promise<string | undefined> {
  if (Deno.build.os === "darwin") return "of the system";
  if (Deno.build.os !== "windows") return await nvidia() ?? await vulkan();
  const script = "Get-CimInstance Win32_VideoController | ForEach-Object { $_.Name + ' ' + $_.DriverVersion }";
  const listed = await printed("powershell", "-NoProfile", "-Command", script);
  return await nvidia() ?? listed?.split(/\r?\n/).join("; ");
}

async function system(): Promise<string> {
  const { os, arch } = Deno.build;
  if (os === "darwin") return `macOS ${await printed("sw_vers", "-productVersion") ?? Deno.osRelease()} ${arch}`;
  if (os !== "linux") return `${os} ${Deno.osRelease()} ${arch}`;
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const [, name] = /^PRETTY_NAME="?([^"\n]+)/m.exec(release) ?? [];
  return `${name ? `${name}, ` : ""}Linux ${Deno.osRelease()} ${arch}`;
}

/** Version, commit, and whether files differ from it. */
async function fovea(): Promise<string> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const git = (...args: string[]) => printed("git", "-C", root, ...args);
  const commit = await git("rev-parse", "--short=10", "HEAD");
  if (!commit) return `${manifest.version}, commit not known`;
  const changed = await git("status", "--porcelain", "--untracked-files=no");
  return `${manifest.version} at ${commit}${changed ? " with changes" : ""}`;
}

const LIMITS = [
  "maxStorageBufferBindingSize",
  "maxBufferSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** Looks about. */
export async function machineWith({ info, features, limits }: GPUAdapter): Promise<Machine> {
  const { description, vendor, architecture, device } = info;
  return {
    fovea: await fovea(),
    adapter: {
      description,
      vendor: VENDORS[Number(vendor)] ?? hexadecimal(vendor),
      architecture,
      device: hexadecimal(device),
      isSoftware: isSoftware(info),
      features: [...features],
      limits: Object.fromEntries(LIMITS.map((name) => [name, limits[name]])),
    },
    driver: await driver(),
    deno: Deno.version.deno,
    system: await system(),
    cores: navigator.hardwareConcurrency,
  };
}

/** The report's first line. */
export function lineOf({ fovea, adapter, driver, deno, system, cores }: Machine): string {
  const { description, vendor, architecture, device } = adapter;
  const words = [`vendor ${vendor || "–"}`, `architecture ${architecture || "–"}`, `device ${device || "–"}`];
  return `${description || "an adapter without a name"} (${words.join(", ")}), driver ${driver ?? "not known"}, ` +
    `Deno ${deno}, ${system}, ${cores} cores, Fovea ${fovea}`;
}

/** Why there is nothing to report without a card, and how there would be, in one line. */
export async function noCard(adapter: GPUAdapter | undefined): Promise<string> {
  const found = adapter
    ? `WebGPU finds only ${adapter.info.description || "an adapter"}, which runs on the processor`
    : "WebGPU finds no adapter";
  const seen = await nvidia();
  const advice = seen
    ? `but ${seen}: install the Vulkan loader and NVIDIA's Vulkan driver (Debian, Ubuntu: libvulkan1 libnvidia-gl-*)`
    : "run `deno task bench --gpu` where a card has its maker's driver (on Linux with Vulkan)";
  const trial = adapter ? "; --adapter any tries the command here, at tiny sizes" : "";
  return `No graphics card to time: ${found}; ${advice}${trial}`;
}
