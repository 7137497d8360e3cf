/**
 * What WebGPU devices allow, and what programs are compiled to for it. No adapter is needed.
 *
 * @module
 */

import type { CompileTarget } from "../../graph/compile.ts";
import { ALIGNMENT } from "../../graph/place.ts";

/** Storage buffers that every device lets a dispatch have. */
export const PROMISED = 8;

/**
 * Storage buffers that a dispatch has at most, whatever a device reports. On Metal all buffers of a pipeline share 31
 * slots. The uniform buffer is among them, and so is the one in which wgpu passes the sizes of arrays. Yet wgpu 29
 * reports all 31 as storage buffers (gfx-rs/wgpu#8173, #9287): 28 leave one to spare. More would save little: with 42,
 * ResNet-50 has 5 of 869 dispatches less.
 */
export const MOST_STORAGE = 28;

/** Sizes that a device reports, in bytes. */
export interface BufferSizes {
  /** Largest buffer. */
  readonly maxBuffer: number;
  /** Largest part of a buffer that a kernel can see. */
  readonly maxBinding: number;
}

/** What a device allows, as it reports it. */
export interface DeviceLimits extends BufferSizes {
  /** Tensors that a dispatch may touch; by default what WebGPU promises. */
  readonly maxTensors?: number;
  /** Largest buffer of temporaries, in bytes, unless one alone is larger; by default `maxBuffer`. */
  readonly maxPage?: number;
  /** Should results lie in other buffers than their operands, which can then be bound for reading alone? */
  readonly alternates?: boolean;
}

/** What programs are compiled to for a device of such limits. */
export function webGpuTarget(limits: DeviceLimits): CompileTarget {
  const { maxBinding, maxBuffer } = usable(limits);
  const { maxTensors = PROMISED, maxPage = maxBuffer, alternates } = limits;
  return {
    fusion: {
      ...{ prologues: true, epilogues: true, manyWrites: true },
      ...{ maxBindings: PROMISED, maxJoined: Math.min(maxTensors, MOST_STORAGE) },
    },
    maxTensor: maxBinding,
    maxBuffer,
    arena: { maxPage: Math.min(maxPage, maxBuffer), alternates },
  };
}

/**
 * What can be used of the sizes that a device reports: whole units of {@link ALIGNMENT}, and what is bound lies in a
 * buffer.
 */
export function usable({ maxBinding, maxBuffer }: BufferSizes): BufferSizes {
  const whole = (bytes: number) => Math.floor(bytes / ALIGNMENT) * ALIGNMENT;
  return { maxBinding: whole(Math.min(maxBinding, maxBuffer)), maxBuffer: whole(maxBuffer) };
}
