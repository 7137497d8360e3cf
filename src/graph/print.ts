/**
 * Prints what a graph is compiled to, for people: its nodes, the steps of a run, and memory over time.
 *
 * @module
 */

import type { Attrs, Shape } from "../../kernels/op.ts";
import type { CompiledProgram } from "./compile.ts";
import { describeStep, type FusedStep } from "./fused_step.ts";
import { type Graph, liveNodes, type Node } from "./graph.ts";
import type { PagePlace } from "./place.ts";

/** `[4,8,32,32]`. */
const shapeText = (shape: Shape): string => `[${shape.join(",")}]`;

/** `stride 1, padding 1`; what is not said has its default. */
function attrsText(attrs: Attrs): string {
  return Object.entries(attrs).filter(([, value]) => value !== undefined).map(([name, value]) =>
    `${name} ${typeof value === "object" ? shapeText(value) : value}`
  )
    .join(", ");
}

/** Columns as wide as their widest cell; those of `right` stand to the right. */
function columns(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, k) => Math.max(all[k] ?? 0, cell.length)), []);
  return rows.map((row) =>
    row.map((cell, k) => right.includes(k) ? cell.padStart(widths[k]) : cell.padEnd(widths[k])).join("  ").trimEnd()
  );
}

/** A tensor by its name, or by its number and what it is computed by. */
export function tensorName({ id, op, attrs }: Node): string {
  return op === "input" || op === "state" ? attrs.name as string : `%${id} ${op}`;
}

/**
 * The nodes of a graph that something depends on, a line each, then its outputs and new states.
 *
 * @param op Prints the nodes of one op alone.
 */
export function printGraph(graph: Graph, op?: string): string[] {
  const rows = liveNodes(graph).filter((node) => op === undefined || node.op === op).map((node) => {
    const { name, value, ...attrs } = node.attrs;
    const operands = node.inputs.map(({ id }) => `%${id}`).join(", ");
    const call = name !== undefined
      ? `${node.op} ${name}`
      : node.op === "constant"
      ? `${value}`
      : `${node.op}(${operands})`;
    return [`%${node.id} =`, call, shapeText(node.shape), attrsText(attrs)];
  });
  const ends = op !== undefined ? [] : [
    ...Object.entries(graph.outputs).map(([name, { id }]) => `output ${name} = %${id}`),
    ...graph.assignments.map(({ state, value, start }) =>
      `state ${state}${start === undefined ? "" : ` from ${start}`} := %${value.id}`
    ),
  ];
  return [...columns(rows), ...ends];
}

/** Is a step chosen, by its number or by its kernel's op? A map's op is `map`. */
export interface StepFilter {
  readonly step?: number;
  readonly op?: string;
}

/** The steps that a filter chooses, with their numbers. */
export function chosenSteps({ steps }: CompiledProgram, filter: StepFilter): (readonly [number, FusedStep])[] {
  return [...steps.entries()].filter(([at, { kernels }]) =>
    (filter.step === undefined || filter.step === at) &&
    (filter.op === undefined || filter.op === (kernels[0]?.kernel.op ?? "map"))
  );
}

const count = (value: number): string => value.toLocaleString("en");

/** The steps of a run: number, name, operations, bytes, what is read and what is written. */
export function printSteps(program: CompiledProgram, filter: StepFilter = {}): string[] {
  const precisionOf = (node: Node) => program.places.get(node)!.precision;
  const named = (nodes: readonly Node[]) => nodes.map((node) => `${tensorName(node)} ${shapeText(node.shape)}`);
  const chosen = chosenSteps(program, filter).map(([at, step]) => {
    const { name, cost } = describeStep(step, precisionOf);
    const moved = `${named(step.reads).join(", ")} -> ${named(step.writes).join(", ")}`;
    return { cost, row: [`${at}`, name, count(cost.flops), count(cost.bytes), moved] };
  });
  const sum = (what: "flops" | "bytes") => count(chosen.reduce((total, { cost }) => total + cost[what], 0));
  return columns([
    ["step", "what", "FLOPs", "bytes", "reads -> writes"],
    ...chosen.map(({ row }) => row),
    ["", "all", sum("flops"), sum("bytes"), ""],
  ], [0, 2, 3]);
}

/** A temporary through its life. */
export interface Life {
  readonly node: Node;
  readonly place: PagePlace;
  /** The steps that first write and last read it; the number of steps where it outlives them. */
  readonly from: number;
  readonly until: number;
}

/** The lives of all temporaries, in the order of their first steps. */
export function livesOf({ steps, places, released }: CompiledProgram): Life[] {
  const last = new Map(released.flatMap((nodes, at) => nodes.map((node) => [node, at] as const)));
  return steps.flatMap(({ writes }, from) =>
    writes.flatMap((node): Life[] => {
      const place = places.get(node)!;
      return "page" in place ? [{ node, place, from, until: last.get(node) ?? steps.length }] : [];
    })
  );
}

/** Bytes of temporaries that are alive at each step; what takes another's place counts once. */
export function aliveBytes(program: CompiledProgram): number[] {
  const lives = livesOf(program);
  return program.steps.map((_, at) => {
    const alive = lives.filter(({ from, until }) => from <= at && at <= until);
    const byPlace = new Map(alive.map(({ place }) => [`${place.page} ${place.offset}`, place.bytes]));
    return [...byPlace.values()].reduce((sum, bytes) => sum + bytes, 0);
  });
}

/** Lines of the picture of memory over time, and columns of its longest bar. */
const LINES = 40;
const BAR = 60;

/** Memory over time: for runs of steps the most bytes of temporaries alive, as bars, and the sums. */
export function printMemory(program: CompiledProgram): string[] {
  const alive = aliveBytes(program);
  const most = Math.max(1, ...alive);
  const each = Math.ceil(alive.length / LINES);
  const rows = Array.from({ length: Math.ceil(alive.length / each) }, (_, k) => {
    const bytes = Math.max(...alive.slice(k * each, (k + 1) * each));
    const at = alive.indexOf(bytes, k * each);
    const { name } = describeStep(program.steps[at]);
    return [`${at}`, name, count(bytes), "#".repeat(Math.round(BAR * bytes / most))];
  });
  const pages = program.pages.map(count).join(" + ") || "0";
  return [
    ...columns([["step", "most alive at", "bytes", ""], ...rows], [0, 2]),
    `pages of temporaries: ${pages} bytes; no plan takes less than ${count(program.lowerBound)}`,
  ];
}
