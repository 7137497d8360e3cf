/**
 * A model on a device, to be asked for more than its logits: each question is one graph, which any device computes.
 *
 * Pictures of a batch do not meet in evaluation. So the gradient of the sum of what is explained of each is the
 * gradient for each of them.
 *
 * @module
 */

import { joinedFloats } from "../bytes.ts";
import type { Tensor, Vjp } from "../../kernels/op.ts";
import type { Device, Program, Session } from "../device/device.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { differentiate } from "../graph/differentiate.ts";
import type { Model } from "../models/model.ts";
import type { Scope } from "../nn/layer.ts";
import { writeWeights } from "../run/evaluate.ts";
import { type Anatomy, anatomyOf } from "./anatomy.ts";

/** A model in a graph, in evaluation: running statistics, nothing dropped. */
export interface Traced {
  /** Builder of the graph; what is to be read is made its output. */
  readonly b: GraphBuilder;
  /** The pictures, [N, C, S, S]. */
  readonly images: Tensor;
  /** The logits, [N, K]. */
  readonly logits: Tensor;
  /** With the outputs of its layers by their names. */
  readonly scope: Scope;
  /**
   * Gradients of what is explained, with respect to tensors of the graph.
   *
   * @param rules Gradient rules in the place of the ops' own.
   */
  readonly gradients: (sources: readonly Tensor[], rules?: Readonly<Record<string, Vjp>>) => Tensor[];
}

/** Pictures that are computed at a time, where a question takes many. */
export const PROBE_BATCH = 8;

/** A model on a device. */
export class Probe implements Disposable {
  /** With its weights. */
  readonly model: Model;
  /** What it can be explained by. */
  readonly anatomy: Anatomy;
  readonly #session: Session;
  readonly #programs = new Map<string, Program>();

  /** Gives the model's weights to the device. */
  constructor(model: Model, device: Device) {
    this.model = model;
    this.anatomy = anatomyOf(model);
    this.#session = device.open();
    writeWeights(this.#session, model);
  }

  /** Numbers of a picture, C · S · S. */
  get size(): number {
    return this.model.channels * this.model.imageSize ** 2;
  }

  /**
   * Asks about pictures.
   *
   * @param key Names the question: what is asked under one key is compiled once.
   * @param images Pictures [N, C, S, S].
   * @param select What is explained of each, [K]; where it is missing, nothing may be differentiated.
   * @param ask Makes outputs of the graph, each with N in front.
   * @returns The outputs.
   */
  async ask(
    key: string,
    images: Float32Array,
    select: Float32Array | undefined,
    ask: (traced: Traced) => void,
  ): Promise<Record<string, Float32Array>> {
    const count = images.length / this.size;
    const parts: Record<string, Float32Array>[] = [];
    for (let start = 0; start < count; start += PROBE_BATCH) {
      parts.push(await this.#batch(key, images, select, ask, start, Math.min(PROBE_BATCH, count - start)));
    }
    if (parts.length === 1) return parts[0];
    return Object.fromEntries(
      Object.keys(parts[0]).map((name) => [name, joinedFloats(parts.map((part) => part[name]))]),
    );
  }

  /** Frees the device's memory. */
  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }

  async #batch(
    key: string,
    images: Float32Array,
    select: Float32Array | undefined,
    ask: (traced: Traced) => void,
    start: number,
    size: number,
  ): Promise<Record<string, Float32Array>> {
    const called = `${size} ${select ? "select" : ""} ${key}`;
    const program = this.#programs.get(called) ?? this.#session.compile(this.#graph(size, ask));
    this.#programs.set(called, program);
    program.run({
      images: images.slice(start * this.size, (start + size) * this.size),
      ...select && { select: joinedFloats(Array.from({ length: size }, () => select)) },
    });
    return await program.outputs();
  }

  #graph(batch: number, ask: (traced: Traced) => void) {
    const { channels, imageSize, classes } = this.model;
    // As written: a ReLU that had moved behind the pooling would not be on the way from its layer to the logits.
    const b = new GraphBuilder({ asWritten: true });
    const images = b.input("images", [batch, channels, imageSize, imageSize]);
    const { logits, scope } = this.model.trace(b, batch, false, undefined, images);
    const gradients: Traced["gradients"] = (sources, rules) =>
      differentiate(b, b.sum(b.mul(logits, b.input("select", [batch, classes]))), sources, rules);
    ask({ b, images, logits, scope, gradients });
    return b.graph;
  }
}
