/**
 * Planning: gives every stored tensor its place before anything runs. Temporaries share an arena by their
 * lifetimes, results take the place of what they replace where that is safe, and new state is written straight
 * over the old.
 *
 * Temporaries are placed by lifetime, largest first, each at the lowest offset that is free throughout its life.
 * Offsets are multiples of 256 bytes, in pages no larger than `maxBufferSize` (1 GiB on a GPU). A result takes the
 * place of an operand that dies in that step, if the step reads the operand only at the element that it is writing
 * (`usesInPlace`). A ReLU is computed in place, a permutation is not.
 *
 * New State is written over the old where the plan can show that this is safe; else it is copied when the steps are
 * done. Tensors that share a place share a binding. Peak memory is known here, before anything is allocated.
 *
 * That places of one dispatch are disjoint is checked by tests over many graphs (`tests/graph/plan_test.ts`), not at
 * run time.
 *
 * @module
 */

import { sizeOf } from "../../../kernels/op.ts";
import {
  type Assignment,
  type Graph,
  isScalarInput,
  liveNodes,
  type Node,
  NUMBER_BYTES,
  partsOf,
  type Precision,
  storageOf,
} from "../graph.ts";
import { ALIGNMENT, type NamedPlace, type TensorPlace } from "../place.ts";
import { arenaSides, type Side, type Traffic } from "./arenas.ts";
import { halfTensors } from "./precision.ts";
import { type FusedStep, usesInPlace } from "../fused_step.ts";

/** How temporaries are laid out. */
export interface ArenaLimits {
  /** Largest page in bytes, unless one tensor alone is larger. */
  readonly maxPage: number;
  /**
   * Should results lie in other buffers than their operands, which can then be bound for reading alone (`arenas.ts`)?
   */
  readonly alternates?: boolean;
}

/** A program laid out in memory. */
export interface Plan {
  readonly steps: readonly FusedStep[];
  /** Place of every stored tensor, by its storage node. */
  readonly places: ReadonlyMap<Node, TensorPlace>;
  /** New state values that could not be written in place: copied when the steps are done. */
  readonly copies: readonly { readonly from: Node; readonly to: NamedPlace }[];
  /** For each step, the temporaries that nobody reads after it. */
  readonly released: readonly (readonly Node[])[];
  /** Bytes of each page of the arena. */
  readonly pages: readonly number[];
  /** The largest sum of temporaries alive at one time: no plan can take less. */
  readonly lowerBound: number;
  /** Bytes of the largest tensor. */
  readonly largest: number;
}

/** A temporary: tensors that share one place, alive from one step to another. */
interface Block {
  readonly nodes: Node[];
  readonly bytes: number;
  readonly precision: Precision;
  readonly from: number;
  until: number;
}

/** Two arenas may take so many times the memory of one, and so many bytes more, which are nothing on a GPU. */
const MOST_FOR_TWO = { times: 1.1, more: 2 ** 24 } as const;

const bytesOf = (node: Node, precision: Precision): number =>
  Math.ceil(NUMBER_BYTES[precision] * sizeOf(node.shape) / ALIGNMENT) * ALIGNMENT;

/** Lays out the steps of a fused graph: `compile.ts` does all that comes before, too. */
export function plan(graph: Graph, steps: readonly FusedStep[], limits: ArenaLimits): Plan {
  const last = lastReads(graph, steps);
  const places = new Map<Node, TensorPlace>();
  for (const node of liveNodes(graph)) {
    if (!isScalarInput(node) && (node.op === "input" || node.op === "state")) {
      const offset = 4 * ((node.attrs.start ?? 0) as number);
      places.set(node, { in: node.op, name: node.attrs.name as string, offset, ...full(node) });
    }
  }
  const copies: { from: Node; to: NamedPlace }[] = [];
  for (const assignment of graph.assignments) {
    const { state, value, start = 0 } = assignment;
    const from = storageOf(value);
    const { bytes, precision } = full(from);
    const to: NamedPlace = { in: "state", name: state, offset: 4 * start, bytes };
    if (!places.has(from) && canOverwrite(graph, steps, last, from, assignment)) {
      places.set(from, { ...to, precision });
    } else {
      copies.push({ from, to });
      last.set(from, steps.length);
    }
  }
  const halves = halfTensors(graph);
  const blocks = blocksOf(steps, last, places, (node) => halves.has(node) ? "f16" : "f32");
  const { pages, blocks: inArena } = arenaOf(steps, blocks, limits);
  for (const [{ nodes, bytes, precision }, place] of inArena) {
    for (const node of nodes) places.set(node, { in: "arena", ...place, bytes, precision });
  }
  const released = steps.map((): Node[] => []);
  // Past the last step there are outputs alone, which stay.
  for (const node of blocks.flatMap(({ nodes }) => nodes)) released[last.get(node)!]?.push(node);
  const largest = Math.max(0, ...[...places.values()].map(({ bytes }) => bytes));
  return { steps, places, copies, released, pages, lowerBound: lowerBound(blocks, steps.length), largest };
}

/** How a state or an input is held. */
const full = (node: Node) => ({ bytes: bytesOf(node, "f32"), precision: "f32" }) as const;

