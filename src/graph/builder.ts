/**
 * Builds graphs: every call adds a node, unless the same op on the same inputs is there already.
 *
 * A model is traced: its layers are called once on symbolic tensors. Training and evaluation are two traces. Because
 * equal calls give one node, a VJP may write down what the forward pass computed and pays nothing for it: `exp(x)` in
 * the gradient of `exp` is the node that is there.
 *
 * Some calls give no node: `x + 0`, `x · 1`, a reshape of a reshape. A ReLU moves behind the max pooling that reads
 * it, where there are fewer numbers (`commutesWith` in `kernels/op.ts`). `asWritten` leaves it where it is: who asks
 * for a gradient on the way, as `src/explain` does, asks for that of the layers as they are called.
 *
 * @module
 */

import {
  type Attrs,
  type Builder,
  type Call,
  type Lowering,
  type Operand,
  type Shape,
  sizeOf,
  type Tensor,
} from "../../kernels/op.ts";
import { opNamed } from "../../kernels/mod.ts";
import { type Chooser, RULES } from "./choices.ts";
import { type Assignment, type Graph, isScalarInput, keyOf, type Node, type Precision, storageOf } from "./graph.ts";

/** How compositions are expanded. */
export interface LoweringOptions {
  /** Are they, as they are added? Default false. */
  readonly primitives?: boolean;
  /** Largest tensor in bytes that the device takes whole; default any. */
  readonly maxBytes?: number;
  /** Which of an op's compositions is taken; default the heuristic's. */
  readonly choices?: Chooser;
}

/** Builder of one graph. */
export class GraphBuilder implements Builder {
  readonly #nodes: Node[] = [];
  readonly #known = new Map<string, Node>();
  readonly #outputs: Record<string, Node> = {};
  readonly #assignments = new Map<string, Assignment>();
  /** Shapes of inputs and states, by kind and name. */
  readonly #shapes = new Map<string, Shape>();
  readonly #primitives: boolean;
  readonly maxBytes: number;
  readonly #choices: Chooser;
  readonly #precision: Precision;
  readonly #asWritten: boolean;

  /**
   * An empty graph; `precision` is how what it stores is held, default f32. `asWritten` keeps ops in the order in which
   * they are called; by default some change places with the next, where that is cheaper.
   */
  constructor(
    { primitives = false, maxBytes = Infinity, choices = RULES, precision = "f32", asWritten = false }:
      & LoweringOptions
      & { readonly precision?: Precision; readonly asWritten?: boolean } = {},
  ) {
    this.#asWritten = asWritten;
    this.#primitives = primitives;
    this.maxBytes = maxBytes;
    this.#choices = choices;
    this.#precision = precision;
  }

