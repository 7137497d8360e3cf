/**
 * Reverse-mode differentiation: one walk from the loss to the inputs, in which each op's VJP rule adds ordinary
 * nodes to the same graph.
 *
 * Gradients are traced only for inputs on a path to a parameter. An op without a VJP stops them, as comparisons do.
 * Clipping and the optimiser's update are further nodes of the same graph (`src/train/step.ts`).
 *
 * Differentiation comes before lowering: a VJP sees batch norm or cross-entropy as one op and can use its closed form.
 *
 * @module
 */

import type { Tensor, Vjp } from "../../kernels/op.ts";
import { opNamed } from "../../kernels/mod.ts";
import type { GraphBuilder } from "./builder.ts";
import { type Node, STRUCTURAL } from "./graph.ts";

/** Nodes on a path from any of `sources`: those that need a gradient. */
function dependents(nodes: readonly Node[], sources: ReadonlySet<Tensor>): Set<Node> {
  const found = new Set<Node>();
  for (const node of nodes) {
    if (sources.has(node) || node.inputs.some((input) => found.has(input))) found.add(node);
  }
  return found;
}

/**
 * Gradients of `loss` with respect to `sources`.
 *
 * @param b The builder that `loss` was built with; the gradients are built there too.
 * @param loss A tensor of one element.
 * @param sources Tensors of the same graph, usually states.
 * @param rules Gradient rules by the names of ops, in the place of the ops' own.
 * @returns One tensor for each source, of its shape; zeros where the loss does not depend on it.
 */
export function differentiate(
  b: GraphBuilder,
  loss: Tensor,
  sources: readonly Tensor[],
  rules: Readonly<Record<string, Vjp>> = {},
): Tensor[] {
  if (loss.shape.some((size) => size !== 1)) {
    throw new TypeError(
      `Cannot differentiate [${loss.shape.join(", ")}]: a loss has one element; take its sum or mean`,
    );
  }
  const forward = b.graph.nodes.slice(0, loss.id + 1);
  const needed = dependents(forward, new Set(sources));
  const grads = new Map<Tensor, Tensor>([[loss, b.broadcastTo(1, loss.shape)]]);
  for (const node of forward.toReversed()) {
    const grad = grads.get(node);
    if (!grad || !needed.has(node)) continue;
    for (const [input, part] of pullBack(b, node, grad, needed, rules)) {
      const sum = grads.get(input);
      grads.set(input, sum ? b.add(sum, part) : part);
    }
  }
  return sources.map((source) => grads.get(source) ?? b.broadcastTo(0, source.shape));
}

/** The gradient of one node handed to its inputs. */
function pullBack(
  b: GraphBuilder,
  node: Node,
  grad: Tensor,
  needed: ReadonlySet<Node>,
  rules: Readonly<Record<string, Vjp>>,
): [Node, Tensor][] {
  if (node.op === "reshape") return [[node.inputs[0], b.reshape(grad, node.inputs[0].shape)]];
  const needs = node.inputs.map((input) => needed.has(input));
  if (STRUCTURAL.has(node.op) || !needs.includes(true)) return [];
  const vjp = rules[node.op] ?? opNamed(node.op).vjp;
  if (!vjp) return [];
  const parts = vjp({ b, inputs: node.inputs, output: node, attrs: node.attrs, grad, needs });
  return node.inputs.flatMap((input, k) => {
    const part = parts[k];
    if (!needs[k] || !part) return [];
    if (`${part.shape}` !== `${input.shape}`) {
      throw new TypeError(
        `The VJP of ${node.op} gives [${part.shape.join(", ")}] for input ${k} of shape [${input.shape.join(", ")}]`,
      );
    }
    return [[input, part] as [Node, Tensor]];
  });
}
