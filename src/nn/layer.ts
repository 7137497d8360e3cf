/**
 * Layers: functions from a symbolic tensor to a symbolic tensor, that ask their scope for parameters by name.
 *
 * A model is traced by calling its outermost layer once on a symbolic batch. The names along the way, joined by dots,
 * are the parameters' keys. Blocks use torchvision's names, so checkpoints carry torchvision's keys.
 *
 * @example A block with a skip connection
 * ```ts
 * import { batchNorm2d, conv2d, type Layer, relu, residual, sequential } from "@fovea/fovea";
 *
 * const basicBlock = (channels: number): Layer =>
 *   residual(
 *     sequential({
 *       conv1: conv2d(channels, channels, 3, { padding: 1, bias: false }),
 *       bn1: batchNorm2d(channels),
 *       relu: relu(),
 *       conv2: conv2d(channels, channels, 3, { padding: 1, bias: false }),
 *       bn2: batchNorm2d(channels),
 *     }),
 *     relu(),
 *   );
 * ```
 *
 * @module
 */

import { type Operand, type Shape, sizeOf, type Tensor } from "../../kernels/op.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import { constantInit, fanInUniform, type Initializer } from "./init.ts";
import { type Lora, LOW_RANK } from "./lora.ts";
import { streamOf } from "./stream.ts";

/** A layer. Calling it adds its computation to the scope's graph. */
export type Layer = (x: Tensor, scope: Scope) => Tensor;

/** A state that a model has. */
export interface Parameter {
  /** Key, such as `layer1.0.conv1.weight`. */
  readonly name: string;
  /** Sizes of its axes; weights are OIHW or [out, in], as in PyTorch. */
  readonly shape: Shape;
  /** Gives its initial values. */
  readonly init: Initializer;
  /** Is it learnt? Running statistics are not. */
  readonly trainable: boolean;
  /** Does weight decay apply? Not to biases and norms. */
  readonly decay: boolean;
  /** Is it the matrix of a dense layer, beside which LoRA may stand? */
  readonly isDense?: boolean;
}

/** A place where a model attends: who looks where. */
export interface Attention {
  /**
   * How much each query looks at each key, which adds up to 1 over the keys: [N, heads, queries, keys], within windows
   * [N, windows, heads, T, T].
   */
  readonly weights: Tensor;
  /** Over a map: brings what each key gets, the weights' shape without queries, to its place: [N, heads, H, W]. */
  readonly stitch?: (received: Tensor) => Tensor;
}

/** What all scopes of one trace share. */
interface Trace {
  readonly b: GraphBuilder;
  readonly training: boolean;
  /** Stands before the names of states in the graph. */
  readonly prefix: string;
  /** Keys that stay as they are in training. */
  readonly frozen: ReadonlySet<string>;
  /** Share of a batch's moments in running statistics, in the place of the layers' own. */
  readonly momentum?: Operand;
  /** What stands beside dense layers. */
  readonly lora?: Lora;
  /** Halves of the step's random key; scalars. */
  readonly key: readonly [Tensor, Tensor];
  readonly parameters: Map<string, Parameter>;
  /** New values of running statistics by key. */
  readonly updates: Map<string, Tensor>;
  /** Output of every named layer by path, in the order of the computation. */
  readonly outputs: Map<string, Tensor>;
  /** Where it attends, by the path of the layer, in the order of the computation. */
  readonly attentions: Map<string, Attention>;
}

/** A place in the model: where a layer finds the graph, its parameters and its randomness. */
export class Scope {
  readonly #trace: Trace;
  readonly #path: string;

  private constructor(trace: Trace, path: string) {
    this.#trace = trace;
    this.#path = path;
  }

  /**
   * The outermost scope of a new trace.
   *
   * @param b Builder of the graph.
   * @param training Batch statistics and dropout, or running statistics and none.
   * @param prefix Stands before the names of states in the graph, so that two models may have keys in common there.
   * @param frozen Keys that stay as they are in training; default none.
   * @param momentum Share of a batch's moments in running statistics; default the layers' own.
   * @param lora What stands beside dense layers; default nothing.
   */
  static root(
    b: GraphBuilder,
    training: boolean,
    prefix = "",
    frozen: ReadonlySet<string> = new Set(),
    momentum?: Operand,
    lora?: Lora,
  ): Scope {
    const key = [b.input("keyHi", []), b.input("keyLo", [])] as const;
    const met = { parameters: new Map(), updates: new Map(), outputs: new Map(), attentions: new Map() };
    return new Scope({ b, training, prefix, frozen, momentum, lora, key, ...met }, "");
  }

  /** The graph's builder. */
  get b(): GraphBuilder {
    return this.#trace.b;
  }

  /** Is this the trace of a training step? */
  get training(): boolean {
    return this.#trace.training;
  }

  /** Share of a batch's moments in running statistics; undefined where the layer's own counts. */
  get momentum(): Operand | undefined {
    return this.#trace.momentum;
  }

