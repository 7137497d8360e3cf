import { assert, assertEquals } from "@std/assert";
import { heedForceGpu } from "../../src/device/host.ts";
import type { WebGpuDevice } from "../../src/device/webgpu/device.ts";
import {
  type AdapterClass,
  type AdapterNames,
  allAreGpus,
  classify,
  takeAllForGpus,
} from "../../src/device/webgpu/adapter_class.ts";
import { withVariables } from "../environment.ts";
import { devices, openAsGpu } from "../kernels/devices.ts";

/** As wgpu in Deno has it: the PCI vendor, no architecture, the device's number, the driver's name of it. */
const wgpu = (vendor: number, description: string, isFallbackAdapter = false): AdapterNames => ({
  ...{ vendor: `${vendor}`, architecture: "", device: "9860", description, isFallbackAdapter },
});

/** As Chrome has it, and Dawn in Node with a description. */
const dawn = (vendor: string, architecture: string, description = ""): AdapterNames => ({
  ...{ vendor, architecture, device: "", description },
});

const NVIDIA = 4318, AMD = 4098, INTEL = 32902, MESA = 65541, MICROSOFT = 5140, APPLE = 0;

const cases: Readonly<Record<AdapterClass, readonly AdapterNames[]>> = {
  discrete: [
    wgpu(NVIDIA, "NVIDIA GeForce RTX 4090"),
    wgpu(NVIDIA, "NVIDIA H100 80GB HBM3"),
    wgpu(NVIDIA, "Quadro P2000"),
    wgpu(NVIDIA, "Microsoft Direct3D12 (NVIDIA GeForce RTX 3080)"),
    dawn("nvidia", "ada-lovelace"),
    dawn("nvidia", "hopper", "NVIDIA H100 80GB HBM3"),
    wgpu(AMD, "AMD Radeon RX 7900 XTX (RADV NAVI31)"),
    wgpu(AMD, "AMD Radeon Graphics (RADV NAVI33)"),
    wgpu(AMD, "AMD Radeon RX 580 Series (polaris10, LLVM 15.0.7, DRM 3.49, 6.1.0-18-amd64)"),
    wgpu(AMD, "Radeon RX Vega 56"),
    wgpu(AMD, "AMD Radeon RX 6600M"),
    wgpu(0, "AMD Radeon Pro 5500M"),
    dawn("amd", "rdna-3"),
    wgpu(INTEL, "Intel(R) Arc(TM) A770 Graphics"),
    wgpu(INTEL, "Intel(R) Arc(tm) A380 Graphics (DG2)"),
    wgpu(INTEL, "Intel(R) Arc(TM) B580 Graphics"),
    wgpu(INTEL, "Intel(R) Arc(TM) Pro A60M Graphics"),
    dawn("intel", "gen-12hp"),
    wgpu(AMD, "Virtio-GPU Venus (AMD Radeon RX 7600M XT (RADV NAVI33))"),
  ],
  integrated: [
    wgpu(AMD, "AMD Radeon(TM) Graphics"),
    wgpu(AMD, "AMD Radeon Graphics (RADV RENOIR)"),
    wgpu(AMD, "AMD Radeon 780M (RADV PHOENIX)"),
    wgpu(AMD, "AMD Radeon(TM) 8060S Graphics"),
    wgpu(AMD, "AMD Radeon Vega 8 Graphics"),
    wgpu(AMD, "AMD Radeon RX Vega 10 Graphics (RADV RAVEN)"),
    wgpu(AMD, "AMD Custom GPU 0405 (RADV VANGOGH)"),
    wgpu(AMD, "AMD Radeon Graphics (renoir, LLVM 15.0.7, DRM 3.49, 6.1.0)"),
    wgpu(INTEL, "Intel(R) UHD Graphics 620 (KBL GT2)"),
    wgpu(INTEL, "Intel(R) Iris(R) Xe Graphics"),
    wgpu(INTEL, "Mesa Intel(R) Graphics (ADL GT2)"),
    wgpu(INTEL, "Intel(R) Arc(TM) Graphics"),
    wgpu(INTEL, "Intel(R) Arc(TM) 140V GPU (16GB)"),
    wgpu(0, "Intel(R) UHD Graphics 630"),
    dawn("intel", "gen-12lp"),
    dawn("intel", "xe-2lpg"),
    wgpu(20803, "Qualcomm(R) Adreno(TM) X1-85 GPU"),
    wgpu(20803, "Adreno (TM) 740"),
    wgpu(5045, "Mali-G78"),
    dawn("arm", "valhall"),
    dawn("qualcomm", "adreno-7xx"),
    dawn("samsung", "rdna-2", "Samsung Xclipse 920"),
    wgpu(5348, "V3D 7.1.7"),
    wgpu(NVIDIA, "NVIDIA Tegra Orin (nvgpu)"),
  ],
  apple: [
    wgpu(APPLE, "Apple M1"),
    wgpu(APPLE, "Apple M4 Max"),
    wgpu(APPLE, "Apple Paravirtual device"),
    wgpu(4203, "Apple M2 Pro (G14S B1)"),
    wgpu(4203, "Virtio-GPU Venus (Apple M1 Max)"),
    dawn("apple", "metal-3"),
    dawn("apple", "common-3", "Apple GPU"),
  ],
  software: [
    wgpu(MESA, "llvmpipe (LLVM 15.0.6, 256 bits)", true),
    wgpu(MESA, "llvmpipe (LLVM 15.0.6, 256 bits)"),
    wgpu(AMD, "virgl (LLVMPIPE (LLVM 15.0.6, 256 bits))"),
    wgpu(6880, "SwiftShader Device (Subzero)"),
    wgpu(6880, "SwiftShader Device (LLVM 10.0.0)"),
    dawn("google", "swiftshader"),
    wgpu(MICROSOFT, "Microsoft Basic Render Driver"),
    dawn("microsoft", "warp"),
    dawn("microsoft", ""),
    wgpu(6840, "Parallels Display Adapter (WDDM)"),
    wgpu(0, "something new", true),
    wgpu(0, "noop wgpu backend", true),
  ],
  unknown: [
    dawn("", ""),
    wgpu(0, "a GPU"),
    wgpu(6900, "Virtio-GPU Venus"),
    wgpu(5549, "VMware SVGA 3D"),
    wgpu(5549, "SVGA3D; build: RELEASE;  LLVM;"),
  ],
};