/** The last step that reads each stored tensor; past the end for outputs. */
function lastReads(graph: Graph, steps: readonly FusedStep[]): Map<Node, number> {
  const last = new Map<Node, number>();
  steps.forEach((step, i) => {
    for (const node of [...step.reads, ...step.writes]) last.set(node, i);
  });
  for (const output of Object.values(graph.outputs).flatMap(partsOf)) last.set(storageOf(output), steps.length);
  return last;
}

/** May the step that computes `value` write it over the old value of the state, or of its part? */
function canOverwrite(
  graph: Graph,
  steps: readonly FusedStep[],
  last: Map<Node, number>,
  value: Node,
  { state, start }: Assignment,
): boolean {
  const old = graph.nodes.find((node) =>
    node.op === "state" && node.attrs.name === state && node.attrs.start === start
  );
  const at = steps.findIndex((step) => step.writes.includes(value));
  if (!old || !last.has(old)) return true;
  if (last.get(old)! > at) return false;
  return !steps[at].reads.includes(old) || usesInPlace(steps[at], old);
}

/** The temporaries, with results that take the place of a dying operand in one block with it. */
function blocksOf(
  steps: readonly FusedStep[],
  last: ReadonlyMap<Node, number>,
  placed: ReadonlyMap<Node, TensorPlace>,
  precisionOf: (node: Node) => Precision,
): Block[] {
  const blockOf = new Map<Node, Block>();
  steps.forEach((step, at) => {
    const taken = new Set<Block>();
    for (const write of step.writes) {
      if (placed.has(write)) continue;
      const precision = precisionOf(write);
      const bytes = bytesOf(write, precision);
      const operand = step.reads.find((read) => {
        const block = blockOf.get(read);
        return block && block.until === at && block.bytes === bytes && block.precision === precision &&
          !taken.has(block) && usesInPlace(step, read);
      });
      const block = operand ? blockOf.get(operand)! : { nodes: [], bytes, precision, from: at, until: at };
      block.nodes.push(write);
      block.until = last.get(write)!;
      taken.add(block);
      blockOf.set(write, block);
    }
  });
  return [...new Set(blockOf.values())];
}

/** Pages, and where in them each block begins. */
interface Arena {
  /** Bytes of each page. */
  readonly pages: readonly number[];
  readonly blocks: ReadonlyMap<Block, { readonly page: number; readonly offset: number }>;
}

/** One arena, or two that alternate where those are asked for and take little more memory. */
function arenaOf(steps: readonly FusedStep[], blocks: readonly Block[], limits: ArenaLimits): Arena {
  const one = place(blocks, limits);
  if (!limits.alternates) return one;
  const two = place(blocks, limits, arenaSides(trafficOf(steps, blocks)));
  const bytesIn = ({ pages }: Arena) => pages.reduce((sum, bytes) => sum + bytes, 0);
  return bytesIn(two) <= MOST_FOR_TWO.times * bytesIn(one) + MOST_FOR_TWO.more ? two : one;
}

function trafficOf(steps: readonly FusedStep[], blocks: readonly Block[]): Traffic<Block>[] {
  const blockOf = new Map(blocks.flatMap((block) => block.nodes.map((node) => [node, block] as const)));
  const blocksIn = (nodes: readonly Node[]) => nodes.flatMap((node) => blockOf.get(node) ?? []);
  return steps.map(({ reads, writes }) => ({ reads: blocksIn(reads), writes: blocksIn(writes) }));
}

/**
 * Places blocks, largest first, each at the lowest offset that is free through its life; a block that would
 * reach past the largest buffer goes to the next page.
 *
 * @param sides Of two arenas: the first has the even pages, the second the odd ones.
 */
function place(blocks: readonly Block[], limits: ArenaLimits, sides?: ReadonlyMap<Block, Side>): Arena {
  const pages: { bytes: number; placed: { offset: number; block: Block }[] }[] = [];
  const starts = new Map<Block, { page: number; offset: number }>();
  for (const block of [...blocks].sort((a, b) => b.bytes - a.bytes || a.from - b.from)) {
    for (let page = 0;; page++) {
      pages[page] ??= { bytes: 0, placed: [] };
      if (sides && sides.get(block) !== page % 2) continue;
      const { placed } = pages[page];
      let offset = 0;
      for (const other of placed) {
        const together = other.block.from <= block.until && block.from <= other.block.until;
        if (together && other.offset < offset + block.bytes) {
          offset = Math.max(offset, other.offset + other.block.bytes);
        }
      }
      if (offset + block.bytes > limits.maxPage && placed.length > 0) continue;
      const at = placed.findIndex((other) => other.offset > offset);
      placed.splice(at < 0 ? placed.length : at, 0, { offset, block });
      pages[page].bytes = Math.max(pages[page].bytes, offset + block.bytes);
      starts.set(block, { page, offset });
      break;
    }
  }
  return { pages: pages.map(({ bytes }) => bytes), blocks: starts };
}

function lowerBound(blocks: readonly Block[], steps: number): number {
  const change = new Array<number>(steps + 2).fill(0);
  for (const { bytes, from, until } of blocks) {
    change[from] += bytes;
    change[until + 1] -= bytes;
  }
  let alive = 0;
  let most = 0;
  for (const delta of change) most = Math.max(most, alive += delta);
  return most;
}
