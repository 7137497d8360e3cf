/**
 * Prints the elementwise part of a step as source text; each device gives its language.
 *
 * @module
 */

import { elementwise } from "../../kernels/elementwise.ts";
import type { Emit } from "../../kernels/emit.ts";
import { isScalarInput, type Node, storageOf } from "../graph/graph.ts";
import type { FusedStep } from "../graph/fused_step.ts";

/** A target language, at the element that is being computed. */
export interface Language extends Emit {
  /** Statement that names a value. */
  declare(name: string, value: string): string;
  /** The element of a stored tensor that broadcasting to `shape` puts here. */
  leaf(node: Node, shape: readonly number[]): string;
  /** A scalar that is given at every run. */
  scalar(name: string): string;
}

/** Source of the values of some nodes. */
export interface Expression {
  readonly statements: readonly string[];
  /** One for each root. */
  readonly results: readonly string[];
}

/**
 * Source that computes `roots` from the tensors that `step` reads.
 *
 * @param value Source of the value of the step's own kernel, in an epilogue; it is the only one then.
 */
export function printExpression(
  step: FusedStep,
  roots: readonly Node[],
  language: Language,
  value?: string,
): Expression {
  const statements: string[] = [];
  const named = new Map<Node, string>();
  if (value) named.set(step.kernels[0].kernel, value);

  const name = (node: Node, source: string): string => {
    const variable = `v${named.size}`;
    statements.push(language.declare(variable, source));
    named.set(node, variable);
    return variable;
  };
  const print = (node: Node, shape: readonly number[]): string => {
    const known = named.get(node);
    if (known) return known;
    if (node.op === "constant") return language.number(node.attrs.value as number);
    if (isScalarInput(node)) return name(node, language.scalar(node.attrs.name as string));
    if (step.reads.includes(storageOf(node))) return name(node, language.leaf(node, shape));
    const { expression } = elementwise.get(node.op)!;
    // What has literals alone for operands would be computed by the shader's compiler, to which ln 0 is an error: they
    // are named.
    const isConstant = node.inputs.every((input) => input.op === "constant");
    // Not the node's own shape: a number that is the same everywhere is computed here whatever its shape.
    const operands = node.inputs.map((input) => {
      const operand = print(input, shape);
      return isConstant && !named.has(input) ? name(input, operand) : operand;
    });
    return name(node, expression(language, operands, node.attrs));
  };
  const results = roots.map((root) => print(root, root.shape));
  return { statements, results };
}

/** A stored tensor that an expression reads, and the shape that it is broadcast to there. */
export interface Leaf {
  readonly node: Node;
  readonly shape: readonly number[];
}

/**
 * What {@link printExpression} reads of stored tensors, in the order of its text.
 *
 * @param kernel The step's own kernel in an epilogue, whose value is not read.
 */
export function leavesOf(step: FusedStep, roots: readonly Node[], kernel?: Node): Leaf[] {
  const seen = new Set<Node>(kernel ? [kernel] : []);
  const visit = (node: Node, shape: readonly number[]): Leaf[] => {
    if (seen.has(node) || node.op === "constant" || isScalarInput(node)) return [];
    seen.add(node);
    return step.reads.includes(storageOf(node))
      ? [{ node, shape }]
      : node.inputs.flatMap((input) => visit(input, shape));
  };
  return roots.flatMap((root) => visit(root, root.shape));
}
