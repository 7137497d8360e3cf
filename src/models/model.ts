/**
 * A model: a layer with its input and output sizes, and the values it starts from.
 *
 * @module
 */

import { opNamed } from "../../kernels/mod.ts";
import type { Operand, Tensor } from "../../kernels/op.ts";
import { GraphBuilder } from "../graph/builder.ts";
import { callOf, liveNodes, STRUCTURAL } from "../graph/graph.ts";
import type { Family, KeyStyle } from "../interop/keys/family.ts";
import { initialValues } from "../nn/init.ts";
import type { Head } from "../nn/heads.ts";
import { type Layer, type Parameter, Scope } from "../nn/layer.ts";
import type { Lora } from "../nn/lora.ts";

/** What a family builds a model from. */
export interface ModelOptions {
  /** Logits C: classes of a multi-class task, labels of a multi-label one, 1 for a binary one. */
  readonly classes: number;
  /** Channels of the pictures; default 3. */
  readonly channels?: number;
  /** Side of the pictures in pixels; default the definition's. */
  readonly imageSize?: number;
  /** Share of units dropped; default the definition's. */
  readonly dropout?: number;
  /** Share of the attention weights dropped; default 0. */
  readonly attentionDropout?: number;
  /**
   * Share of the pictures for which the last block's branches are left out; it falls linearly to 0 at the first block.
   * Default the definition's.
   */
  readonly stochasticDepth?: number;
  /** Start of a learnt factor for each channel of a block's branches; default none. */
  readonly layerScale?: number;
  /** First layers of a ResNet: `imagenet` (7×7, stride 2, pooling), `small` (3×3), or `auto` by the picture's size. */
  readonly stem?: "auto" | "imagenet" | "small";
  /**
   * Side of a Swin's windows in positions. Given, it is cut to the feature map where that is smaller, as timm does;
   * default the model's, with zeros around smaller maps, as torchvision does.
   */
  readonly window?: number;
  /**
   * Attention after a CNN's stages, each by the stage's name and perhaps a colon and the kind: `layer3`, the same as
   * `layer3:self` (SAGAN), `layer3:se`, `layer3:cbam`. Default none.
   */
  readonly attentionAfter?: readonly string[];
  /**
   * How a CNN ends: `fcn` has its dense layers as convolutions, of any larger picture the mean of the logits of each
   * place; `attention-pool` weighs positions by a learnt softmax. Default `auto`, the model's own way.
   */
  readonly head?: Head;
  /**
   * Added to the variance of a ViT's layer norms, default 1e-6, or of a MobileNetV3's batch norms, default 1e-3.
   * Hugging Face's ViTs were made with 1e-12, timm's MobileNetV3s with 1e-5.
   */
  readonly normEps?: number;
  /**
   * Factor on the channels of every layer, but for the pictures' and the logits: 0.25 for a quarter; default 1. They
   * are rounded to a multiple of 8, LeNet's to whole ones; a transformer has fewer heads of the same dimension.
   * Published weights are of width 1.
   */
  readonly width?: number;
}

/** An option that some models take and others have no use for. */
export type ModelOption = Exclude<keyof ModelOptions, "classes" | "channels" | "imageSize" | "width">;

/** All of them, in the order in which they are refused. */
export const MODEL_OPTIONS: readonly ModelOption[] = [
  "dropout",
  "attentionDropout",
  "stochasticDepth",
  "layerScale",
  "stem",
  "window",
  "normEps",
  "attentionAfter",
  "head",
];

/** How pictures were prepared for weights that somebody published. */
export interface PublishedPreprocessing {
  /** Side of the part that is cut out of the middle. */
  readonly crop: number;
  /** Shorter side to which a picture is resized before; in proportion to `crop`, where pictures are of another size. */
  readonly resize: number;
  /** How it is resized. */
  readonly interpolation: "bilinear" | "bicubic";
  /** ImageNet's mean and standard deviation, or 0.5 for both. */
  readonly normalize: "imagenet" | "half";
}

/** How pictures are prepared; by default normalised by ImageNet's mean and standard deviation. */
export function prepared(
  resize: number,
  crop: number,
  interpolation: PublishedPreprocessing["interpolation"],
  normalize: PublishedPreprocessing["normalize"] = "imagenet",
): PublishedPreprocessing {
  return { crop, resize, interpolation, normalize };
}

/** The first version of torchvision's weights: AlexNet, VGG, ResNet and ViT. */
export const torchvisionV1: PublishedPreprocessing = prepared(256, 224, "bilinear");

/** The size of a model with 1,000 classes as its paper gives it. */
export interface PaperSize {
  /** Learnt parameters, in millions. */
  readonly parameters: number;
  /** Of one picture, in thousand millions. */
  readonly multiplyAdds: number;
  /** What the paper counts that {@link Model.multiplyAdds} does not. */
  readonly counts: string;
}

