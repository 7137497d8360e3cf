/**
 * The WGSL texts of graphs, as they are written for a processor and for a GPU; no adapter is asked.
 *
 * @module
 */

import { registry } from "../../kernels/mod.ts";
import type { Op } from "../../kernels/op.ts";
import { inPagesBy, sideBySide } from "../../src/device/state_pages.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { dispatchesOf, type PlannedDispatch } from "../../src/device/webgpu/dispatches.ts";
import type { DispatchDevice } from "../../src/device/webgpu/multi_tensor.ts";
import { questionsIn, waysOf } from "../../src/device/questions.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { Choices, type Chooser, RULES } from "../../src/graph/choices.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { createModel, type ModelDefinition, modelNamed, models } from "../../src/models/mod.ts";
import { adamW, sgd } from "../../src/train/optimizers/mod.ts";
import { evaluationGraph } from "../../src/run/evaluation_graph.ts";
import { type StepOptions, trainingGraph } from "../../src/train/step.ts";
import { forwardGraphOf, graphOf, nameIn, readCases, type Trial } from "../kernels/trials.ts";

/**
 * What texts are written for. The objects are kept: by them the assembler knows the kernels' texts that it has written.
 */
const TARGETS: readonly DispatchDevice[] = [
  { isSoftware: true, readsTextures: true, bindsReadOnly: false, maxBinding: 2 ** 27 },
  { isSoftware: false, readsTextures: false, bindsReadOnly: true, maxBinding: 2 ** 27 },
];

/** WebGPU promises a buffer of 256 MiB, bindings of 128 MiB and 8 storage buffers. */
const LIMITS = { maxBuffer: 2 ** 28, maxBinding: 2 ** 27 };

const BUFFERS = { maxStatePage: LIMITS.maxBinding, maxBuffer: LIMITS.maxBuffer };

/** Dispatches by what they are of. */
export type Texts = Iterable<readonly [name: string, dispatch: PlannedDispatch]>;

const kindOf = ({ isSoftware }: DispatchDevice): string => isSoftware ? "for a processor" : "for a GPU";

function* textsOf(name: string, graph: Graph, targets = TARGETS, chooser: Chooser = RULES): Texts {
  for (const target of targets) {
    const plan = compile(graph, webGpuTarget({ ...LIMITS, alternates: target.bindsReadOnly }), chooser);
    const { places } = sideBySide(plan.states, BUFFERS);
    const inPages = inPagesBy((state) => places.get(state)!);
    for (const dispatch of dispatchesOf(plan, target, chooser, inPages).dispatches) {
      yield [`${name} ${kindOf(target)}`, dispatch];
    }
  }
}

/** The samples of an op without values, those of the bench too where they are asked for. */
function samplesOf(op: Op, withBench: boolean): Trial[] {
  return op.samples.filter(({ bench }) => withBench || !bench).map(({ inputs, attrs = {}, noGrad }, k) => ({
    op,
    attrs,
    label: `sample ${k}`,
    shapes: inputs.map(({ shape }) => shape),
    given: {},
    differentiable: [...inputs.keys()].filter((input) => !noGrad?.includes(input)),
    ...{ abs: 0, rel: 0 },
  }));
}

/** Forward and backward, each input and cotangent computed by an elementwise op, and each result given to one. */
function fusedGraphOf(trials: readonly Trial[]): Graph {
  const b = new GraphBuilder();
  trials.forEach(({ op, shapes, attrs, differentiable }, at) => {
    const xs = shapes.map((shape, k) => b.maximum(b.input(nameIn(at, `x${k}`), shape), -1e6));
    const y = b.op(op.name, xs, attrs);
    b.output(nameIn(at, "y"), b.sub(y, 0.25));
    if (differentiable.length === 0) return;
    const loss = b.sum(b.mul(y, b.maximum(b.input(nameIn(at, "dy"), y.shape), -1e6)), undefined, false);
    const grads = differentiate(b, loss, differentiable.map((k) => xs[k]));
    differentiable.forEach((k, i) => b.output(nameIn(at, `dx${k}`), b.sub(grads[i], 0.25)));
  });
  return b.graph;
}

