/**
 * Compiles texts by Tint, Dawn's compiler of WGSL, on Dawn's null backend: it needs no driver and checks all that
 * WebGPU demands of a text, a layout and a pipeline.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { cacheFolder } from "../../src/data/store/cache_folder.ts";
import { WebGpuContext } from "../../src/device/webgpu/context.ts";
import type { PlannedDispatch } from "../../src/device/webgpu/dispatches.ts";
import { type Dawn, loadDawn, VERSION } from "./package.ts";
import type { Texts } from "./texts.ts";

/** Longer texts are passed over, and counted. */
const MOST_CHARACTERS = 2 ** 18;

/** Dawn, or why it is not here. */
export const dawn = await loadDawn();

/** Every implementation and device in use: what the collector takes while Dawn uses it ends the process. */
const kept: unknown[] = [];

/**
 * A device of Dawn's null backend, which has the limits that WebGPU promises.
 *
 * @param isFallbackAdapter Does it say of itself that it is a software adapter?
 */
export async function openNullDevice(isFallbackAdapter: boolean): Promise<{ gpu: GPUDevice; info: GPUAdapterInfo }> {
  const { create, globals } = dawn as Dawn;
  // Dawn's names are given where Deno lacks them alone: other tests of the process have Deno's.
  for (const [name, value] of Object.entries(globals)) {
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true });
  }
  const implementation = create(["backend=null"]);
  const adapter = (await implementation.requestAdapter())!;
  const gpu = await adapter.requestDevice({ requiredFeatures: ["shader-f16"] });
  kept.push(implementation, adapter, gpu);
  const names = { vendor: "", architecture: "", device: "", description: "Dawn's null backend" };
  return { gpu, info: { ...names, isFallbackAdapter, subgroupMinSize: 4, subgroupMaxSize: 128 } };
}

/** What a pass depends on. */
function keyOf({ code, bindings, textures }: PlannedDispatch): string {
  return [`webgpu ${VERSION}, ${bindings.map(({ access }) => access)}`, ...textures.map(({ format }) => format), code]
    .join("\n");
}

/** What Tint has passed before, a file for each part of the texts. */
class Passes {
  readonly #folder = `${cacheFolder()}/tint`;
  readonly #known = new Set<string>();
  readonly #seen = new Map<string, string>();

  async read(): Promise<void> {
    await Deno.mkdir(this.#folder, { recursive: true });
    for await (const { name } of Deno.readDir(this.#folder)) {
      const lines = (await Deno.readTextFile(`${this.#folder}/${name}`)).split("\n");
      for (const line of lines) this.#known.add(line);
    }
  }

  /** Notes that a text is asked for. Is it new: neither asked for before nor kept as passed? */
  isNew(key: string): boolean {
    if (this.#seen.has(key)) return false;
    const hash = createHash("sha256").update(key).digest("base64url");
    this.#seen.set(key, hash);
    return !this.#known.has(hash);
  }

  /** Takes back that a text passes. */
  refuse(key: string): void {
    this.#seen.delete(key);
  }

  /** Texts that were asked for and passed, now or before. */
  get size(): number {
    return this.#seen.size;
  }

  /** Keeps what was asked for and passed, instead of what was kept for this part before. */
  async write(part: string): Promise<void> {
    await Deno.writeTextFile(`${this.#folder}/${part}.txt`, [...this.#seen.values()].join("\n"));
  }
}

/** Does the null backend, which has the limits that WebGPU promises, take the dispatch's layout? */
function isWithinLimits({ gpu: { limits } }: WebGpuContext, { bindings, textures }: PlannedDispatch): boolean {
  return bindings.length <= limits.maxStorageBuffersPerShaderStage &&
    textures.length <= limits.maxStorageTexturesPerShaderStage;
}

/**
 * Compiles one dispatch as a program does, or its text alone where its layout is beyond the limits; gives what Dawn
 * complains of.
 */
async function complaint(context: WebGpuContext, dispatch: PlannedDispatch): Promise<string | undefined> {
  const { gpu } = context;
  const { code, bindings, textures } = dispatch;
  gpu.pushErrorScope("validation");
  if (isWithinLimits(context, dispatch)) {
    context.pipelines.of({ code, layout: context.layout(bindings, textures.map(({ format }) => format)) });
  } else {
    gpu.createShaderModule({ code });
  }
  return (await gpu.popErrorScope())?.message;
}

/**
 * A test for one part of the texts, with a step for each source of them: all of its texts compile.
 *
 * @param part Name of the part: what passed is kept under it.
 * @param sources Texts by what they are of.
 */
export function testTexts(part: string, sources: ReadonlyMap<string, () => Texts>): void {
  Deno.test({
    name: `Tint compiles the texts of ${part}${typeof dawn === "string" ? `: npm's webgpu is not here (${dawn})` : ""}`,
    ignore: typeof dawn === "string",
    async fn(t) {
      const { gpu, info } = await openNullDevice(false);
      const context = new WebGpuContext(gpu, info);
      const passes = new Passes();
      await passes.read();
      const counts = { dispatches: 0, compiled: 0, alone: 0, tooLong: 0 };
      for (const [source, texts] of sources) {
        await t.step(source, async () => {
          const refused: string[] = [];
          for (const [name, dispatch] of texts()) {
            counts.dispatches++;
            if (dispatch.code.length > MOST_CHARACTERS) {
              counts.tooLong++;
              continue;
            }
            const key = keyOf(dispatch);
            if (!passes.isNew(key)) continue;
            counts.compiled++;
            if (!isWithinLimits(context, dispatch)) counts.alone++;
            const message = await complaint(context, dispatch);
            if (message === undefined) continue;
            passes.refuse(key);
            refused.push(`${name}: ${message}`);
          }
          if (refused.length > 0) throw new Error(`${refused.length} texts are refused\n${refused.join("\n")}`);
        });
      }
      await passes.write(part);
      const { dispatches, compiled, alone, tooLong } = counts;
      console.log(
        `${part}: ${passes.size} texts of ${dispatches} dispatches, ${compiled} compiled now, of them ${alone} without a layout; ${tooLong} too long`,
      );
    },
  });
}