/** A model by name, before sizes are known. */
export interface ModelDefinition {
  /** What `--model` and `createModel` call it: `resnet18`. */
  readonly name: string;
  /** What it is and where it comes from, in one line. */
  readonly summary: string;
  /** Picture side it was published with. */
  readonly imageSize: number;
  /** Smallest picture side that it can take. */
  readonly minImageSize: number;
  /** How its tensors are called, by Fovea and by those who publish weights. */
  readonly family: Family;
  /** How pictures were prepared for published weights, by whose names the weights have; default none are published. */
  readonly published?: Readonly<Partial<Record<KeyStyle, PublishedPreprocessing>>>;
  /** What its paper says of its size, where no published weights prove it. */
  readonly paper?: PaperSize;
  /** Which of the options that not every model takes it takes; default none. */
  readonly takes?: readonly ModelOption[];
  /** Of a CNN that takes `attentionAfter`, the names of its stages. */
  readonly stages?: readonly string[];
  /** Of a CNN that takes `head`, which it can have besides its own. */
  readonly heads?: readonly Head[];
  /** Makes the outermost layer: [N, channels, side, side] to logits [N, classes]. */
  readonly build: (options: ResolvedModelOptions) => Layer;
}

/** Options with the definition's defaults. */
export type ResolvedModelOptions =
  & Required<Pick<ModelOptions, "classes" | "channels" | "imageSize" | "stem">>
  & Pick<ModelOptions, Exclude<ModelOption, "stem"> | "width">;

/** A model with its sizes; its weights are made when they are first asked for. */
export class Model {
  /** Name of its definition. */
  readonly name: string;
  /** The outermost layer: pictures [N, C, S, S] to logits [N, classes]. */
  readonly layer: Layer;
  /** What `createModel` made it from: the same name and options make the same model again. */
  readonly options: ResolvedModelOptions;
  /** What stands beside its dense layers; undefined of a model as it is. */
  readonly lora?: Lora;
  /** Every state of the model, in the order of the computation. */
  readonly parameters: readonly Parameter[];
  /** Values by key. */
  readonly weights: Map<string, Float32Array> = new Map();

  /**
   * Traces the layer once to learn the parameters; `createModel` is the usual way to one.
   *
   * @param name Name of the definition; a checkpoint of the model makes it again by this name.
   * @param layer The outermost layer.
   * @param options Sizes that the layer was built with.
   * @param lora What stands beside its dense layers; default nothing.
   */
  constructor(name: string, layer: Layer, options: ResolvedModelOptions, lora?: Lora) {
    this.name = name;
    this.layer = layer;
    this.options = options;
    this.lora = lora;
    this.parameters = [...this.trace(new GraphBuilder(), 1, false).scope.parameters.values()];
  }

  /** Logits C. */
  get classes(): number {
    return this.options.classes;
  }

  /** Channels of the pictures. */
  get channels(): number {
    return this.options.channels;
  }

  /** Side of the pictures in pixels. */
  get imageSize(): number {
    return this.options.imageSize;
  }

  /**
   * Adds the model to a graph.
   *
   * @param b Builder of the graph.
   * @param batch Pictures N of the input `images`.
   * @param training Batch statistics and dropout, or running statistics and none.
   * @param frozen Keys that stay as they are in training; default none.
   * @param images Pictures [N, C, S, S]; default an input `images`.
   * @param elsewhere What its states are named by, and how its running statistics are moved, where not as usual.
   * @returns The logits [N, classes], and the scope with what the trace has met.
   */
  trace(
    b: GraphBuilder,
    batch: number,
    training: boolean,
    frozen?: ReadonlySet<string>,
    images?: Tensor,
    { prefix = "", momentum }: { readonly prefix?: string; readonly momentum?: Operand } = {},
  ): { logits: Tensor; scope: Scope } {
    const scope = Scope.root(b, training, prefix, frozen, momentum, this.lora);
    images ??= b.input("images", [batch, this.channels, this.imageSize, this.imageSize]);
    return { logits: this.layer(images, scope), scope };
  }

  /** Gives every parameter that has no value its initial one. */
  initialize(seed: number): void {
    for (const { name, shape, init } of this.parameters) {
      if (!this.weights.has(name)) this.weights.set(name, initialValues(seed, name, shape, init));
    }
  }

  /** Number of learnt parameters. */
  get size(): number {
    return this.parameters.reduce(
      (sum, { shape, trainable }) => sum + (trainable ? shape.reduce((a, b) => a * b, 1) : 0),
      0,
    );
  }

  /** Multiply-adds of one picture's forward pass, in convolutions and matrix products. */
  get multiplyAdds(): number {
    const b = new GraphBuilder();
    b.output("logits", this.trace(b, 1, false).logits);
    let total = 0;
    for (const node of liveNodes(b.graph)) {
      const op = STRUCTURAL.has(node.op) ? undefined : opNamed(node.op);
      if (op?.isProduct) total += op.cost(callOf(node)).flops / 2;
    }
    return total;
  }
}
