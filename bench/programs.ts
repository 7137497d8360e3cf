/**
 * Programs to be timed, and the device's own rates, which every figure stands beside.
 *
 * @module
 */

import type { Device, Program, Session, StepTime, Values } from "../src/device/device.ts";
import { GraphBuilder } from "../src/graph/builder.ts";
import type { Choices } from "../src/graph/choices.ts";
import { type Graph, isScalarInput, liveNodes, type Precision, stateSizes, wholeSize } from "../src/graph/graph.ts";
import type { Model } from "../src/models/mod.ts";
import { sgd } from "../src/train/optimizers/mod.ts";
import { evaluationGraph } from "../src/run/evaluation_graph.ts";
import { trainingGraph } from "../src/train/step.ts";
import { median } from "./table.ts";

/** A compiled graph with values for everything it reads. */
export interface Prepared extends Disposable {
  readonly session: Session;
  readonly program: Program;
  readonly inputs: Values;
}

/** Length after which the numbers of {@link filled} repeat. */
const PERIOD = 1009;

/** Numbers in [0.25, 0.75) times `scale`, repeated: what they are changes no time, but they must stay finite. */
function filled(length: number, scale = 1): Float32Array {
  const values = new Float32Array(length);
  for (let i = 0; i < Math.min(PERIOD, length); i++) values[i] = scale * (0.25 + (i * 7919 % PERIOD) / (2 * PERIOD));
  for (let done = PERIOD; done < length; done *= 2) values.copyWithin(done, 0, done);
  return values;
}

/** Compiles a graph, fills its states and inputs, and runs it once, so that its pipelines are compiled. */
export async function prepare(
  device: Device,
  graph: Graph,
  scale = 1,
  choices: Choices = device.choices,
): Promise<Prepared> {
  const session = device.open(choices);
  const program = session.compile(graph);
  for (const [name, length] of stateSizes(graph)) {
    session.write(name, filled(length, name.endsWith("var") ? 1 : scale));
  }
  const inputs: Record<string, Float32Array> = {};
  for (const node of liveNodes(graph)) {
    if (node.op !== "input") continue;
    inputs[node.attrs.name as string] = isScalarInput(node) ? new Float32Array(1) : filled(wholeSize(node));
  }
  await program.prepare();
  program.run(inputs);
  await session.settle();
  return { session, program, inputs, [Symbol.dispose]: () => session[Symbol.dispose]() };
}

/** Least seconds between two waits for the device, which cost 11 ms each in Deno. */
const BETWEEN_WAITS = 0.5;

/**
 * Median wall time of a run in seconds. Short runs follow each other and are waited for together, as the trainer does
 * between two logs.
 *
 * @param most Seconds after which no further run is begun; one is timed in any case.
 */
export async function secondsOf(
  { session, program, inputs }: Prepared,
  runs: number,
  most = Infinity,
): Promise<number> {
  const timed = async (count: number) => {
    const start = performance.now();
    for (let k = 0; k < count; k++) program.run(inputs);
    await session.settle();
    return (performance.now() - start) / 1000 / count;
  };
  const begun = performance.now();
  const isOver = () => performance.now() - begun > 1000 * most;
  const count = Math.ceil(BETWEEN_WAITS / await timed(1));
  const times = [await timed(count)];
  for (let k = 1; k < runs && !isOver(); k++) times.push(await timed(count));
  return median(times);
}

/** Median time on the device's own clock in seconds. */
export async function deviceSecondsOf({ program, inputs }: Prepared, runs: number): Promise<number> {
  const times: number[] = [];
  for (let k = 0; k < runs; k++) {
    const steps = await program.profile(inputs);
    times.push(steps.reduce((sum, { seconds }) => sum + seconds, 0));
  }
  return median(times);
}

/** The graph of a training step with momentum. */
export function trainingStep(model: Model, batch: number, precision: Precision = "f32"): Graph {
  return trainingGraph(model, {
    ...{ task: "multiclass", batch, optimizer: sgd(), weightDecay: 0, labelSmoothing: 0, skipNonFinite: false },
    precision,
  });
}

/** The graph of a forward pass. */
export function inferenceStep(model: Model, batch: number): Graph {
  return evaluationGraph(model, batch);
}

/** What a device does at most, as its own kernels reach it. */
export interface Rates {
  /** FLOP/s of a square matrix product. */
  readonly flops: number;
  /** Bytes/s, read and written, of an elementwise copy. */
  readonly bytes: number;
}

/** A square matrix product. */
export function squareProduct(side: number): Graph {
  const b = new GraphBuilder();
  b.output("c", b.matmul(b.state("a", [side, side]), b.state("b", [side, side])));
  return b.graph;
}

/** Side of the matrices by which a rate is measured: large enough that launching costs nothing. */
export const squareSide = (isGpu: boolean): number => isGpu ? 4096 : 1024;

/**
 * Measures a device's rates.
 *
 * @param side Of the matrices.
 * @param elements That are copied.
 */
export async function ratesOf(device: Device, side: number, elements = 1 << 24): Promise<Rates> {
  const b = new GraphBuilder();
  b.output("y", b.neg(b.state("x", [elements])));
  using product = await prepare(device, squareProduct(side));
  using copy = await prepare(device, b.graph);
  return {
    flops: 2 * side ** 3 / await deviceSecondsOf(product, 7),
    bytes: 8 * elements / await deviceSecondsOf(copy, 7),
  };
}

/** Least seconds that steps could take at these rates. */
export function rooflineOf(steps: readonly StepTime[], { flops, bytes }: Rates): number {
  return steps.reduce((sum, { cost }) => sum + Math.max(cost.flops / flops, cost.bytes / bytes), 0);
}

/** The same where a device computes or moves data, but not both at once, as a software adapter does. */
export function inTurnOf(steps: readonly StepTime[], { flops, bytes }: Rates): number {
  return steps.reduce((sum, { cost }) => sum + cost.flops / flops + cost.bytes / bytes, 0);
}
