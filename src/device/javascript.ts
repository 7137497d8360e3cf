/**
 * JavaScript as a target language: gpu.js's subset, which plain JavaScript runs too.
 *
 * @module
 */

import type { Shape } from "../../kernels/op.ts";
import { sizeOf } from "../../kernels/op.ts";
import type { Node } from "../graph/graph.ts";
import type { Language } from "./expression.ts";

/** Prints JavaScript for the element at `this.thread.x`. */
export class JavaScript implements Language {
  readonly #nameOf: (leaf: Node) => string;
  /** Scalar inputs met so far; the kernel takes them as numbers, named `s0`, `s1`, … in this order. */
  readonly scalars: string[] = [];

  /** @param nameOf Name of the flat array that holds a leaf's values. */
  constructor(nameOf: (leaf: Node) => string) {
    this.#nameOf = nameOf;
  }

  declare(name: string, value: string): string {
    return `const ${name} = ${value};`;
  }

  number(value: number): string {
    // gpu.js knows Infinity by name, but not NaN.
    if (Number.isNaN(value)) return "(0 / 0)";
    return value < 0 || Object.is(value, -0) ? `(${value})` : `${value}`;
  }

  scalar(name: string): string {
    if (!this.scalars.includes(name)) this.scalars.push(name);
    return `s${this.scalars.indexOf(name)}`;
  }

  call(name: string, ...args: string[]): string {
    return `Math.${name}(${args.join(", ")})`;
  }

  select(condition: string, ifTrue: string, ifFalse: string): string {
    return `((${condition}) ? ${ifTrue} : ${ifFalse})`;
  }

  isFinite(x: string): string {
    return `${x} - ${x} == 0`;
  }

  isNaN(x: string): string {
    return `${x} != ${x}`;
  }

  isNegative(x: string): string {
    return `${x} < 0`;
  }

  random(keyHi: string, keyLo: string, stream: number, start: number): string {
    return `randomUniform(${this.index(start)}, ${stream}, ${keyHi}, ${keyLo})`;
  }

  index(start: number): string {
    return start === 0 ? "this.thread.x" : `(this.thread.x + ${start})`;
  }

  leaf(node: Node, shape: Shape): string {
    return `${this.#nameOf(node)}[${broadcastIndex(node.shape, shape)}]`;
  }
}

/** Position in a broadcast operand of element `this.thread.x` of `shape`. */
function broadcastIndex(operand: Shape, shape: Shape): string {
  if (sizeOf(operand) === sizeOf(shape)) return "this.thread.x";
  const terms: string[] = [];
  let inner = 1;
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = operand[axis - shape.length + operand.length] ?? 1;
    if (size !== 1) {
      const along = inner === 1 ? "this.thread.x" : `Math.floor(this.thread.x / ${inner})`;
      terms.push(`(${along} % ${size}) * ${stride}`);
      stride *= size;
    }
    inner *= shape[axis];
  }
  return terms.join(" + ") || "0";
}
