/**
 * Builds graphs: every call adds a node, unless the same op on the same inputs is there already.
 *
 * @module
 */

import { type Attrs, type Builder, type Operand, type Shape, sizeOf, type Tensor } from "../../kernels/op.ts";
import { opNamed } from "../../kernels/mod.ts";
import { type Assignment, type Graph, isScalarInput, type Node, storageOf } from "./graph.ts";

/** JSON has no infinities, no NaN and no −0: as text they are told apart. */
const numberText = (_: string, value: unknown): unknown =>
  typeof value === "number" ? (Object.is(value, -0) ? "-0" : `${value}`) : value;

/** Builder of one graph. */
export class GraphBuilder implements Builder {
  readonly #nodes: Node[] = [];
  readonly #known = new Map<string, Node>();
  readonly #outputs: Record<string, Node> = {};
  readonly #assignments = new Map<string, Assignment>();
  /** Shapes of inputs and states, by kind and name. */
  readonly #shapes = new Map<string, Shape>();
  readonly #primitives: boolean;

  /** With `primitives`, compositions are expanded as they are added. */
  constructor({ primitives = false }: { primitives?: boolean } = {}) {
    this.#primitives = primitives;
  }

  /** The graph built so far. */
  get graph(): Graph {
    return { nodes: this.#nodes, outputs: this.#outputs, assignments: [...this.#assignments.values()] };
  }

  #add(op: string, shape: Shape, inputs: readonly Node[], attrs: Attrs): Node {
    const key = `${op}|${inputs.map((input) => input.id)}|${shape}|${JSON.stringify(attrs, numberText)}`;
    let node = this.#known.get(key);
    if (!node) {
      node = { id: this.#nodes.length, op, shape, inputs, attrs };
      this.#nodes.push(node);
      this.#known.set(key, node);
    }
    return node;
  }

  #node(operand: Operand): Node {
    if (typeof operand === "number") return this.constant(operand) as Node;
    if (this.#nodes[operand.id] !== operand) {
      throw new TypeError("Cannot use a tensor of another graph: trace it in this one");
    }
    return operand as Node;
  }

  /** One number. */
  constant(value: number): Tensor {
    return this.#add("constant", [], [], { value });
  }

  /** A tensor whose values are given at every run. */
  input(name: string, shape: Shape): Tensor {
    this.#declare("input", name, shape);
    return this.#add("input", shape, [], { name });
  }

  /** The value a state has when the run starts. */
  state(name: string, shape: Shape): Tensor {
    this.#declare("state", name, shape);
    return this.#add("state", shape, [], { name });
  }

  /** Makes a tensor readable after a run as `name`. */
  output(name: string, tensor: Tensor): void {
    this.#outputs[name] = this.#stored(tensor);
  }

  /** Ends the run with `state(name) = value`. A later assignment to the same state replaces the earlier. */
  assign(name: string, value: Tensor): void {
    this.#declare("state", name, value.shape);
    this.#assignments.set(name, { state: name, value: this.#stored(value) });
  }

