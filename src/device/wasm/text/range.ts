/**
 * Functions over a range of the flat elements of a map: four elements at a time, row by row. A row is the innermost
 * axis, along which each operand either goes on with the elements or stays one number.
 *
 * What becomes of the values is the sink's: stored, added up, or put aside for a kernel that reads them.
 *
 * @module
 */

import { type Shape, sizeOf } from "../../../../kernels/op.ts";
import { type Node, storageOf } from "../../../graph/graph.ts";
import type { FusedStep } from "../../../graph/fused_step.ts";
import { printExpression } from "../../expression.ts";
import { type Axis, mergedAxes } from "./axes.ts";
import { readInfix } from "./infix.ts";
import { type Leaf, POSITION, print, type Rank, ranksOf, type Statement, VALUE, WatLanguage } from "./language.ts";
import type { WatModule } from "./module.ts";
import { add, at, firstLanes, get, int, least, Locals, loop, mul, op, set, when } from "./wat.ts";

/** What becomes of the values of four elements. */
export interface Sink {
  /** Parameters of the function beyond `begin` and `end`, and its results. */
  readonly signature?: string;
  /** Before the first row. */
  begin?(locals: Locals): readonly string[];
  /** Four elements, `lane` fours after local `i`, whose byte offset is local `offset`. */
  whole(values: readonly string[], lane: number): readonly string[];
  /** Elements from local `i` below local `stop`, fewer than four. */
  part(values: readonly string[]): readonly string[];
  /** After the last row: its results. */
  end?(): readonly string[];
}

/** A function over ranges. */
export interface Range {
  readonly name: string;
  readonly step: FusedStep;
  readonly roots: readonly Node[];
  /** What the range counts elements of. */
  readonly shape: Shape;
  /** The value of the step's kernel is read from parameter `value`, at its own first element for `begin`. */
  readonly readsValue?: boolean;
  readonly sink: Sink;
}

/** Fours that are computed in a turn where the expression is short. */
const UNROLLED = 4;
const SHORT = 12;

/** Defines a function `name(begin, end, …)`. */
export function defineRange(module: WatModule, range: Range): string {
  const { name, step, roots, shape, readsValue, sink } = range;
  const language = new WatLanguage();
  const value = readsValue ? VALUE : undefined;
  const { results } = printExpression({ ...step, kernels: readsValue ? step.kernels : [] }, roots, language, value);
  const { leaves, scalars, statements } = language;
  const axes = mergedAxes(shape, leaves.map(({ node }) => node.shape));
  const rankOfLeaf = (k: number): Rank => {
    if (sizeOf(leaves[k].node.shape) === 1) return 0;
    return axes.at(-1)!.kept[k] ? 2 : 1;
  };
  const ranks = ranksOf(
    statements,
    new Map<string, Rank>([
      ...leaves.map((leaf, k): [string, Rank] => [leaf.name, rankOfLeaf(k)]),
      ...scalars.map((_, k): [string, Rank] => [`s${k}`, 0]),
    ]),
  );
  const locals = new Locals();
  locals.add("i32", "i", "offset", "stop", "row", "rest", "inner");
  const trees = results.map((result) => readInfix(result));
  const usesPosition = JSON.stringify([trees, statements]).includes(`"${POSITION}"`);
  const compute = (rank: Rank): string[] => [
    ...leaves.flatMap((leaf, k) => rank < 2 && rankOfLeaf(k) === rank ? [readOnce(module, leaf, rank, locals)] : []),
    ...statements.filter(({ name }) => ranks.get(name) === rank).map((one) => computed(module, one, locals)),
  ];
  const body = (lane: number): string[] => [
    ...usesPosition ? [positionOf(module, lane, locals)] : [],
    ...leaves.flatMap((leaf, k) => rankOfLeaf(k) === 2 ? [readFour(leaf, lane, locals)] : []),
    ...readsValue ? [readValue(lane, locals)] : [],
    ...compute(2),
  ];
  const values = trees.map((tree) => print(module, tree));
  const turns = statements.length <= SHORT ? UNROLLED : 1;
  const step4 = (fours: number) => [
    set("i", add(get("i"), int(4 * fours))),
    set("offset", add(get("offset"), int(16 * fours))),
  ];
  const fits = (fours: number) => op("i32.le_u", add(get("i"), int(4 * fours)), get("stop"));
  const text = `(func $${name} (param $begin i32) (param $end i32) ${readsValue ? "(param $value i32)" : ""} ${
    sink.signature ?? ""
  } LOCALS
${
    [
      ...scalars.map((scalar, k) => {
        locals.add("v128", `s${k}`);
        return set(`s${k}`, op("v128.load32_splat", module.arg({ scalar })));
      }),
      ...readsValue ? [set("value", op("i32.sub", get("value"), op("i32.shl", get("begin"), int(2))))] : [],
      ...sink.begin?.(locals) ?? [],
      ...compute(0),
      set("inner", module.arg(axes.at(-1)!.size, `${name} inner`)),
      set("i", get("begin")),
      loop("rows", op("i32.lt_u", get("i"), get("end")), [
        ...rowOf(module, axes, leaves, rankOfLeaf, locals, name),
        ...compute(1),
        set("offset", op("i32.shl", get("i"), int(2))),
        ...turns > 1
          ? [loop("turns", fits(turns), [
            ...Array.from({ length: turns }, (_, lane) => [...body(lane), ...sink.whole(values, lane)]).flat(),
            ...step4(turns),
          ])]
          : [],
        loop("fours", op("i32.lt_u", get("i"), get("stop")), [
          ...body(0),
          when(fits(1), sink.whole(values, 0), sink.part(values)),
          ...step4(1),
        ]),
        set("i", get("stop")),
      ]),
      ...sink.end?.() ?? [],
    ].join("\n")
  })`;
  return module.define(name, text.replace("LOCALS", `${locals}`));
}

