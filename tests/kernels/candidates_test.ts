/**
 * Every way to compute a call is right: each candidate of each kernel, as it is written for a processor and for a GPU,
 * and each composition that may take an op's place, on the samples that reach their branches.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { sidesOf, tileNames } from "../../kernels/writing/candidates.ts";
import { opNamed, registry } from "../../kernels/mod.ts";
import type { OpSample, Target } from "../../kernels/op.ts";
import { isStaged } from "../../kernels/writing/staged_tile.ts";
import type { Device } from "../../src/device/device.ts";
import { runReference } from "../../src/device/reference.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { openWebGpu } from "../../src/device/webgpu/device.ts";
import { type Question, questionsIn, waysOf } from "../../src/device/questions.ts";
import { Choices, RULES } from "../../src/graph/choices.ts";
import { isLong, isQuick } from "../amount.ts";
import { devices, isSoftware, openAsGpu } from "./devices.ts";
import { assertNear, forwardGraphOf, inputsOf, resultsOf, samplesOf, sampleTrial, type Trial } from "./trials.ts";

/** Ops whose samples reach the branches of the kernels that have candidates. */
const FAMILIES = ["matmul", "matmulPartial", "conv2d", "conv2dInputGrad", "conv2dWeightGrad", "sum", "max"];

/** Products with a long sum, and with sides that no tile divides. */
const products: readonly OpSample[] = [
  { inputs: [{ shape: [20, 130] }, { shape: [130, 37] }], abs: 1e-4 },
  { inputs: [{ shape: [3, 70, 36] }, { shape: [3, 70, 68] }], attrs: { transposeA: true }, abs: 1e-4 },
  { inputs: [{ shape: [67, 100] }, { shape: [72, 100] }], attrs: { transposeB: true }, abs: 1e-4 },
];

/**
 * A processor gets every other sample and a GPU the rest, since the same lines write tiles for both; in long tests each
 * gets all.
 */
function trialsOf(name: string, { isSoftware }: Target): Trial[] {
  const op = opNamed(name);
  const more = name === "matmul" ? products.map((sample, k) => sampleTrial(op, sample, 50 + k)) : [];
  const all = [...samplesOf(op, true), ...more].filter((_, k) => isLong || (k % 2 === 0) === isSoftware);
  return isQuick ? all.slice(0, 3) : all;
}

const LIMITS = { maxBuffer: 2 ** 31, maxBinding: 2 ** 27 };

/**
 * Each call is tried in so many of its ways, and the next one in those that follow, which are other tiles: all ways on
 * each call would take many minutes to compile.
 */
const ROUNDS = isLong ? 3 : 1;

/** Characters of a kernel's text: larger tiles are more of the same, and compile for seconds. */
const LONGEST = isLong ? Infinity : 8_000;

/**
 * Is a way called by the sides of a tile or a strip? Others are texts or compositions of their own: each is tried on
 * some call.
 */
const isTile = (way: string): boolean => /^(strip )?\d+(x\d+)*$/.test(way);

