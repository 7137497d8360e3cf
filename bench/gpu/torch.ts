/**
 * PyTorch beside Fovea, on the same card: one process for the whole report.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { Attrs, Shape } from "../../kernels/op.ts";
import { isSilence, LineProcess, type Silence } from "./lines.ts";

/** What PyTorch is asked to time. */
export type TorchQuestion =
  | { readonly what: "product"; readonly size: number; readonly precision: "f32" | "tf32" | "f16" }
  | { readonly what: "copy"; readonly elements: number }
  | {
    readonly what: "convolution";
    readonly op: string;
    readonly inputs: readonly Shape[];
    readonly output: Shape;
    readonly attrs: Attrs;
  }
  | {
    readonly what: "train";
    readonly network: string;
    readonly imageSize: number;
    readonly batch: number;
    readonly precision: "f32" | "f16";
  };

/** Pythons that are asked in turn: the first that has torch, and sees a card, answers. */
const PYTHONS = Deno.build.os === "windows" ? ["python", "py"] : ["python3", "/usr/bin/python3"];

const script = fileURLToPath(new URL("../peers/torch_lines.py", import.meta.url));

/** PyTorch, or why there is none. */
export interface Torch extends AsyncDisposable {
  /** For people: its version and what it runs on, or why it does not run. */
  readonly line: string;
  readonly isLeftOut: boolean;
  /** How products can be computed: TF32 is NVIDIA's. */
  readonly products: readonly ("f32" | "tf32" | "f16")[];
  /** Median seconds. */
  ask(question: TorchQuestion, seconds: number): Promise<{ readonly seconds: number } | Silence>;
}

/** No PyTorch, for this reason. */
export function withoutTorch(why: string): Torch {
  return {
    line: `PyTorch is left out: ${why}.`,
    ...{ isLeftOut: true, products: [] },
    ask: () => Promise.resolve({ why }),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Looks for a PyTorch that sees a card. */
export async function openTorch(): Promise<Torch> {
  const reasons: string[] = [];
  for (const python of PYTHONS) {
    const process = new LineProcess(python, [script]);
    // Importing PyTorch takes half a minute from a cold disk.
    const hello = await process.ask<{ version: string; device: string; name: string }>({ what: "hello" }, 60);
    if (!isSilence(hello)) {
      return {
        line: `PyTorch ${hello.version} on ${hello.name}, its TF32 off in float32, cuDNN's choices measured, a batch ` +
          "uploaded each step as Fovea does.",
        isLeftOut: false,
        products: hello.device === "cuda" ? ["f32", "tf32", "f16"] : ["f32", "f16"],
        ask: (question, seconds) => process.ask(question, Math.min(60, seconds)),
        [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
      };
    }
    await process[Symbol.asyncDispose]();
    reasons.push(`${python}: ${hello.why}`);
  }
  return withoutTorch(reasons.join("; "));
}