  /** Halves of the step's random key. */
  get key(): readonly [Tensor, Tensor] {
    return this.#trace.key;
  }

  /** All parameters that the trace has met, by key. */
  get parameters(): ReadonlyMap<string, Parameter> {
    return this.#trace.parameters;
  }

  /** New values of running statistics by key; the training step assigns them. */
  get updates(): ReadonlyMap<string, Tensor> {
    return this.#trace.updates;
  }

  /** Output of every named layer by path, in order: what is searched when a number is not finite. */
  get outputs(): ReadonlyMap<string, Tensor> {
    return this.#trace.outputs;
  }

  /** Where the model attends, by the path of the layer, in the order of the computation: what explanations draw. */
  get attentions(): ReadonlyMap<string, Attention> {
    return this.#trace.attentions;
  }

  /** A number for the random stream of this place; other places have others, up to collisions in 2^24. */
  get stream(): number {
    return streamOf(this.#path);
  }

  /** Calls a layer under a name: its parameters' keys start with it. */
  call(name: string, layer: Layer, x: Tensor): Tensor {
    const scope = new Scope(this.#trace, this.#key(name));
    const y = layer(x, scope);
    this.#trace.outputs.set(scope.#path, y);
    return y;
  }

  /**
   * A learnt parameter.
   *
   * @param decay Whether weight decay applies; not to biases and norms.
   */
  parameter(name: string, shape: Shape, init: Initializer, { decay = true }: { decay?: boolean } = {}): Tensor {
    return this.#declare({ name: this.#key(name), shape, init, trainable: true, decay });
  }

  /**
   * A dense layer: x [N, …, I] to x · Wᵀ + bias [N, …, O], with a learnt W [O, I]. Where the model is adapted,
   * (α / r) · (x · Aᵀ) · Bᵀ is added: see `lora.ts`.
   *
   * @param name Of W.
   * @param bias Gives the bias [O], and is asked once W is there; default none.
   */
  dense(
    x: Tensor,
    name: string,
    [outputs, inputs]: readonly [number, number],
    init: Initializer,
    bias?: () => Tensor,
  ): Tensor {
    const { b, training } = this;
    const key = this.#key(name);
    const product = (of: Tensor, weight: Tensor) => b.matmul(of, weight, { transposeB: true });
    const shape = [outputs, inputs];
    const weight = this.#declare({ name: key, shape, init, trainable: true, decay: true, isDense: true });
    const { lora } = this.#trace;
    if (!lora?.targets.has(key)) {
      const y = product(x, weight);
      return bias ? b.add(y, bias()) : y;
    }
    const { rank, alpha, dropout = 0 } = lora;
    // As peft begins: the product of the two is zero, and A's slope is not.
    const down = this.parameter(LOW_RANK.down, [rank, inputs], fanInUniform(inputs));
    const up = this.parameter(LOW_RANK.up, [outputs, rank], constantInit(0));
    const seen = training && dropout > 0
      ? b.op("dropout", [x, ...this.key], { rate: dropout, stream: this.stream })
      : x;
    // In rows: what is needed under another shape is stored, and so the sum is held until the backward pass, not both
    // products.
    const rows = (of: Tensor) => b.reshape(of, [sizeOf(of.shape) / inputs, inputs]);
    const thin = b.mul(product(product(rows(seen), down), up), alpha / rank);
    const y = b.add(product(rows(x), weight), thin);
    return b.reshape(bias ? b.add(y, bias()) : y, [...x.shape.slice(0, -1), outputs]);
  }

  /** A state that is not learnt but updated by {@link Scope.update}: running statistics. */
  buffer(name: string, shape: Shape, init: Initializer): Tensor {
    return this.#declare({ name: this.#key(name), shape, init, trainable: false, decay: false });
  }

  /** Is this parameter or buffer to stay as it is, although this may be the trace of a training step? */
  isFrozen(name: string): boolean {
    return this.#trace.frozen.has(this.#key(name));
  }

  /** Gives a buffer its value after the training step. */
  update(name: string, value: Tensor): void {
    this.#trace.updates.set(this.#key(name), value);
  }

  /** Says that the layer of this place attends, and how. */
  attends(attention: Attention): void {
    this.#trace.attentions.set(this.#path, attention);
  }

  #key(name: string): string {
    return this.#path ? `${this.#path}.${name}` : name;
  }

  #declare(parameter: Parameter): Tensor {
    const known = this.#trace.parameters.get(parameter.name);
    if (known && `${known.shape}` !== `${parameter.shape}`) {
      throw new TypeError(
        `Two layers share the name ${parameter.name} with shapes [${known.shape.join(", ")}] and [${
          parameter.shape.join(", ")
        }]`,
      );
    }
    this.#trace.parameters.set(parameter.name, parameter);
    return this.b.state(this.#trace.prefix + parameter.name, parameter.shape);
  }
}
