/**
 * Compiles a graph for a device: lower ▸ cut ▸ fuse ▸ plan, in one place for all devices.
 *
 * It is a pure function of the graph, of what the device takes, and of the choices among ways to compute. It needs no
 * device, so tests, the estimate of a run's memory and the command `show` compile as devices do. What comes out is
 * data: steps in the order of a run, and where each stored tensor lies. A device writes code for the steps and runs
 * them; it decides nothing of what stands here.
 *
 * @module
 */

import { sizeOf } from "../../kernels/op.ts";
import type { Chooser } from "./choices.ts";
import { type Graph, isScalarInput, liveNodes, type Node, partsOf, stateSizes, storageOf, wholeSize } from "./graph.ts";
import { cut } from "./passes/cut.ts";
import { fuse, type FuseOptions } from "./passes/fuse.ts";
import { lower } from "./passes/lower.ts";
import { type ArenaLimits, type Plan, plan } from "./passes/plan.ts";
import type { TensorPlace } from "./place.ts";

/** What a device takes. */
export interface CompileTarget {
  /** What its steps can take in. */
  readonly fusion: FuseOptions;
  /** Largest tensor in bytes that a step is given as a whole: what is larger is cut. */
  readonly maxTensor: number;
  /** Most bytes in which an input lies, or a piece of a state. */
  readonly maxBuffer: number;
  /** How temporaries are laid out. */
  readonly arena: ArenaLimits;
}

/** A stored tensor that holds an output, or a part of one. */
export interface StoredOutput {
  /** By which steps name it. */
  readonly node: Node;
  readonly place: TensorPlace;
  /** Numbers in it. */
  readonly length: number;
}

/** A graph as a device runs it. A run takes inputs and scalars, does the steps in order, and then the copies. */
export interface CompiledProgram extends Plan {
  /** The graph in primitives, none of them too large. */
  readonly graph: Graph;
  /** Numbers of every input that is a tensor, by name. */
  readonly inputs: ReadonlyMap<string, number>;
  /** Names of the inputs that are single numbers: they have no place, steps take them beside their sizes. */
  readonly scalars: readonly string[];
  /** Numbers of every state that a run reads or writes, by name. */
  readonly states: ReadonlyMap<string, number>;
  /** Every output by name: whole, or its parts along the first axis in order. */
  readonly outputs: ReadonlyMap<string, readonly StoredOutput[]>;
}

/**
 * Compiles a graph.
 *
 * @param choices Which compositions are taken; by default the heuristic's.
 * @throws RangeError when a tensor can be held neither as a whole nor in parts.
 */
export function compile(graph: Graph, target: CompileTarget, choices?: Chooser): CompiledProgram {
  const { fusion, maxTensor, maxBuffer, arena } = target;
  checkInputs(graph, maxBuffer);
  const lowered = cut(lower(graph, { choices, maxBytes: maxTensor }), maxTensor, choices, maxBuffer);
  const planned = plan(lowered, fuse(lowered, fusion), arena);
  const given = liveNodes(lowered).filter(({ op }) => op === "input");
  const nameOf = ({ attrs }: Node) => attrs.name as string;
  const stored = (node: Node): StoredOutput => {
    const storage = storageOf(node);
    return { node: storage, place: planned.places.get(storage)!, length: sizeOf(node.shape) };
  };
  return {
    ...planned,
    graph: lowered,
    inputs: new Map(given.filter((node) => !isScalarInput(node)).map((node) => [nameOf(node), wholeSize(node)])),
    scalars: given.filter(isScalarInput).map(nameOf),
    states: stateSizes(lowered),
    outputs: new Map(Object.entries(lowered.outputs).map(([name, node]) => [name, partsOf(node).map(stored)])),
  };
}

/** An input lies in one buffer, whatever it is cut into. */
function checkInputs(graph: Graph, maxBuffer: number): void {
  for (const { op, attrs, shape } of graph.nodes) {
    const bytes = 4 * sizeOf(shape);
    if (op !== "input" || bytes <= maxBuffer) continue;
    throw new RangeError(
      `the input ${attrs.name} of [${shape.join(", ")}] takes ${bytes} bytes, and a buffer at most ${maxBuffer}`,
    );
  }
}