  /** A name stands for one shape. */
  #declare(kind: "input" | "state", name: string, shape: Shape): void {
    const key = `${kind} ${name}`;
    const known = this.#shapes.get(key);
    if (known && !(known.length === shape.length && `${known}` === `${shape}`)) {
      throw new TypeError(`Cannot use [${shape.join(", ")}] as ${key}: it has the shape [${known.join(", ")}]`);
    }
    this.#shapes.set(key, shape);
  }

  /** What a run gives back is written by a step of that run: a bare constant, input or state is copied. */
  #stored(tensor: Tensor): Node {
    const node = this.#node(tensor);
    const isBare = ["constant", "input", "state"].includes(storageOf(node).op);
    return isBare ? this.#add("broadcastTo", node.shape, [node], { shape: node.shape }) : node;
  }

  op(name: string, inputs: readonly Operand[], attrs: Attrs = {}): Tensor {
    const nodes = inputs.map((input) => this.#node(input));
    const { shape, lower } = opNamed(name);
    const output = shape(nodes.map((node) => node.shape), attrs);
    return this.#primitives && lower ? lower(this, nodes, attrs) : this.#add(name, output, nodes, attrs);
  }

  add(a: Operand, b: Operand): Tensor {
    return a === 0 && typeof b !== "number" ? b : b === 0 && typeof a !== "number" ? a : this.op("add", [a, b]);
  }
  sub(a: Operand, b: Operand): Tensor {
    return b === 0 && typeof a !== "number" ? a : this.op("sub", [a, b]);
  }
  mul(a: Operand, b: Operand): Tensor {
    return a === 1 && typeof b !== "number" ? b : b === 1 && typeof a !== "number" ? a : this.op("mul", [a, b]);
  }
  div(a: Operand, b: Operand): Tensor {
    return b === 1 && typeof a !== "number" ? a : this.op("div", [a, b]);
  }
  neg(x: Tensor): Tensor {
    return this.op("neg", [x]);
  }
  exp(x: Tensor): Tensor {
    return this.op("exp", [x]);
  }
  log(x: Tensor): Tensor {
    return this.op("log", [x]);
  }
  sqrt(x: Tensor): Tensor {
    return this.op("sqrt", [x]);
  }
  rsqrt(x: Tensor): Tensor {
    return this.op("rsqrt", [x]);
  }
  square(x: Tensor): Tensor {
    return this.op("square", [x]);
  }
  sigmoid(x: Tensor): Tensor {
    return this.op("sigmoid", [x]);
  }
  tanh(x: Tensor): Tensor {
    return this.op("tanh", [x]);
  }
  relu(x: Tensor): Tensor {
    return this.op("relu", [x]);
  }
  maximum(a: Operand, b: Operand): Tensor {
    return this.op("maximum", [a, b]);
  }
  minimum(a: Operand, b: Operand): Tensor {
    return this.op("minimum", [a, b]);
  }
  greater(a: Operand, b: Operand): Tensor {
    return this.op("greater", [a, b]);
  }
  equal(a: Operand, b: Operand): Tensor {
    return this.op("equal", [a, b]);
  }
  where(condition: Tensor, a: Operand, b: Operand): Tensor {
    return this.op("where", [condition, a, b]);
  }

  #reduce(name: string, x: Tensor, axes: readonly number[] | undefined, keepDims: boolean): Tensor {
    const sorted = axesOf(x.shape, axes).sort((a, b) => a - b);
    const kept = x.shape.filter((_, axis) => !sorted.includes(axis));
    // Reducing axes of size 1 changes nothing.
    const y = sorted.every((axis) => x.shape[axis] === 1) ? x : this.op(name, [x], { axes: sorted });
    return keepDims ? y : this.reshape(y, kept);
  }
  sum(x: Tensor, axes?: readonly number[], keepDims = true): Tensor {
    return this.#reduce("sum", x, axes, keepDims);
  }
  mean(x: Tensor, axes?: readonly number[], keepDims = true): Tensor {
    // Scaled before the axes go, so that the scaling rides in the sum's write-out.
    const total = this.sum(x, axes);
    const mean = this.mul(total, sizeOf(total.shape) / sizeOf(x.shape));
    const reduced = axesOf(x.shape, axes);
    return keepDims ? mean : this.reshape(mean, x.shape.filter((_, axis) => !reduced.includes(axis)));
  }
  max(x: Tensor, axes?: readonly number[], keepDims = true): Tensor {
    return this.#reduce("max", x, axes, keepDims);
  }
  sumTo(x: Tensor, shape: Shape): Tensor {
    const lead = x.shape.length - shape.length;
    const axes = x.shape.flatMap((size, axis) => size !== 1 && (shape[axis - lead] ?? 1) === 1 ? [axis] : []);
    return this.reshape(this.sum(x, axes), shape);
  }

  reshape(x: Tensor, shape: Shape): Tensor {
    const node = this.#node(x);
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw new TypeError(
        `Cannot reshape [${x.shape.join(", ")}] to [${shape.join(", ")}]: ${sizeOf(x.shape)} elements are not ${
          sizeOf(shape)
        }`,
      );
    }
    if (`${shape}` === `${x.shape}` && shape.length === x.shape.length) return x;
    // Neither has a place in memory that the new shape could be a view of.
    if (node.op === "constant" || isScalarInput(node)) return this.broadcastTo(node, shape);
    const from = node.op === "reshape" ? node.inputs[0] : node;
    return `${shape}` === `${from.shape}` && shape.length === from.shape.length
      ? from
      : this.#add("reshape", shape, [from], {});
  }
  permute(x: Tensor, order: readonly number[]): Tensor {
    return this.op("permute", [x], { order });
  }
  slice(x: Tensor, start: readonly number[], size: readonly number[]): Tensor {
    return this.op("slice", [x], { start, size });
  }
  pad(x: Tensor, before: readonly number[], after: readonly number[]): Tensor {
    return this.op("pad", [x], { before, after });
  }
  concat(xs: readonly Tensor[], axis: number): Tensor {
    return this.op("concat", xs, { axis });
  }
  broadcastTo(x: Operand, shape: Shape): Tensor {
    const node = this.#node(x);
    return `${node.shape}` === `${shape}` ? node : this.op("broadcastTo", [node], { shape });
  }

  matmul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false } = {}): Tensor {
    return this.op("matmul", [a, b], { transposeA, transposeB });
  }
}

/** Axes from 0 on; a negative one counts from the last. No axes: all of them. */
function axesOf(shape: Shape, axes: readonly number[] | undefined): number[] {
  return [...(axes ?? shape.keys())].map((axis) => axis < 0 ? axis + shape.length : axis);
}
