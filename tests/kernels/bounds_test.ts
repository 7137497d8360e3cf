/**
 * No way to compute a call is written longer, or keeps more in registers, than `kernels/writing/bounds.ts` says: all
 * calls of all models' gradients, by each candidate of each kernel, after each composition that may take an op's
 * place, for a processor and for a GPU.
 *
 * @module
 */

import { assert } from "@std/assert";
import { boundsFor } from "../../kernels/writing/bounds.ts";
import { opNamed } from "../../kernels/mod.ts";
import type { Call, Shape, Target } from "../../kernels/op.ts";
import { waysOf } from "../../src/device/questions.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { bucketOf, Choices, type Chooser, RULES } from "../../src/graph/choices.ts";
import { callOf, type Graph, keyOf, liveNodes, STRUCTURAL } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/passes/lower.ts";
import { createModel, models } from "../../src/models/mod.ts";
import { gradientGraph } from "../../src/train/parity.ts";
import { isQuick } from "../amount.ts";

interface OneCall {
  readonly op: string;
  readonly call: Call;
}

/** All calls of primitives that a graph can be lowered to. */
class Calls {
  readonly found = new Map<string, OneCall>();
  readonly #target: Target;
  readonly #asked = new Set<string>();
  #open: OneCall[] = [];

  constructor(target: Target) {
    this.#target = target;
  }

  add(graph: Graph): void {
    this.#visit(graph, RULES);
    for (let asked = this.#open.pop(); asked; asked = this.#open.pop()) {
      const { op, call } = asked;
      for (const way of waysOf({ ...asked, work: 0 }, this.#target).others) {
        this.#visit(graphOf(asked), new Choices({ [bucketOf(op, call)]: way }));
      }
    }
  }

  #visit(graph: Graph, choices: Chooser): void {
    const chooser: Chooser = {
      of: (op, call) => {
        const key = `${op} ${keyOf(call)}`;
        if (!this.#asked.has(key)) this.#open.push({ op, call });
        this.#asked.add(key);
        return choices.of(op, call);
      },
    };
    for (const node of liveNodes(lower(graph, { choices: chooser }))) {
      if (STRUCTURAL.has(node.op) || !opNamed(node.op).kernel) continue;
      const call = callOf(node);
      this.found.set(`${node.op} ${keyOf(call)}`, { op: node.op, call });
    }
  }
}

/** A call by itself. */
function graphOf({ op, call: { inputs, attrs } }: OneCall): Graph {
  const b = new GraphBuilder();
  b.output("y", b.op(op, inputs.map((shape, k) => b.state(`x${k}`, shape)), attrs));
  return b.graph;
}

/** What `deno task ok` looks at: of each family the one with the most kinds of calls. */
const QUICK = ["naive-cnn", "alexnet", "resnet50", "vit-b32", "swin-v2-t"];

/** All models at their own size, and at the least. */
const ofModels: readonly Graph[] = models.filter(({ name }) => !isQuick || QUICK.includes(name)).flatMap((
  { name, imageSize, minImageSize },
) =>
  [...new Set([imageSize, minImageSize])].map((side) =>
    gradientGraph(createModel(name, { classes: 10, imageSize: side }), 2)
  )
);

/** What no model here has: large windows, strides and groups. */
const ofLayers: readonly Graph[] = ([
  [[2, 4, 70, 70], [8, 4, 32, 32], 1, 1],
  [[2, 4, 70, 70], [8, 4, 32, 32], 32, 1],
  [[2, 16, 70, 70], [32, 16, 24, 24], 3, 1],
  [[2, 64, 64, 64], [64, 64, 8, 8], 8, 1],
  [[2, 64, 65, 65], [64, 64, 8, 8], 8, 1],
  [[2, 32, 96, 96], [32, 32, 17, 17], 16, 1],
  [[2, 32, 96, 96], [32, 1, 15, 15], 2, 32],
  [[2, 8, 130, 130], [8, 8, 64, 64], 1, 1],
  [[2, 8, 30, 30], [8, 4, 1, 30], 1, 2],
] as const).map(([x, weight, stride, groups]) => {
  const b = new GraphBuilder();
  const attrs = { stride, padding: 0, groups };
  const [input, taps] = [b.state("x", x), b.state("w", weight)];
  const y = b.op("conv2d", [input, taps], attrs);
  b.output("y", y);
  b.output("dx", b.op("conv2dInputGrad", [taps, y], { ...attrs, inputSize: x.slice(2) }));
  b.output("dw", b.op("conv2dWeightGrad", [input, y], { ...attrs, kernelSize: weight.slice(2) }));
  return b.graph;
});

/** Numbers that a text sums up in registers; what finished blocks add up to is not counted. */
function accumulatorsIn(code: string): number {
  let count = 0;
  for (const [, name, value] of code.matchAll(/var (c\d\w*) = (0\.0|vec4f\(\));/g)) {
    if (!/Rest$|Blocks$/.test(name)) count += value === "0.0" ? 1 : 4;
  }
  return count;
}

/** Texts of products are told apart by which sizes are whole fours, and which are long. */
function textKey({ op, call: { inputs, attrs } }: OneCall, candidate: string | undefined): string | undefined {
  if (!op.startsWith("matmul")) return undefined;
  const kind = (shape: Shape) => `${shape.length}: ${shape.map((size) => `${size % 4}${size >= 512}`)}`;
  const { splits, ...others } = attrs;
  return `${inputs.map(kind)} ${splits === undefined} ${JSON.stringify(others)} ${candidate}`;
}

for (const [name, target] of [["a processor", { isSoftware: true }], ["a GPU", { isSoftware: false }]] as const) {
  Deno.test(`no kernel for ${name} unrolls more than is stated`, () => {
    const bounds = boundsFor(target);
    const calls = new Calls(target);
    for (const graph of [...ofModels, ...ofLayers]) calls.add(graph);
    const seen = new Set<string>();
    let longest = 0;
    for (const one of calls.found.values()) {
      const { op, call } = one;
      const { kernel } = opNamed(op);
      for (const candidate of kernel!.candidates?.(call, target) ?? [undefined]) {
        const key = textKey(one, candidate);
        if (key !== undefined && seen.has(key)) continue;
        if (key !== undefined) seen.add(key);
        const { code } = kernel!.wgsl(call, target, candidate);
        const where = `${op} ${candidate} of ${keyOf(call)}`;
        assert(code.length <= bounds.text, `${where}: ${code.length} characters`);
        assert(accumulatorsIn(code) <= bounds.accumulators, `${where}: ${accumulatorsIn(code)} accumulators`);
        longest = Math.max(longest, code.length);
      }
    }
    assert(longest > bounds.text / 2, `the longest text has ${longest} characters: the bound says nothing`);
  });
}

Deno.test("convolutions whose windows lie side by side are never computed by the kernels", () => {
  for (const name of ["vit-ti16", "vit-b32", "swin-t"]) {
    const asked = new Calls({ isSoftware: false });
    asked.add(gradientGraph(createModel(name, { classes: 10 }), 2));
    const direct = [...asked.found.values()].filter(({ op }) => op === "convolve" || op === "conv2dWeightGradPartial");
    assert(direct.length === 0, `${name}: ${direct.map(({ op }) => op)}`);
  }
});
