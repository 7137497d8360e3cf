/**
 * What is timed of the registry's ops: `kernels_bench.ts` gives the cases to `deno bench`, and the item `kernels` holds
 * each against its device's own rates.
 *
 * @module
 */

import { registry } from "../kernels/mod.ts";
import type { Cost, Op, OpSample } from "../kernels/op.ts";
import type { Device } from "../src/device/device.ts";
import { isSlow } from "../src/device/registry.ts";
import { GraphBuilder } from "../src/graph/builder.ts";
import { differentiate } from "../src/graph/differentiate.ts";
import type { Graph } from "../src/graph/graph.ts";

/** An op at a size. */
export interface KernelCase {
  readonly op: Op;
  readonly sample: OpSample;
  /** With its gradient: a composition's gradient has no op of its own. */
  readonly backward: boolean;
  /** The op, the shapes of its inputs, and its attributes: no two are the same. */
  readonly name: string;
  /** Work of the forward pass. */
  readonly cost: Cost;
}

function caseOf(op: Op, sample: OpSample, backward: boolean): KernelCase {
  const inputs = sample.inputs.map(({ shape }) => shape);
  const attrs = sample.attrs ?? {};
  const shapes = inputs.map((shape) => `[${shape}]`).join(" ");
  const settings = Object.entries(attrs).map(([key, value]) =>
    ` ${key} ${Array.isArray(value) ? `[${value}]` : value}`
  );
  const name = `${op.name}${backward ? " and gradient" : ""} ${shapes}${settings.join("")}`;
  return { op, sample, backward, name, cost: op.cost({ inputs, output: op.shape(inputs, attrs), attrs }) };
}

/** All cases, op by op. */
export const kernelCases: readonly KernelCase[] = [...registry.values()].flatMap((op) =>
  op.samples.filter(({ bench }) => bench).flatMap((sample) =>
    op.lower && op.vjp ? [caseOf(op, sample, false), caseOf(op, sample, true)] : [caseOf(op, sample, false)]
  )
);

const workOf = ({ cost }: KernelCase) => cost.flops + cost.bytes;

/** The cases for a device. On a slow one, which takes seconds for them, it is the one with least work of each op. */
export function casesFor(kind: Device["kind"]): readonly KernelCase[] {
  if (!isSlow({ kind })) return kernelCases;
  const forward = kernelCases.filter(({ backward }) => !backward);
  return [...Map.groupBy(forward, ({ op }) => op).values()].map((of) =>
    of.toSorted((a, b) => workOf(a) - workOf(b))[0]
  );
}

/** The graph of a case. */
export function graphOf({ op, sample, backward }: KernelCase): Graph {
  const b = new GraphBuilder();
  const xs = sample.inputs.map(({ shape }, k) => b.state(`x${k}`, shape));
  const y = b.op(op.name, xs, sample.attrs ?? {});
  b.output("y", y);
  if (backward) {
    const sources = xs.filter((_, k) => !sample.noGrad?.includes(k));
    differentiate(b, b.sum(b.square(y), undefined, false), sources).forEach((grad, k) => b.output(`dx${k}`, grad));
  }
  return b.graph;
}
