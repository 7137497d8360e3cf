/**
 * How a family's tensors are called by those who publish weights. The table is read in both directions: a file's names
 * become Fovea's, and Fovea's become those of a file to export.
 *
 * @module
 */

import type { WritableTensor } from "../safetensors.ts";

/** Who named the tensors of a file. `torchvision` names are Fovea's own, by construction. */
export type KeyStyle = "torchvision" | "timm" | "huggingface" | "microsoft";

/** Every style, in the order in which they are tried: of two that fit alike, the first is taken. */
export const keyStyles: readonly KeyStyle[] = ["torchvision", "timm", "huggingface", "microsoft"];

/**
 * A tensor that another style has in several, one after the other along axis 0. Null stands for one that it has not,
 * since it is zero, of the first one's size.
 */
export interface Joined {
  /** Patterns of the parts. */
  readonly join: readonly (string | null)[];
}

/** A dense layer that another style has as a convolution over its whole input: [O, I · k · k] as [O, I, k, k]. */
export interface Convolution {
  /** Pattern. */
  readonly conv: string;
  /** Side k of the window. */
  readonly kernel: number;
}

/** Factors of channels that another style has without the axes of size 1 behind them: [C, 1, 1] as [C]. */
export interface ChannelFactors {
  /** Pattern. */
  readonly vector: string;
}

/**
 * What a style calls a tensor. In patterns `{i}` is a number and `*` is `weight`, `bias`, `running_mean` or
 * `running_var`; both sides of a row have the same ones in the same order.
 */
export type Cell = string | Joined | Convolution | ChannelFactors;

/** One kind of tensor: Fovea's name for it, and those of the styles that call it otherwise. */
export interface KeyRow extends Readonly<Partial<Record<KeyStyle, Cell>>> {
  /** Pattern of Fovea's name, which is torchvision's unless the row has one for it. */
  readonly ours: string;
}

/** A tensor over a grid of positions, which is interpolated for another picture size. */
export interface PositionGrid {
  /** Ending of its name. */
  readonly key: string;
  /** Whether it has a place for each patch of the picture, or for each offset in a window. */
  readonly over: "picture" | "window";
  /** Axis of the positions; before it all sizes are 1. */
  readonly axis: number;
  /** Names of tensors, each of which has a place of its own before the grid. */
  readonly before: readonly string[];
}

/** A network that has the family's tensors, and more or others, and computes something else. */
export interface Relative {
  /** Name and what tells it: `SE-ResNet, with squeeze and excitation`. */
  readonly name: string;
  /** Whether a file is of it, by the shapes of its tensors by its own names. */
  readonly isIt: (shapes: ReadonlyMap<string, readonly number[]>) => boolean;
}

/** Tells a {@link Relative} by a tensor whose name fits. */
export function hasName(pattern: RegExp): Relative["isIt"] {
  return (shapes) => [...shapes.keys()].some((name) => pattern.test(name));
}

/** Windows of a family's models. */
export interface FamilyWindows {
  /** Side in the models, unless another is asked for. */
  readonly side: number;
  /** Beginning of Fovea's names of a stage's blocks, in the order of the stages. */
  readonly stages: readonly string[];
  /** Pixels of a position of the first stage. */
  readonly patch: number;
  /** Ending of the names of the tables of biases, [(2 · side − 1)², heads], where the models learn them. */
  readonly table?: string;
}

/** How the tensors of models of one kind are called; a definition of a model says which it has. */
export interface Family {
  /** For messages. */
  readonly name: string;
  /** Whether no library has the model, so that there are no names but Fovea's. */
  readonly own?: boolean;
  /** Layers that a new number of classes makes afresh. */
  readonly heads: readonly string[];
  /** The first convolution, which knows the pictures' channels. */
  readonly stem: string;
  /** What to do where a tensor's shape does not fit, by its name. */
  readonly advice?: Readonly<Record<string, string>>;
  /** Every kind of tensor. */
  readonly rows: readonly KeyRow[];
  /** What Hugging Face puts before all names but those of the heads; default nothing. */
  readonly baseModels?: readonly string[];
  /** Networks that are taken for no model of the family. */
  readonly relatives?: readonly Relative[];
  /** What is added to the variance of layer norms, where a style's weights were made with another number. */
  readonly normEps?: Readonly<Partial<Record<KeyStyle, number>>>;
  /** A head whose logits' mean with the first one's are a model's, and that some files of its weights lack. */
  readonly secondHead?: { readonly name: string; readonly token: string };
  /** What interpolation is for. */
  readonly grid?: PositionGrid;
  /** Whether attention is in windows, and what tells their side where files have it. */
  readonly windows?: FamilyWindows;
  /** Tensors that a style's files have beside the model's, which can be computed from those. */
  readonly buffers?: (
    tensors: ReadonlyMap<string, WritableTensor>,
    style: KeyStyle,
    window?: number,
  ) => Map<string, WritableTensor>;
}

