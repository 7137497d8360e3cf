/**
 * The reference: runs a graph node by node in float64, in plain JavaScript, without fusion, planning or a device. The
 * gpu.js kernels are its kernels, so what it computes is what they say, in double precision.
 *
 * @module
 */

import { elementwise } from "../../kernels/elementwise.ts";
import { opNamed } from "../../kernels/mod.ts";
import { randomUniform } from "../../kernels/random.ts";
import { type KernelThis, sizeOf } from "../../kernels/op.ts";
import { callOf, type Graph, liveNodes, type Node, STRUCTURAL } from "../graph/graph.ts";
import { lower } from "../graph/passes/lower.ts";
import { JavaScript } from "./javascript.ts";

/** What a reference run gives. */
export interface ReferenceResult {
  readonly outputs: Readonly<Record<string, Float64Array>>;
  /** New values of the assigned states. */
  readonly states: ReadonlyMap<string, Float64Array>;
}

/**
 * Runs `graph` once in float64.
 *
 * @param graph A graph, lowered or not.
 * @param values Values of its inputs and states by name.
 */
export function runReference(graph: Graph, values: Readonly<Record<string, ArrayLike<number>>>): ReferenceResult {
  const lowered = lower(graph);
  const computed = new Map<Node, Float64Array>();
  for (const node of liveNodes(lowered)) computed.set(node, evaluate(node, computed, values));
  return {
    outputs: Object.fromEntries(Object.entries(lowered.outputs).map(([name, node]) => [name, computed.get(node)!])),
    states: new Map(lowered.assignments.map(({ state, value }) => [state, computed.get(value)!])),
  };
}

function evaluate(
  node: Node,
  computed: ReadonlyMap<Node, Float64Array>,
  values: Readonly<Record<string, ArrayLike<number>>>,
): Float64Array {
  const inputs = node.inputs.map((input) => computed.get(input)!);
  switch (node.op) {
    case "constant":
      return Float64Array.of(node.attrs.value as number);
    case "reshape":
      return inputs[0];
    case "join":
      return Float64Array.from(inputs.flatMap((part) => [...part]));
    case "input":
    case "state": {
      const start = (node.attrs.start ?? 0) as number;
      const whole = Float64Array.from(values[node.attrs.name as string]);
      return node.attrs.of === undefined ? whole : whole.slice(start, start + sizeOf(node.shape));
    }
  }
  if (STRUCTURAL.has(node.op)) throw new TypeError(`The reference cannot run ${node.op}`);
  const output = new Float64Array(sizeOf(node.shape));
  const thread = { x: 0 };
  const element = elementwise.has(node.op) ? elementwiseKernel(node) : kernelOf(node);
  const constants = elementwise.has(node.op) ? {} : paramsOf(node);
  const context: KernelThis = { thread, constants };
  const table = opNamed(node.op).kernel?.table?.(callOf(node));
  if (table) inputs.push(Float64Array.from(table));
  for (; thread.x < output.length; thread.x++) output[thread.x] = element.call(context, ...inputs);
  return output;
}

type Element = (this: KernelThis, ...inputs: Float64Array[]) => number;

function kernelOf(node: Node): Element {
  return opNamed(node.op).kernel!.gpujs;
}

function paramsOf(node: Node): Readonly<Record<string, number>> {
  return opNamed(node.op).kernel!.params(callOf(node));
}

/** An elementwise row as a function of its operands' arrays. */
function elementwiseKernel(node: Node): Element {
  const names = node.inputs.map((_, k) => `a${k}`);
  const language = new JavaScript((leaf) => names[node.inputs.indexOf(leaf)]);
  const operands = node.inputs.map((input) => language.leaf(input, node.shape));
  const source = elementwise.get(node.op)!.expression(language, operands, node.attrs);
  const make = new Function("randomUniform", `return function (${names.join(", ")}) { return ${source}; };`);
  return make(randomUniform) as Element;
}
