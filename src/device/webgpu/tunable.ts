/**
 * What the tuner asks of WebGPU.
 *
 * @module
 */

import type { Tunable } from "../tuner.ts";
import type { WebGpuContext } from "./context.ts";
import { WebGpuSession } from "./session.ts";

/** Ways that a quick tuning times. On a software adapter most of the time goes into compiling. */
const QUICK = { processor: 3, gpu: 6 } as const;

/** An adapter for the tuner. */
export function tunable(context: WebGpuContext): Tunable {
  return {
    target: context,
    quick: QUICK[context.isSoftware ? "processor" : "gpu"],
    hasClock: context.gpu.features.has("timestamp-query"),
    compile: (graph, choices) => context.compile(graph, choices),
    open: (choices) => new WebGpuSession(context, choices),
  };
}
