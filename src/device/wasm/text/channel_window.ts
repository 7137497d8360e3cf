/**
 * Sums over neighbouring channels: a picture's channel at a time, whose sums are collected in scratch.
 *
 * @module
 */

import { opNamed } from "../../../../kernels/mod.ts";
import { callOf, storageOf } from "../../../graph/graph.ts";
import type { FusedStep } from "../../../graph/fused_step.ts";
import { SCRATCH } from "../messages.ts";
import type { WrittenStep } from "../written.ts";
import { WatModule } from "./module.ts";
import { defineEmit } from "./range.ts";
import { add, at, count, get, int, least, Locals, mul, op, set } from "./wat.ts";

/** Numbers of a chunk. */
const IN_CHUNK = 2 ** 14;

/** The job of `channelWindowSum`; undefined where a thread cannot hold a channel. */
export function writeChannelWindow(step: FusedStep, relaxed: boolean): WrittenStep | undefined {
  const [{ kernel }] = step.kernels;
  const { images, channels, pixels, reach } = opNamed(kernel.op).kernel!.params(callOf(kernel));
  if (4 * pixels + 16 > SCRATCH) return undefined;
  const module = new WatModule(relaxed);
  const number = (name: string, value: number) => module.arg(value, name);
  const x = module.arg({ tensor: storageOf(kernel.inputs[0]) }, "x");
  const locals = new Locals();
  locals.add("i32", "plane", "c", "first", "last", "k", "p", "from");
  locals.add("v128", "total");
  const inChunk = Math.max(1, Math.floor(IN_CHUNK / pixels));
  const after = least(mul(add(get("chunk"), int(1)), int(inChunk)), number("planes", images * channels));
  const body = count("plane", mul(get("chunk"), int(inChunk)), after, [
    set("c", op("i32.rem_u", get("plane"), number("channels", channels))),
    // The window's first and last channel, as planes.
    set("first", op("i32.sub", get("plane"), least(get("c"), number("reach", reach)))),
    set("last", op("i32.sub", number("channels", channels), get("c"))),
    set("last", add(get("plane"), least(get("last"), number("reach + 1", reach + 1)))),
    count("p", int(0), number("pixels", pixels), [
      set("total", "(v128.const f32x4 0 0 0 0)"),
      set("from", at(x, add(mul(get("first"), number("pixels", pixels)), get("p")))),
      count("k", get("first"), get("last"), [
        set("total", op("f32x4.add", get("total"), op("v128.load", get("from")))),
        set("from", add(get("from"), number("bytes", 4 * pixels))),
      ]),
      op("v128.store", at(get("scratch"), get("p")), get("total")),
    ], 4),
    set("p", mul(get("plane"), number("pixels", pixels))),
    `(call $${defineEmit(module, step)} ${get("p")} ${add(get("p"), number("pixels", pixels))} ${get("scratch")})`,
  ]);
  return { jobs: [module.job(Math.ceil(images * channels / inChunk), `${locals}`, [body])] };
}
