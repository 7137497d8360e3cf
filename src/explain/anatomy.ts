/**
 * What there is to explain a model by: the layers whose outputs are maps of the picture, and where it attends.
 *
 * A layer is called as its parameters are: `layer4`, `features.28`, `encoder.layers.encoder_layer_10`. Its output is a
 * map of the picture when it has a place for each part of it: [N, C, H, W]; [N, H, W, C], as in Swin; or tokens
 * [N, T, D] after one or two that are no part of the picture, as in ViT. Pictures are square, and so are their maps. So
 * the two equal axes of a shape are the map's, and T is a square and a rest.
 *
 * @module
 */

import type { Builder, Shape, Tensor } from "../../kernels/op.ts";
import { firstNames } from "../data/names.ts";
import { nearest, UserError } from "../errors.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { Graph, Node } from "../graph/graph.ts";
import type { Model } from "../models/model.ts";

/** Where the channels of a map are. */
export type Layout = "channels first" | "channels last" | "tokens";

/** A layer whose output is a map of the picture. */
export interface MapLayer {
  /** Its path, by which its parameters are called. */
  readonly name: string;
  /** Where its channels are. */
  readonly layout: Layout;
  /** Rows and columns of the map. */
  readonly side: number;
  /** Channels of the map. */
  readonly channels: number;
  /** Has it layers of its own, with parameters? A stage or a block has. */
  readonly isBlock: boolean;
}

/** A layer that attends. */
export interface AttentionLayer {
  /** Its path. */
  readonly name: string;
  /** Heads. */
  readonly heads: number;
  /** Rows and columns of the map over which it attends. */
  readonly side: number;
  /** Does it attend over a map of features, in windows or as a whole, and not over tokens? */
  readonly isOverMap: boolean;
}

/** What a model can be explained by. */
export interface Anatomy {
  /** Name of the model. */
  readonly model: string;
  /** Its layers with maps of the picture, on which the logits depend, in the order of the computation. */
  readonly layers: readonly MapLayer[];
  /** Where it attends, in the order of the computation. */
  readonly attentions: readonly AttentionLayer[];
  /** Tokens that are no part of the picture. */
  readonly extraTokens: number;
  /** Has it a ReLU between picture and logits? */
  readonly hasRelu: boolean;
  /** Side in pixels of what maps cover: pictures are filled up to whole patches. */
  readonly covered: number;
}

/** Most tokens that are no part of the picture: a class token and one for distillation. */
const MOST_EXTRA = 2;

/** Rows of the square of which [.., T, ..] tokens are, and how many are beside it; undefined where they are not. */
export function tokenGrid(tokens: number): { readonly side: number; readonly extra: number } | undefined {
  const side = Math.floor(Math.sqrt(tokens));
  const extra = tokens - side * side;
  return side > 1 && extra <= MOST_EXTRA ? { side, extra } : undefined;
}

/** Nodes that `node` depends on, and itself. */
function behind(node: Tensor): Set<Node> {
  const found = new Set<Node>();
  const pending = [node as Node];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    pending.push(...next.inputs);
  }
  return found;
}

/** Nodes that depend on `node`, and itself. */
function ahead({ nodes }: Graph, node: Tensor): Set<Node> {
  const found = new Set<Node>();
  for (const next of nodes) {
    if (next === node || next.inputs.some((input) => found.has(input))) found.add(next);
  }
  return found;
}

/** What a model can be explained by. Its weights are not needed. */
export function anatomyOf(model: Model): Anatomy {
  const b = new GraphBuilder({ asWritten: true });
  const images = b.input("images", [1, model.channels, model.imageSize, model.imageSize]);
  const { logits, scope } = model.trace(b, 1, false, undefined, images);
  const ofPicture = ahead(b.graph, images);
  const before = behind(logits);
  const isBetween = (tensor: Tensor) => before.has(tensor as Node) && ofPicture.has(tensor as Node);
  const owners = ownersOf([...scope.parameters.keys()]);
  const attentions = [...scope.attentions].filter(([, { weights }]) => isBetween(weights));
  // Of tokens, the class token alone is read after the last attention: what other tokens are from there on is lost.
  const lastAttention = attentions.at(-1)?.[1].weights;
  const mixed = lastAttention && behind(lastAttention);
  const weights = new Set(attentions.map(([, { weights }]) => weights));
  const layers: MapLayer[] = [];
  let known: Layout = "channels first";
  for (const [name, output] of scope.outputs) {
    if (!isBetween(output) || weights.has(output)) continue;
    const map = mapOf(output.shape, known);
    if (!map || (map.layout === "tokens" && !mixed?.has(output as Node))) continue;
    if (map.isSure) known = map.layout;
    layers.push({ name, layout: map.layout, side: map.side, channels: map.channels, isBlock: owners.has(name) });
  }
  const tokens = attentions.flatMap(([, { weights, stitch }]) => stitch ? [] : [weights.shape.at(-1)!]).at(-1);
  const grid = tokens === undefined ? undefined : tokenGrid(tokens);
  return {
    model: model.name,
    layers,
    attentions: attentions.flatMap(([name, { weights, stitch }]): AttentionLayer[] => {
      const { shape } = weights;
      if (stitch) {
        const side = stitch(b.sum(weights, [shape.length - 2], false)).shape[2];
        return side > 1 ? [{ name, heads: shape.at(-3)!, side, isOverMap: true }] : [];
      }
      const grid = tokenGrid(shape.at(-1)!);
      return grid ? [{ name, heads: shape[1], side: grid.side, isOverMap: false }] : [];
    }),
    extraTokens: grid?.extra ?? 0,
    hasRelu: b.graph.nodes.some((node) => node.op === "relu" && isBetween(node)),
    covered: Math.max(model.imageSize, grid === undefined ? 0 : grid.side * strideOf(b.graph, grid.side)),
  };
}

