/**
 * What kind of adapter it is, by its names: how kernels are written depends on it.
 *
 * Deno (wgpu) gives a PCI or Mesa number as `vendor`, nothing as `architecture` and the driver's name of the device as
 * `description`. Dawn gives `vendor` and `architecture` as words (`nvidia`, `ada-lovelace`), and in Chrome often no
 * more. A page in Firefox learns nothing at all. What the names do not tell is `unknown`, for which rules are those
 * that suit every GPU.
 *
 * An adapter whose names say nothing, and whose product is twice as fast by a processor's tile
 * (`src/device/self_test.ts`), is taken for a software adapter: `isSoftware` is by names and by rates. `FORCE_GPU=1`
 * overrules both, for tests.
 *
 * @module
 */

import type { GpuKind } from "../../../kernels/op.ts";

/** `software`: the processor does a GPU's work. `unknown`: the names do not tell. */
export type AdapterClass = "software" | GpuKind | "unknown";

/** What an adapter is called. */
export type AdapterNames = Pick<GPUAdapterInfo, "vendor" | "architecture" | "device" | "description"> & {
  readonly isFallbackAdapter?: boolean;
};

/** A class, and how it is known. */
export interface Classified {
  readonly class: AdapterClass;
  /** For people. */
  readonly why: string;
}

/** A row of the table: names that match `pattern` are of its class, whatever rows below say. */
interface Rule extends Classified {
  readonly pattern: RegExp;
}

const software = (pattern: RegExp, why: string): Rule => ({ pattern, class: "software", why });
const integrated = (pattern: RegExp, why: string): Rule => ({ pattern, class: "integrated", why });
const discrete = (pattern: RegExp, why: string): Rule => ({ pattern, class: "discrete", why });

/**
 * Matched with `vendor architecture description` in lower case, without (TM), (R) and brackets, the first row first.
 * Numbers are the PCI vendors' in decimal, as wgpu gives them.
 */
const RULES: readonly Rule[] = [
  // Names of software come first: a virtual GPU carries the name of what it stands for, such as `virgl (llvmpipe …)`.
  software(/llvmpipe|lavapipe|softpipe|swrast/, "Mesa's rasterizers, of OpenGL and Vulkan"),
  software(/swiftshader|software (adapter|rasteri[sz]er)/, "Google's Vulkan on a processor, and what says so itself"),
  software(/basic render|\bwarp\b|^(5140|microsoft)\b/, "WARP, the rasterizer of Windows"),
  software(/parallels|^6840\b/, "Parallels passes no compute on: WARP runs behind its name"),
  {
    pattern: /virtualbox|vmware|svga3d|\bqxl\b/,
    class: "unknown",
    why: "a virtual adapter: what is behind it is not said",
  },
  { pattern: /\bapple\b|\bmetal-\d/, class: "apple", why: "Apple's own, a guest's paravirtual one too" },
  // Intel: of the Arcs those with a card's number are cards; `Arc Graphics` and `Arc 140V` are parts of processors.
  discrete(/\barc (pro )?[ab]\d{2,3}m?\b|\bgen-12hp\b|\bxe-\d?hpg\b|\biris xe max\b|\bdg[12]\b/, "Intel's cards"),
  integrated(/^32902\b|\bintel\b/, "Intel's processors: HD, UHD, Iris, Arc without a card's number"),
  // AMD: Mesa adds the chip's name, which says more than the one on the box.
  discrete(/\b(navi\d+|vega(10|12|20)|polaris\d+|fiji|tonga|hawaii|gfx12\d\d)\b/, "AMD's cards, by the chip"),
  integrated(
    /\b(renoir|cezanne|lucienne|barcelo|raven2?|picasso|vangogh|mendocino|rembrandt|raphael|phoenix2?|strix\w*|krackan\w*)\b/,
    "AMD's processors, by the chip",
  ),
  integrated(/\bgfx(90[29c]|1013|103[5-7]|110[34]|115\d)\b|\bcustom gpu\b/, "AMD's processors, by the chip's number"),
  integrated(
    /\bradeon (rx )?vega ([2-9]|10|11)\b|\bradeon (r[2-7] )?graphics\b|\bradeon ([5-9]\d0m|80\d0s)\b/,
    "AMD's processors, by the name on the box: 780M, 8060S, Vega with at most 11 units",
  ),
  discrete(/^4098\b|\b(amd|radeon|firepro|instinct)\b/, "AMD's cards: all others of AMD"),
  integrated(/\b(tegra|orin|thor|jetson)\b/, "NVIDIA's in one chip with a processor"),
  discrete(/^4318\b|\b(nvidia|geforce|quadro|tesla|rtx)\b/, "NVIDIA's cards"),
  integrated(
    /^(5045|20803|4112|5348|5197)\b|\b(adreno|qualcomm|mali|immortalis|powervr|img-tec|xclipse|samsung|v3d)\b|^arm\b/,
    "a telephone's or a single board's",
  ),
];

/**
 * The class of an adapter, and how it is known.
 *
 * @param names Its `info`.
 */
export function classify(names: AdapterNames): Classified {
  const { vendor, architecture, description } = names;
  const text = [vendor, architecture, description].join(" ").toLowerCase().replaceAll(/\((tm|r)\)|[()]/g, " ");
  const rule = RULES.find(({ pattern }) => pattern.test(text.replaceAll(/\s+/g, " ").trim()));
  if (rule?.class !== "software" && names.isFallbackAdapter) return { class: "software", why: "it says so itself" };
  return rule ?? { class: "unknown", why: "its names say nothing that is known" };
}

let areAllGpus = false;

/**
 * Makes every adapter that is opened from now on a GPU, whatever its names and its self-test say, or no longer. It is
 * for tests of what is written for GPUs, where there is none. `FORCE_GPU=1` in the environment does it (`heedForceGpu`
 * in `src/device/host.ts`).
 */
export function takeAllForGpus(all = true): void {
  areAllGpus = all;
}

/** Are all adapters taken for GPUs? */
export function allAreGpus(): boolean {
  return areAllGpus;
}