/** Names of tensors in files that say nothing, since they follow from the sizes or only count. */
export const BOOKKEEPING =
  /(^|\.)(num_batches_tracked|relative_position_index|relative_coords_table|attn_mask|k_bias|position_ids)$/;

/** Patterns of a cell. */
function patternsOf(cell: Cell): readonly (string | null)[] {
  if (typeof cell === "string") return [cell];
  return "join" in cell ? cell.join : ["conv" in cell ? cell.conv : cell.vector];
}

/** What a style calls the tensors of a row, if it has them. */
function cellOf(row: KeyRow, style: KeyStyle): Cell | undefined {
  return row[style] ?? (style === "torchvision" ? row.ours : undefined);
}

const HOLES = /\{i\}|\*/g;
const HOLE_PATTERNS: Readonly<Record<string, string>> = {
  "{i}": "(\\d+)",
  "*": "(weight|bias|running_mean|running_var)",
};

const compiled = new Map<string, RegExp>();

/** The parts of a name where the pattern has holes, or undefined if it does not fit. */
function match(pattern: string, name: string): readonly string[] | undefined {
  let expression = compiled.get(pattern);
  if (!expression) {
    const escaped = pattern.split(/(\{i\}|\*)/).map((text) => HOLE_PATTERNS[text] ?? text.replaceAll(".", "\\."));
    expression = new RegExp(`^${escaped.join("")}$`);
    compiled.set(pattern, expression);
  }
  return expression.exec(name)?.slice(1);
}

function fill(pattern: string, parts: readonly string[]): string {
  let next = 0;
  return pattern.replace(HOLES, () => parts[next++]);
}

/** Where a tensor of Fovea's is in a file. */
export interface TensorSource {
  /** Names in the file, one after the other along axis 0; null for zeros of the first one's size. */
  readonly parts: readonly (string | null)[];
  /** Whether all axes but the first become one. */
  readonly flatten: boolean;
  /** Whether two axes of size 1 follow. */
  readonly ofChannels: boolean;
}

/** What a file's names mean. */
export interface Translation {
  /** Where each tensor of Fovea's is, by its name. */
  readonly sources: ReadonlyMap<string, TensorSource>;
  /** Names that mean nothing in this style, or the same as another. */
  readonly unknown: readonly string[];
}

/** A cell, and which of its patterns. */
interface Place {
  readonly row: KeyRow;
  readonly cell: Cell;
  readonly pattern: string;
  readonly part: number;
}

/** The patterns of a family in a style, by what is left of them where numbers and kinds of tensors differ. */
type PatternIndex = ReadonlyMap<string, readonly Place[]>;

const indices = new WeakMap<Family, Map<KeyStyle, PatternIndex>>();

/**
 * A name without its numbers and its kind of tensor: names that one pattern fits have this in common with it, and few
 * others do.
 */
export function outlineOf(name: string): string {
  return name.replaceAll("{i}", "0").replaceAll(/\d+/g, "#").replace(/(weight|bias|running_mean|running_var)$/, "*");
}

function indexOf(family: Family, style: KeyStyle): PatternIndex {
  const ofFamily = indices.get(family) ?? new Map<KeyStyle, PatternIndex>();
  indices.set(family, ofFamily);
  const known = ofFamily.get(style);
  if (known) return known;
  const index = new Map<string, Place[]>();
  for (const row of family.rows) {
    const cell = cellOf(row, style);
    for (const [part, pattern] of cell === undefined ? [] : patternsOf(cell).entries()) {
      if (pattern === null) continue;
      const outline = outlineOf(pattern);
      index.set(outline, [...index.get(outline) ?? [], { row, cell: cell!, pattern, part }]);
    }
  }
  ofFamily.set(style, index);
  return index;
}

