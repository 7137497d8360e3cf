/**
 * Steps that are maps over elements.
 *
 * @module
 */

import { sizeOf } from "../../../../kernels/op.ts";
import type { FusedStep } from "../../../graph/fused_step.ts";
import type { WrittenJob, WrittenStep } from "../written.ts";
import { WatModule } from "./module.ts";
import { defineEmit, defineRange, storing } from "./range.ts";
import { add, at, get, least, mul, set } from "./wat.ts";

/** Elements of a chunk: a few hundred microseconds at most. */
const IN_CHUNK = 2 ** 15;

/** The job of a map. */
export function writeMap(step: FusedStep, relaxed: boolean): WrittenStep {
  const { roots, writes } = step;
  const { shape } = writes[0];
  const module = new WatModule(relaxed);
  const name = defineRange(module, { name: "map", step, roots, shape, sink: storing(module, writes) });
  return { jobs: [overElements(module, sizeOf(shape), IN_CHUNK, (begin, end) => `(call $${name} ${begin} ${end})`)] };
}

/** The job of what a kernel's own values, which lie in the workspace, are given to on their way. */
export function writeEpilogue(step: FusedStep, relaxed: boolean): WrittenJob {
  const module = new WatModule(relaxed);
  const name = defineEmit(module, step);
  const own = (begin: string) => at(module.arg({ workspace: 0 }, "own"), begin);
  const total = sizeOf(step.writes[0].shape);
  return overElements(module, total, IN_CHUNK, (begin, end) => `(call $${name} ${begin} ${end} ${own(begin)})`);
}

/** A job that does a range of elements, or of other things, a chunk. */
export function overElements(
  module: WatModule,
  total: number,
  inChunk: number,
  body: (begin: string, end: string) => string,
) {
  const each = module.arg(inChunk, "chunk");
  return module.job(Math.max(1, Math.ceil(total / inChunk)), "(local $first i32)", [
    set("first", mul(get("chunk"), each)),
    body(get("first"), least(add(get("first"), each), module.arg(total, "total"))),
  ]);
}