  /** The graph built so far. */
  get graph(): Graph {
    return {
      nodes: this.#nodes,
      outputs: this.#outputs,
      assignments: [...this.#assignments.values()],
      precision: this.#precision,
    };
  }

  #add(op: string, shape: Shape, inputs: readonly Node[], attrs: Attrs): Node {
    const key = `${op}|${inputs.map((input) => input.id)}|${shape}|${keyOf(attrs)}`;
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

  /**
   * A part of an input or state that cannot be bound as a whole.
   *
   * @param start Its first element.
   * @param of Elements of the whole.
   */
  part(kind: "input" | "state", name: string, shape: Shape, start: number, of: number): Tensor {
    return this.#add(kind, shape, [], { name, start, of });
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

  /** Makes a tensor readable of which there are only parts along the first axis, in order. */
  outputParts(name: string, parts: readonly Tensor[]): void {
    const stored = parts.map((part) => this.#stored(part));
    const shape = [stored.reduce((sum, part) => sum + part.shape[0], 0), ...stored[0].shape.slice(1)];
    this.#outputs[name] = this.#add("join", shape, stored, {});
  }

  /** Ends the run with a new value for the elements of `state(name)` from `start` on, of `of` in all. */
  assignPart(name: string, value: Tensor, start: number, of: number): void {
    this.#assignments.set(`${name} from ${start}`, { state: name, value: this.#stored(value), start, of });
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

  /**
   * Any op of the registry. Throws TypeError for an unknown name, shapes that do not fit, and tensors of another graph.
   */
  op(name: string, inputs: readonly Operand[], attrs: Attrs = {}): Tensor {
    const nodes = inputs.map((input) => this.#node(input));
    const [first] = nodes;
    if (first && !this.#asWritten && opNamed(name).commutesWith?.includes(first.op)) {
      return this.op(first.op, [this.op(name, first.inputs, attrs)], first.attrs);
    }
    const output = opNamed(name).shape(nodes.map((node) => node.shape), attrs);
    const lower = this.#primitives
      ? this.#loweringOf(name, { inputs: nodes.map((node) => node.shape), output, attrs })
      : undefined;
    return lower ? lower(this, nodes, attrs) : this.#add(name, output, nodes, attrs);
  }

  /**
   * The composition that takes the place of a call; none for a primitive. One of a tensor that a device takes in parts
   * alone is left as it is: `cut.ts` asks again for each part.
   */
  #loweringOf(name: string, call: Call): Lowering | undefined {
    const { lower, kernel, alternatives } = opNamed(name);
    if (kernel && [...call.inputs, call.output].some((shape) => 4 * sizeOf(shape) > this.maxBytes)) return undefined;
    const choice = alternatives && this.#choices.of(name, call);
    return (choice === undefined ? undefined : alternatives?.lowering(choice)) ?? lower;
  }

  /** a + b; adding the number 0 adds no node. */
  add(a: Operand, b: Operand): Tensor {
    return a === 0 && typeof b !== "number" ? b : b === 0 && typeof a !== "number" ? a : this.op("add", [a, b]);
  }
  /** a − b; taking away the number 0 adds no node. */
  sub(a: Operand, b: Operand): Tensor {
    return b === 0 && typeof a !== "number" ? a : this.op("sub", [a, b]);
  }
  /** a · b, element by element; a factor that is the number 1 adds no node. */
  mul(a: Operand, b: Operand): Tensor {
    return a === 1 && typeof b !== "number" ? b : b === 1 && typeof a !== "number" ? a : this.op("mul", [a, b]);
  }
  /** a / b; dividing by the number 1 adds no node. */
  div(a: Operand, b: Operand): Tensor {
    return b === 1 && typeof a !== "number" ? a : this.op("div", [a, b]);
  }
  /** −x. */
  neg(x: Tensor): Tensor {
    return this.op("neg", [x]);
  }
  /** eˣ. */
  exp(x: Tensor): Tensor {
    return this.op("exp", [x]);
  }
  /** Natural logarithm. */
  log(x: Tensor): Tensor {
    return this.op("log", [x]);
  }
  /** √x. */
  sqrt(x: Tensor): Tensor {
    return this.op("sqrt", [x]);
  }
  /** 1 / √x. */
  rsqrt(x: Tensor): Tensor {
    return this.op("rsqrt", [x]);
  }
  /** x². */
  square(x: Tensor): Tensor {
    return this.op("square", [x]);
  }
  /** 1 / (1 + e⁻ˣ). */
  sigmoid(x: Tensor): Tensor {
    return this.op("sigmoid", [x]);
  }
  /** Hyperbolic tangent. */
  tanh(x: Tensor): Tensor {
    return this.op("tanh", [x]);
  }
  /** x where it is not below 0, else 0; a NaN stays one. */
  relu(x: Tensor): Tensor {
    return this.op("relu", [x]);
  }
  /** The larger of a and b; on a tie the gradient goes to a. */
  maximum(a: Operand, b: Operand): Tensor {
    return this.op("maximum", [a, b]);
  }
  /** The smaller of a and b; on a tie the gradient goes to a. */
  minimum(a: Operand, b: Operand): Tensor {
    return this.op("minimum", [a, b]);
  }
  /** 1 where a > b, else 0. It stops gradients. */
  greater(a: Operand, b: Operand): Tensor {
    return this.op("greater", [a, b]);
  }
  /** 1 where a = b, else 0. It stops gradients. */
  equal(a: Operand, b: Operand): Tensor {
    return this.op("equal", [a, b]);
  }
  /** `a` where `condition` is not 0, else `b`. */
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
  /**
   * Sum over `axes` (default all; a negative one counts from the last), which stay with size 1 unless `keepDims` is
   * false.
   */
  sum(x: Tensor, axes?: readonly number[], keepDims = true): Tensor {
    return this.#reduce("sum", x, axes, keepDims);
  }
  /** Arithmetic mean over `axes`; axes as in {@link GraphBuilder.sum}. */
  mean(x: Tensor, axes?: readonly number[], keepDims = true): Tensor {
    // Scaled before the axes go, so that the scaling rides in the sum's write-out.
    const total = this.sum(x, axes);
    const mean = this.mul(total, sizeOf(total.shape) / sizeOf(x.shape));
    const reduced = axesOf(x.shape, axes);
    return keepDims ? mean : this.reshape(mean, x.shape.filter((_, axis) => !reduced.includes(axis)));
  }
  /** Largest element over `axes`; axes as in {@link GraphBuilder.sum}. */
  max(x: Tensor, axes?: readonly number[], keepDims = true): Tensor {
    return this.#reduce("max", x, axes, keepDims);
  }
  /** Sums `x` over the axes that broadcasting `shape` to `x.shape` would add: the VJP of broadcasting. */
  sumTo(x: Tensor, shape: Shape): Tensor {
    const lead = x.shape.length - shape.length;
    const axes = x.shape.flatMap((size, axis) => size !== 1 && (shape[axis - lead] ?? 1) === 1 ? [axis] : []);
    return this.reshape(this.sum(x, axes), shape);
  }

  /** The same elements in the same order under another shape: no work. Throws TypeError when their number differs. */
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
    const from = node.op === "reshape" && node.attrs.again === undefined ? node.inputs[0] : node;
    return `${shape}` === `${from.shape}` && shape.length === from.shape.length
      ? from
      : this.#add("reshape", shape, [from], {});
  }

  /** The same tensor under another name: what is computed from it is computed again for each `time`. */
  again(x: Tensor, time: number): Tensor {
    return this.#add("reshape", x.shape, [this.#node(x)], { again: time });
  }

  /** Axes in another order: axis k of the result is axis `order[k]` of x. */
  permute(x: Tensor, order: readonly number[]): Tensor {
    return this.op("permute", [x], { order });
  }
  /** The block of `size` that begins at `start`, both with one number for each axis; all of it adds no node. */
  slice(x: Tensor, start: readonly number[], size: readonly number[]): Tensor {
    const shape = opNamed("slice").shape([x.shape], { start, size });
    return `${shape}` === `${x.shape}` ? this.#node(x) : this.op("slice", [x], { start, size });
  }
  /** Zeros before and after each axis, with one number of them for each. */
  pad(x: Tensor, before: readonly number[], after: readonly number[]): Tensor {
    return this.op("pad", [x], { before, after });
  }
  /** Tensors one after the other along `axis`; all other sizes are equal. One alone adds no node. */
  concat(xs: readonly Tensor[], axis: number): Tensor {
    const shape = opNamed("concat").shape(xs.map((x) => x.shape), { axis });
    return `${shape}` === `${xs[0].shape}` ? this.#node(xs[0]) : this.op("concat", xs, { axis });
  }
  /** Repeats axes of size 1 until the shape is `shape`. */
  broadcastTo(x: Operand, shape: Shape): Tensor {
    const node = this.#node(x);
    return `${node.shape}` === `${shape}` ? node : this.op("broadcastTo", [node], { shape });
  }

  /** `[..., M, K] · [..., K, N]`, either operand stored with its last two axes swapped. */
  matmul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false } = {}): Tensor {
    return this.op("matmul", [a, b], { transposeA, transposeB });
  }
}

/** Axes from 0 on; a negative one counts from the last. No axes: all of them. */
function axesOf(shape: Shape, axes: readonly number[] | undefined): number[] {
  return [...(axes ?? shape.keys())].map((axis) => axis < 0 ? axis + shape.length : axis);
}