const { cases } = await readCases();

/** Every sample of an op and every stored case, forward and backward, alone and with what can be fused. */
export function* textsOfOp(op: Op): Texts {
  const samples = samplesOf(op, true);
  yield* textsOf(op.name, graphOf([...samples, ...cases.get(op.name) ?? []]));
  yield* textsOf(`${op.name}, fused,`, fusedGraphOf(samples));
}

/** Ops that can be computed in several ways. */
export const opsWithWays: readonly Op[] = [...registry.values()].filter(({ kernel, alternatives }) =>
  kernel?.candidates || alternatives
);

/** Every way to compute the samples of an op, and what they are lowered to. */
export function* waysOfOp(op: Op): Texts {
  const graph = forwardGraphOf(samplesOf(op, false));
  const questions = questionsIn((chooser) => compile(graph, webGpuTarget(LIMITS), chooser), RULES);
  for (const target of TARGETS) {
    const lists = [...questions].map(([bucket, question]) => {
      const { rules, candidates, others } = waysOf(question, target);
      return { bucket, ways: [rules, ...candidates, ...others] };
    });
    // All calls at once: each takes its next way in the next round.
    const rounds = Math.max(0, ...lists.map(({ ways }) => ways.length));
    for (let round = 0; round < rounds; round++) {
      const taken = lists.map(({ bucket, ways }) => [bucket, ways[round % ways.length]]);
      yield* textsOf(`${op.name}, way ${round},`, graph, [target], new Choices(Object.fromEntries(taken)));
    }
  }
}

/** As most runs have it; small pictures leave the network's text as it is, but for tiles. */
const STEP: StepOptions = {
  task: "multiclass",
  batch: 4,
  optimizer: adamW(),
  weightDecay: 0.1,
  clipNorm: 1,
  labelSmoothing: 0.1,
  skipNonFinite: false,
};

/** Smallest side of the pictures that a model is given, unless it takes no smaller ones. */
const SIDE = 32;

/** A model's training step and its evaluation. */
function* textsOfModel(
  { name, minImageSize }: ModelDefinition,
  step: Partial<StepOptions> = {},
): Texts {
  const model = createModel(name, { classes: step.task === "binary" ? 1 : 5, imageSize: Math.max(SIDE, minImageSize) });
  yield* textsOf(`${name}, training,`, trainingGraph(model, { ...STEP, ...step }));
  yield* textsOf(`${name}, evaluation,`, evaluationGraph(model, STEP.batch));
}

/** What is asked of a step besides what most runs ask. */
export const otherSteps: Readonly<Record<string, Partial<StepOptions>>> = {
  "with SGD": { optimizer: sgd(), weightDecay: 0, clipNorm: undefined, labelSmoothing: 0 },
  "for a binary task": { task: "binary" },
  "for labels": { task: "multilabel", skipNonFinite: true },
  "that gathers": { accumulation: "gather" },
  "that learns from what was gathered": { accumulation: "update" },
  "with activations computed again": { checkpointActivations: true },
  "in half precision": { precision: "f16" },
};

/** `deno task ok` takes one model of each family: its depth and its width bring few texts. */
const QUICK = ["lenet", "naive-cnn", "vgg11-bn", "resnet18", "vit-ti16", "swin-t"];
const isQuick = Deno.env.get("FOVEA_QUICK") === "1";

/** Texts of the models whose names begin so, by model, and of some steps of other kinds. */
export function textsOfFamilies(
  families: readonly string[],
  others: readonly (readonly [model: string, step: string])[],
): ReadonlyMap<string, () => Texts> {
  const chosen = models.filter(({ name }) =>
    families.some((family) => name.startsWith(family)) && (!isQuick || QUICK.includes(name))
  );
  return new Map([
    ...chosen.map((model) => [model.name, () => textsOfModel(model)] as const),
    ...others.map(([model, step]) =>
      [`${model}, a step ${step}`, () => textsOfModel(modelNamed(model), otherSteps[step])] as const
    ),
  ]);
}
