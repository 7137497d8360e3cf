import { assertEquals } from "@std/assert";
import { classify } from "../../src/device/webgpu/adapter_class.ts";
import { assumedMemory } from "../../src/device/webgpu/assumed_memory.ts";

const GiB = 2 ** 30;

/** What adapters are called by Deno's WebGPU, and by Chrome's, and whether they share the host's memory. */
const adapters: readonly [vendor: string, architecture: string, description: string, shares: boolean][] = [
  ["0", "", "Apple M2 Pro", true],
  ["apple", "metal-3", "", true],
  ["32902", "", "Intel(R) UHD Graphics 620", true],
  ["32902", "", "Intel(R) Iris(R) Xe Graphics (TGL GT2)", true],
  ["32902", "", "Intel(R) Arc(TM) Graphics (MTL)", true],
  ["32902", "", "Intel(R) Arc(TM) A770 Graphics (DG2)", false],
  ["32902", "", "Intel(R) Arc(TM) B580 Graphics", false],
  ["32902", "", "Intel(R) Arc(TM) A370M Graphics (DG2)", false],
  ["intel", "gen-12lp", "", true],
  ["4098", "", "AMD Radeon Graphics (RADV RENOIR)", true],
  ["4098", "", "AMD Radeon(TM) Vega 8 Graphics", true],
  ["4098", "", "AMD Radeon 780M (RADV PHOENIX)", true],
  ["4098", "", "AMD Custom GPU 0405 (RADV VANGOGH)", true],
  ["4098", "", "AMD Radeon RX 6800 XT (RADV NAVI21)", false],
  ["4098", "", "AMD Radeon RX 6600M", false],
  ["4098", "", "AMD Radeon Pro 5500M", false],
  ["4318", "", "NVIDIA GeForce RTX 4090", false],
  ["4318", "", "NVIDIA H100 80GB HBM3", false],
  ["nvidia", "ampere", "", false],
  ["4318", "", "NVIDIA Tegra Orin (nvgpu)", true],
  ["qualcomm", "adreno-7xx", "", true],
  ["5045", "", "Mali-G78", true],
  ["", "", "", false],
];
for (const [vendor, architecture, description, shares] of adapters) {
  Deno.test(`assumedMemory() of ${description || vendor || "an adapter without a name"}`, () => {
    const { class: adapter } = classify({ vendor, architecture, device: "", description });
    assertEquals(assumedMemory(adapter, () => 12 * GiB), shares ? 6 * GiB : 4 * GiB);
    assertEquals(assumedMemory(adapter, () => undefined), 4 * GiB);
  });
}