async function tryAll(
  device: Device,
  target: Target,
  name: string,
  asked: Set<string>,
  tried: Set<string>,
): Promise<void> {
  const trials = trialsOf(name, target);
  const graph = forwardGraphOf(trials);
  const reference = runReference(graph, inputsOf(trials)).outputs;
  const questions = questionsIn((chooser) => compile(graph, webGpuTarget(LIMITS), chooser), RULES);
  const listOf = (question: Question) => {
    const { rules, candidates, others } = waysOf(question, target);
    // Staged tiles compile for many seconds: `staged_test.ts` tries smaller ones, and these in `deno task test:long`.
    const ways = [rules, ...candidates, ...others].filter((way) => !isStaged(way));
    const { kernel } = opNamed(question.op);
    const sizeOf = (way: string) => isTile(way) ? kernel!.wgsl(question.call, target, way).code.length : 0;
    const short = ways.filter((way) => sizeOf(way) <= LONGEST);
    return short.length > 0 ? short : ways.sort((a, b) => sizeOf(a) - sizeOf(b)).slice(0, 1);
  };
  const nameOf = (bucket: string, way: string) => `${questions.get(bucket)!.op} ${way}`;
  const untried = (bucket: string, list: readonly string[]) =>
    list.find((way) => !isTile(way) && !tried.has(nameOf(bucket, way)));
  const turnOf = (bucket: string, list: readonly string[], turn: number): [string, string] => {
    const way = untried(bucket, list) ?? list[turn % list.length];
    tried.add(nameOf(bucket, way));
    return [bucket, way];
  };
  const lists = new Map([...questions].map(([bucket, question]) => [bucket, listOf(question)]));
  for (const { op } of questions.values()) asked.add(op);
  const isLeft = () => !isQuick && [...lists].some(([bucket, list]) => untried(bucket, list));
  for (let round = 0; round < ROUNDS || isLeft(); round++) {
    // In further rounds the other calls are as they were, and compiled.
    const turns = [...lists].map(([bucket, list], k) => turnOf(bucket, list, 1 + round % ROUNDS + k * ROUNDS));
    const choices = new Choices(Object.fromEntries(turns));
    using session = device.open(choices);
    const program = session.compile(graph);
    program.run(inputsOf(trials));
    const outputs = await program.outputs();
    trials.forEach((trial, at) =>
      assertNear(trial, resultsOf(outputs, at), resultsOf(reference, at), `${JSON.stringify(choices.entries)}: WebGPU`)
    );
  }
}

for (const isPlayed of [true, false]) {
  Deno.test({
    name: `every way to compute a call is right, on ${isPlayed ? "a processor" : "a GPU"}`,
    // Any adapter can be taken for a GPU, and a GPU for no processor.
    ignore: isPlayed ? !isSoftware : !devices[0].present,
    async fn(t) {
      await using device = isPlayed ? (await openWebGpu())! : await openAsGpu();
      const asked = new Set<string>();
      const tried = new Set<string>();
      for (const name of FAMILIES) {
        await t.step(name, () => tryAll(device, { isSoftware: isPlayed }, name, asked, tried));
      }
      const chosen = [...registry.values()].filter(({ kernel, alternatives }) => kernel?.candidates || alternatives);
      assertEquals([...asked].sort(), chosen.map(({ name }) => name).sort(), "each op with a choice is asked for");
    },
  });
}

Deno.test("tileNames() begins with the rules' tile and goes on with the likest", () => {
  assertEquals(tileNames([8, 8], [[16, 16], [8, 4], [8, 8], [2, 2], [8, 4]]), ["8x8", "8x4", "16x16", "2x2"]);
});

Deno.test("sidesOf() refuses what names no tile", () => {
  assertEquals(sidesOf("8x4", 2), [8, 4]);
  for (const name of ["8", "8x4x2", "8x0", "8xa", "split 4", ""]) {
    assertThrows(() => sidesOf(name, 2), RangeError, "is no tile");
  }
});

const TARGETS: readonly Target[] = [
  ...[true, false].map((isSoftware) => ({ isSoftware })),
  ...(["discrete", "integrated", "apple"] as const).map((gpuKind) => ({ isSoftware: false, gpuKind })),
];

Deno.test("a kernel's candidates begin with what it writes unasked", () => {
  for (const { kernel, ...op } of registry.values()) {
    if (!kernel?.candidates) continue;
    for (const { inputs, attrs = {} } of op.samples) {
      const shapes = inputs.map(({ shape }) => shape);
      const call = { inputs: shapes, output: op.shape(shapes, attrs), attrs };
      for (const target of TARGETS) {
        const [first, ...others] = kernel.candidates(call, target);
        assertEquals(kernel.wgsl(call, target, first).code, kernel.wgsl(call, target).code);
        assert(!others.includes(first));
      }
    }
  }
});
