/**
 * Prints the WGSL of a step for people: what is bound, then the text, indented.
 *
 * @module
 */

import { RULES } from "../../graph/choices.ts";
import type { CompiledProgram, CompileTarget } from "../../graph/compile.ts";
import { describeStep } from "../../graph/fused_step.ts";
import { type Place, placeKey } from "../../graph/place.ts";
import { tensorName } from "../../graph/print.ts";
import type { TargetDevice } from "./bound_step.ts";
import { assemble } from "./dispatches.ts";
import { webGpuTarget } from "./limits.ts";

/** What texts are printed for: devices of the limits that WebGPU promises, with tensors of any size. */
export const printTargets: Readonly<Record<"gpu" | "processor", TargetDevice>> = {
  gpu: { isSoftware: false, readsTextures: false, bindsReadOnly: true },
  processor: { isSoftware: true, readsTextures: true, bindsReadOnly: false },
};

/** What programs are compiled to for one of them. */
export function printTarget({ bindsReadOnly }: TargetDevice): CompileTarget {
  const most = Number.MAX_SAFE_INTEGER;
  return webGpuTarget({ maxBuffer: most, maxBinding: most, alternates: bindsReadOnly });
}

const placeText = (place: Place): string =>
  "page" in place ? `page ${place.page} at ${place.offset}` : `${place.in} ${place.name}`;

/** The WGSL of step `at` of a program, in a dispatch of its own. */
export function printCode(program: CompiledProgram, at: number, device: TargetDevice): string {
  const step = program.steps[at];
  const { code, params, bindings, textures, grid } = assemble(step, program, device, RULES);
  const { name, shapes } = describeStep(step);
  const touched = new Map([...step.reads, ...step.writes].map((node) => [placeKey(program.places.get(node)!), node]));
  const bound = (place: Place, what: string) => {
    const node = touched.get(placeKey(place));
    return `// ${what}: ${node ? `${tensorName(node)} [${node.shape.join(",")}], ` : ""}${placeText(place)}`;
  };
  return [
    `// step ${at}: ${name}, ${shapes.map((shape) => `[${shape.join(",")}]`).join(" ")}`,
    ...bindings.map((place, k) => bound(place, `b${k}`)),
    ...textures.map(({ place }, k) => bound(place, `t${k}`)),
    `// numbers: ${[...params].join(" ")}`,
    `// grid: ${grid.join(" × ")} workgroups`,
    indented(code),
  ].join("\n");
}

/** A text with two spaces for every bracket that is open where a line begins, and no two empty lines in a row. */
export function indented(code: string): string {
  let depth = 0;
  const lines = code.split("\n").map((line) => {
    const text = line.trim();
    const [bare] = text.split("//");
    const closing = /^[)\]}]+/.exec(bare)?.[0].length ?? 0;
    const at = depth - closing;
    depth += (bare.match(/[([{]/g)?.length ?? 0) - (bare.match(/[)\]}]/g)?.length ?? 0);
    return text === "" ? "" : "  ".repeat(Math.max(0, at)) + text;
  });
  return lines.join("\n").replaceAll(/\n{3,}/g, "\n\n").trimEnd() + "\n";
}
