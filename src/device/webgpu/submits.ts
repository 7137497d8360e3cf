/**
 * How the dispatches of a run are handed to the device: in command buffers that are short enough. Systems reset a GPU
 * that does not answer: Windows after 2 seconds, macOS and Linux' i915 after some more. A training step of VGG16 at
 * batch 64 is 6 TFLOP. So command buffers end after an estimated time, and a dispatch that would take too long by
 * itself is split along its grid.
 *
 * @module
 */

import { MAX_GRID } from "../../../kernels/op.ts";
import { describeSteps } from "../../graph/fused_step.ts";
import type { Rates } from "../rates.ts";
import type { PlannedDispatch } from "./dispatches.ts";

/** Estimated seconds of a command buffer, and of a dispatch, at most. */
const MOST_SECONDS = { commandBuffer: 0.2, dispatch: 0.1 } as const;

/** Rates of a slow GPU, for one that was not measured. */
const UNMEASURED = { flops: 2e11, bytes: 2e10 } as const;

/** Share of the measured rates that kernels are taken to reach. */
const SHARE = 0.5;

/** Seconds that a dispatch is estimated to take. */
export function secondsOf(
  { steps }: Pick<PlannedDispatch, "steps">,
  { flops, bytes }: Pick<Rates, "flops" | "bytes"> = UNMEASURED,
): number {
  const { cost } = describeSteps(steps);
  return Math.max(cost.flops / flops, cost.bytes / bytes) / SHARE;
}

/** The head of every entry point, by which an invocation knows its workgroup. */
const WORKGROUP_ID = "@builtin(workgroup_id) wid: vec3u,";

/**
 * A dispatch in `parts`, which together compute what it does. Each has some rows of its grid, and a number that says
 * which. A table of maps, which has a grid for each of its rows, stays whole.
 */
export function splitDispatch(dispatch: PlannedDispatch, parts: number): PlannedDispatch[] {
  const { code, grid: [width, height], params, scalars } = dispatch;
  const groups = width * height;
  if (parts <= 1 || groups === 1 || !code.includes("var<uniform> p: Params;")) return [dispatch];
  const columns = Math.min(Math.ceil(groups / Math.min(parts, groups)), MAX_GRID);
  const rows = Math.ceil(groups / columns);
  const rowsEach = Math.ceil(rows / parts);
  const [before, after, ...others] = code.split(WORKGROUP_ID);
  if (after === undefined || others.length > 0) throw new TypeError("Cannot split a kernel without an entry point");
  const split = {
    ...dispatch,
    code: before.replace("struct Params {", "struct Params {\n  firstRow: u32,") +
      WORKGROUP_ID.replace("wid", "part") +
      after.replace(") {", ") {\n  let wid = vec3u(part.x, part.y + p.firstRow, 0u);"),
    scalars: scalars.map(({ name, at }) => ({ name, at: at + 1 })),
  };
  return Array.from({ length: Math.ceil(rows / rowsEach) }, (_, k): PlannedDispatch => {
    const firstRow = k * rowsEach;
    return {
      ...split,
      params: Uint32Array.of(firstRow, ...params),
      grid: [columns, Math.min(rowsEach, rows - firstRow), 1],
      // What is in a texture after the first part is there for the others.
      textures: k === 0 ? dispatch.textures : dispatch.textures.map((use) => ({ ...use, copies: false })),
    };
  });
}

/**
 * The dispatches of a run in the command buffers that they are submitted in. A software adapter is reset by nobody:
 * there it is one.
 */
export function commandBuffersOf(
  dispatches: readonly PlannedDispatch[],
  { isSoftware, rates }: { readonly isSoftware: boolean; readonly rates?: Rates },
): readonly (readonly PlannedDispatch[])[] {
  if (isSoftware) return [dispatches];
  const buffers: PlannedDispatch[][] = [];
  let seconds = Infinity;
  for (const dispatch of dispatches) {
    const whole = secondsOf(dispatch, rates);
    const parts = splitDispatch(dispatch, Math.ceil(whole / MOST_SECONDS.dispatch));
    for (const part of parts) {
      if (seconds + whole / parts.length > MOST_SECONDS.commandBuffer) {
        buffers.push([]);
        seconds = 0;
      }
      buffers.at(-1)!.push(part);
      seconds += whole / parts.length;
    }
  }
  return buffers;
}