function computed(module: WatModule, { name, tree }: Statement, locals: Locals): string {
  locals.add("v128", name);
  return set(name, print(module, tree));
}

/** An operand that is one number for all, or for a row. */
function readOnce(module: WatModule, { name, node }: Leaf, rank: Rank, locals: Locals): string {
  locals.add("v128", name);
  const address = rank === 0 ? module.arg({ tensor: storageOf(node) }) : get(`${name}_row`);
  return set(name, op("v128.load32_splat", address));
}

function readFour({ name }: Leaf, lane: number, locals: Locals): string {
  locals.add("v128", name);
  return set(name, op("v128.load", `offset=${16 * lane}`, add(get(`${name}_row`), get("offset"))));
}

function readValue(lane: number, locals: Locals): string {
  locals.add("v128", VALUE);
  return set(VALUE, op("v128.load", `offset=${16 * lane}`, add(get("value"), get("offset"))));
}

function positionOf(module: WatModule, lane: number, locals: Locals): string {
  locals.add("v128", POSITION);
  const first = add(get("i"), int(4 * lane));
  return set(POSITION, op("i32x4.add", op("i32x4.splat", first), module.constant("(v128.const i32x4 0 1 2 3)")));
}

/**
 * Where the row of element `i` ends, and for each operand that varies in it, the address at which element 0 would lie:
 * the element's own offset added gives its place. For one that does not, the address of its number.
 */
function rowOf(
  module: WatModule,
  axes: readonly Axis[],
  leaves: readonly Leaf[],
  rankOfLeaf: (k: number) => Rank,
  locals: Locals,
  name: string,
): string[] {
  const outer = axes.slice(0, -1);
  const addressOf = (leaf: Leaf) => module.arg({ tensor: storageOf(leaf.node) });
  const lines = outer.length === 0 ? [set("stop", get("end"))] : [
    set("row", op("i32.div_u", get("i"), get("inner"))),
    set("stop", least(get("end"), mul(add(get("row"), int(1)), get("inner")))),
  ];
  const rows = leaves.flatMap((leaf, k) => {
    if (rankOfLeaf(k) === 0) return [];
    locals.add("i32", `${leaf.name}_row`);
    const isWhole = axes.every(({ kept }) => kept[k]);
    return isWhole ? [set(`${leaf.name}_row`, addressOf(leaf))] : [];
  });
  const broadcast = [...leaves.keys()].filter((k) => rankOfLeaf(k) !== 0 && axes.some(({ kept }) => !kept[k]));
  if (broadcast.length === 0) return [...lines, ...rows];
  const places = broadcast.map((k) => ({
    k,
    place: `${leaves[k].name}_row`,
    stride: axes.at(-1)!.kept[k] ? axes.at(-1)!.size : 1,
  }));
  const found: string[] = [set("rest", get("row")), ...places.map(({ place }) => set(place, int(0)))];
  for (let axis = outer.length - 1; axis >= 0; axis--) {
    const size = module.arg(outer[axis].size, `${name} axis ${axis}`);
    const index = axis === 0 ? get("rest") : op("i32.rem_u", get("rest"), size);
    for (const one of places) {
      if (!outer[axis].kept[one.k]) continue;
      const stride = module.arg(one.stride, `${name} stride ${one.place} ${axis}`);
      found.push(set(one.place, add(get(one.place), mul(index, stride))));
      one.stride *= outer[axis].size;
    }
    if (axis > 0) found.push(set("rest", op("i32.div_u", get("rest"), size)));
  }
  const placed = places.map(({ k, place }) => {
    const first = at(addressOf(leaves[k]), get(place));
    if (!axes.at(-1)!.kept[k]) return set(place, first);
    return set(place, op("i32.sub", first, op("i32.shl", mul(get("row"), get("inner")), int(2))));
  });
  return [...lines, ...rows, ...found, ...placed];
}

/** How many elements are left, for parts. */
const rest = op("i32.sub", get("stop"), get("i"));

/** Stores the first of four numbers, as many as are left. */
export function storePart(address: string, value: string, left = rest): string[] {
  return [0, 1, 2].map((lane) =>
    when(op("i32.gt_u", left, int(lane)), [`(v128.store32_lane offset=${4 * lane} ${lane} ${address} ${value})`])
  );
}

/** The first of four numbers, as many as are left, and `other` in the place of the rest. */
export const maskPart = (value: string, other: string): string => op("v128.bitselect", value, other, firstLanes(rest));

/** Writes each value to its tensor. */
export function storing(module: WatModule, writes: readonly Node[]): Sink {
  const addressOf = (k: number) => add(module.arg({ tensor: writes[k] }, "out"), get("offset"));
  return {
    whole: (values, lane) => values.map((value, k) => op("v128.store", `offset=${16 * lane}`, addressOf(k), value)),
    part: (values) => values.flatMap((value, k) => storePart(addressOf(k), value)),
  };
}

/**
 * Defines `emit(begin, end, value)`, by which a kernel writes a range of its output, from where its own values are: the
 * step's elementwise ops are computed on the way.
 */
export function defineEmit(module: WatModule, step: FusedStep): string {
  const roots = step.roots.length > 0 ? step.roots : [step.kernels[0].kernel];
  const sink = storing(module, step.writes);
  return defineRange(module, { name: "emit", step, roots, shape: roots[0].shape, readsValue: true, sink });
}