/** Paths of the layers that have layers with parameters: `layer4.1` and `layer4` of `layer4.1.conv1.weight`. */
function ownersOf(parameters: readonly string[]): Set<string> {
  return new Set(parameters.flatMap((name) => {
    const parts = name.split(".").slice(0, -2);
    return parts.map((_, k) => parts.slice(0, k + 1).join("."));
  }));
}

/** Pixels from one patch to the next: the stride of the convolution that makes them. */
function strideOf({ nodes }: Graph, side: number): number {
  const patches = nodes.find(({ op, shape }) => op === "conv2d" && shape[2] === side && shape[3] === side);
  return (patches?.attrs.stride as number | undefined) ?? 0;
}

/** What map a tensor is, where it is one of more than one place; `known` decides where all axes are equal. */
function mapOf(
  shape: Shape,
  known: Layout,
): { layout: Layout; side: number; channels: number; isSure: boolean } | undefined {
  if (shape.length === 3) {
    const grid = tokenGrid(shape[1]);
    return grid && { layout: "tokens", side: grid.side, channels: shape[2], isSure: false };
  }
  if (shape.length !== 4) return undefined;
  const [, first, second, third] = shape;
  const isSure = first !== third;
  const isFirst = second === third && (isSure || known !== "channels last");
  const isLast = first === second && !isFirst;
  if (second === 1 || !(isFirst || isLast)) return undefined;
  return isFirst
    ? { layout: "channels first", side: second, channels: first, isSure }
    : { layout: "channels last", side: second, channels: third, isSure };
}

/** A layer's output, or its gradient, as a map: [N, C, H, W]. */
export function asMap(b: Builder, x: Tensor, { layout, side, channels }: MapLayer): Tensor {
  if (layout === "channels first") return x;
  if (layout === "channels last") return b.permute(x, [0, 3, 1, 2]);
  const [batch, tokens] = x.shape;
  const places = b.slice(x, [0, tokens - side * side, 0], [batch, side * side, channels]);
  return b.reshape(b.permute(places, [0, 2, 1]), [batch, channels, side, side]);
}

/**
 * The last stage of a model: the last block with a map of the picture, or where there are no blocks the last layer.
 *
 * @param least Fewest rows of its map; default more than one.
 * @returns undefined where the model has none.
 */
export function lastStage({ layers }: Anatomy, least = 2): MapLayer | undefined {
  const large = layers.filter(({ side }) => side >= least);
  // A stage and its last block end in one place; the stage's name comes last.
  return large.findLast(({ isBlock }) => isBlock) ?? large.at(-1);
}

/**
 * The layer of a name.
 *
 * @throws UserError with the nearest name where there is none.
 */
export function layerNamed<L extends { readonly name: string }>(name: string, layers: readonly L[], of: string): L {
  const found = layers.find((layer) => layer.name === name);
  if (found) return found;
  const names = layers.map((layer) => layer.name);
  const near = nearest(name, names) ?? nearestEnd(name, names);
  throw new UserError(
    `${of} ${name}; ${near ? `did you mean ${near}?` : `give one of ${firstNames(names, 12)}`}`,
    2,
  );
}

/** The first name whose last part is nearest to that of `name`. */
function nearestEnd(name: string, names: readonly string[]): string | undefined {
  const endOf = (path: string) => path.split(".").at(-1)!;
  const ends = names.map(endOf);
  const near = nearest(endOf(name), ends);
  return near === undefined ? undefined : names[ends.indexOf(near)];
}