/**
 * Whether a name is one of a style's.
 *
 * @param outline Of the name, which many families and styles are asked for.
 */
export function isKnown(family: Family, style: KeyStyle, name: string, outline: string): boolean {
  return indexOf(family, style).get(outline)?.some(({ pattern }) => match(pattern, name) !== undefined) ?? false;
}

/**
 * Reads the names of a file as a style's.
 *
 * @param family Whose.
 * @param style Which style.
 * @param names The names in the file.
 * @returns Where Fovea's tensors are; a tensor of which a part is missing is unknown.
 */
export function translate(family: Family, style: KeyStyle, names: Iterable<string>): Translation {
  const found = new Map<string, { cell: Cell; parts: (string | null)[] }>();
  const unknown: string[] = [];
  for (const name of names) {
    const place = locate(family, style, name);
    const known = place && (found.get(place.ours) ?? { cell: place.cell, parts: emptyParts(place.cell) });
    // A second tensor for one of Fovea's is none that can be told from the first.
    if (!known || known.cell !== place.cell || known.parts[place.part] !== "") {
      unknown.push(name);
      continue;
    }
    known.parts[place.part] = name;
    found.set(place.ours, known);
  }
  const sources = new Map<string, TensorSource>();
  for (const [ours, { cell, parts }] of found) {
    if (parts.includes("")) unknown.push(...parts.filter((part) => part !== null && part !== "") as string[]);
    else {
      const is = (key: "conv" | "vector") => typeof cell !== "string" && key in cell;
      sources.set(ours, { parts, flatten: is("conv"), ofChannels: is("vector") });
    }
  }
  return { sources, unknown };
}

/** A place for each pattern of a cell. */
function emptyParts(cell: Cell): (string | null)[] {
  return patternsOf(cell).map((pattern) => pattern === null ? null : "");
}

/** Fovea's name of a tensor of a style's, the cell that has it, and which of the cell's patterns. */
function locate(family: Family, style: KeyStyle, name: string): { ours: string; cell: Cell; part: number } | undefined {
  for (const { row, cell, pattern, part } of indexOf(family, style).get(outlineOf(name)) ?? []) {
    const holes = match(pattern, name);
    if (holes) return { ours: fill(row.ours, holes), cell, part };
  }
}

/**
 * What a style calls a tensor of Fovea's.
 *
 * @returns The name, or names of its parts; none where the style has no name for it.
 */
export function namesIn(family: Family, style: KeyStyle, name: string): string[] {
  for (const row of family.rows) {
    const holes = match(row.ours, name);
    const cell = cellOf(row, style);
    if (!holes || cell === undefined) continue;
    return patternsOf(cell).flatMap((pattern) => pattern === null ? [] : [fill(pattern, holes)]);
  }
  return [];
}

/**
 * What a style has in the place of a tensor of Fovea's.
 *
 * @param family Whose.
 * @param style Which style.
 * @param name Fovea's name.
 * @param tensor Its values.
 * @returns The tensors by the style's names, or undefined if it has none for this one.
 */
export function toStyle(
  family: Family,
  style: KeyStyle,
  name: string,
  { shape, values }: { readonly shape: readonly number[]; readonly values: Float32Array },
): Map<string, WritableTensor> | undefined {
  for (const row of family.rows) {
    const holes = match(row.ours, name);
    const cell = cellOf(row, style);
    if (!holes || cell === undefined) continue;
    if (typeof cell === "string") return new Map([[fill(cell, holes), { shape, values }]]);
    if ("conv" in cell) {
      const { kernel } = cell;
      const [outputs, inputs] = shape;
      const unfolded = shape.length === 1 ? shape : [outputs, inputs / kernel ** 2, kernel, kernel];
      return new Map([[fill(cell.conv, holes), { shape: unfolded, values }]]);
    }
    if ("vector" in cell) return new Map([[fill(cell.vector, holes), { shape: shape.slice(0, 1), values }]]);
    const size = values.length / cell.join.length;
    const partShape = [shape[0] / cell.join.length, ...shape.slice(1)];
    const parts = cell.join.flatMap((pattern, i): [string, WritableTensor][] =>
      pattern === null
        ? []
        : [[fill(pattern, holes), { shape: partShape, values: values.slice(i * size, (i + 1) * size) }]]
    );
    return new Map(parts);
  }
}