for (const [name, adapters] of Object.entries(cases)) {
  Deno.test(`adapters that are ${name}`, () => {
    for (const adapter of adapters) {
      const { class: found, why } = classify(adapter);
      assertEquals(found, name, `${JSON.stringify(adapter)}: ${why}`);
      assert(why.length > 10, why);
    }
  });
}

Deno.test({
  name: "rates of a processor make one of an adapter, unless all are taken for GPUs",
  ignore: !devices[0].present,
  async fn() {
    const rates = { flops: 1e9, bytes: 1e9, readBack: 0.01, queueDepth: 1, isProcessor: true };
    const before = allAreGpus();
    const open = async (device: Promise<WebGpuDevice | undefined>) => {
      await using opened = (await device)!;
      const byName = opened.isSoftware;
      opened.rates = rates;
      return [byName, opened.isSoftware];
    };
    try {
      takeAllForGpus(false);
      assertEquals(await open(openAsGpu()), [false, true]);
      takeAllForGpus();
      assertEquals(await open(openAsGpu()), [false, false]);
      assertEquals(await open(openAsGpu("llvmpipe")), [false, false]);
      takeAllForGpus(false);
      assertEquals(await open(openAsGpu("llvmpipe")), [true, true]);
    } finally {
      takeAllForGpus(before);
    }
  },
});

Deno.test("FORCE_GPU=1 takes all adapters for GPUs, and nothing else does", () => {
  const before = allAreGpus();
  try {
    for (const [value, wanted] of [["0", false], ["", false], ["1", true]] as const) {
      takeAllForGpus(false);
      using _ = withVariables({ FORCE_GPU: value });
      heedForceGpu();
      assertEquals(allAreGpus(), wanted, value);
    }
  } finally {
    takeAllForGpus(before);
  }
});
