/**
 * Convolutions of each channel by itself, and both their gradients, by strips (`kernels/conv/depthwise.ts`,
 * `depthwise_grad.ts`): as they are written for a processor and for a GPU, in strips of several heights and widths.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { opNamed } from "../../kernels/mod.ts";
import { type Shape, sizeOf, type Target } from "../../kernels/op.ts";
import { openWebGpu } from "../../src/device/webgpu/device.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { type Question, questionsIn } from "../../src/device/questions.ts";
import { runReference } from "../../src/device/reference.ts";
import { Choices, RULES } from "../../src/graph/choices.ts";
import { compile } from "../../src/graph/compile.ts";
import { isLong } from "../amount.ts";
import { isSoftware, openAsGpu } from "./devices.ts";
import { assertNear, graphOf, inputsOf, resultsOf, sampleTrial } from "./trials.ts";

const depthwise = ([n, c, h, w]: Shape, [kh, kw]: Shape, stride: number, padding: number) =>
  sampleTrial(
    opNamed("conv2d"),
    {
      inputs: [{ shape: [n, c, h, w] }, { shape: [c, 1, kh, kw] }],
      attrs: { stride, padding, groups: c },
      abs: 1e-4,
    },
    c,
  );

const convolutions = [
  // Rows of whole fours, in strips of several widths and heights.
  depthwise([3, 2, 9, 8], [3, 3], 1, 1),
  // Rows that begin anywhere, and a stride that leaves some over.
  depthwise([2, 3, 10, 11], [3, 3], 2, 1),
  // A window as large as the picture; one that is not square, with zeros all around.
  depthwise([1, 4, 7, 7], [7, 7], 1, 3),
  depthwise([1, 3, 33, 9], [2, 3], 1, 3),
];

/** A gradient of which a workgroup sums up several pictures, one split fewer than the other. */
const inSplits = sampleTrial(opNamed("conv2dWeightGradPartial"), {
  inputs: [{ shape: [5, 2, 9, 8] }, { shape: [5, 2, 5, 5] }],
  attrs: { stride: 2, padding: 1, groups: 2, kernelSize: [2, 2], splits: 2 },
  abs: 1e-4,
  noGrad: [0, 1],
}, 0);

const trials = [...convolutions, inSplits];

const LIMITS = { maxBuffer: 2 ** 31, maxBinding: 2 ** 27 };

/** Sums of larger windows, in a workgroup that waits, compile for many seconds on llvmpipe: long tests have them. */
const MOST_SUMMED = 6;

/** Strips that a call of a kernel may be written in, the heuristic's first. */
const stripsOf = ({ op, call }: Question, target: Target): string[] =>
  opNamed(op).kernel!.candidates!(call, target).filter((name) => name.startsWith("strip "));

for (const isPlayed of [true, false]) {
  Deno.test({
    name: `depthwise convolutions and their gradients agree with the float64 reference, on ${
      isPlayed ? "a processor" : "a GPU"
    }`,
    ignore: !isSoftware,
    async fn() {
      await using device = isPlayed ? (await openWebGpu())! : await openAsGpu();
      const target = { isSoftware: isPlayed };
      const graph = graphOf(trials);
      const questions = [...questionsIn((chooser) => compile(graph, webGpuTarget(LIMITS), chooser), RULES)];
      const asked = (op: string) => questions.filter(([, question]) => question.op === op);
      const chosen = (isPlayed ? ["convolve"] : ["convolve", "conv2dWeightGradPartial"]).flatMap((op) => {
        assertEquals(asked(op).length, op === "convolve" ? 2 * convolutions.length : trials.length);
        return asked(op).map(([bucket, question], k): [string, string] => {
          const strips = stripsOf(question, target);
          assert(strips.length > 0, `${bucket} has no strips`);
          const isShort = op === "convolve" || sizeOf(question.call.output.slice(3)) <= MOST_SUMMED || isLong;
          return [bucket, isShort ? strips[k % strips.length] : "1x1"];
        });
      });
      using session = device.open(new Choices(Object.fromEntries(chosen)));
      const program = session.compile(graph);
      program.run(inputsOf(trials));
      const outputs = await program.outputs();
      const reference = runReference(graph, inputsOf(trials)).outputs;
      trials.forEach((trial, at) =>
        assertNear(trial, resultsOf(outputs, at), resultsOf(reference, at), JSON.stringify(chosen))
      );
    },
  });
}

Deno.test("the heuristic goes down strips where each channel is convolved by itself, and only there", () => {
  const first = (x: Shape, taps: Shape, target: Target) =>
    opNamed("convolve").kernel!.candidates!({
      inputs: [x, taps],
      output: [x[0], taps[0] * taps[4], x[2], x[3]],
      attrs: { stride: 1, padding: (taps[2] - 1) / 2, transposed: false, outputSize: x.slice(2) },
    }, target)[0];
  const [processor, gpu] = [{ isSoftware: true }, { isSoftware: false }];
  // As long as there are enough of them; on a GPU as wide as what neighbours read next to each other.
  assertEquals(first([32, 32, 112, 112], [32, 1, 3, 3, 1], processor), "strip 112x8");
  assertEquals(first([32, 32, 112, 112], [32, 1, 3, 3, 1], gpu), "strip 56x4");
  assertEquals(first([32, 768, 7, 7], [768, 1, 7, 7, 1], processor), "strip 7x7");
  assertEquals(first([1, 96, 56, 56], [96, 1, 7, 7, 1], gpu), "strip 14x4");
  for (const target of [processor, gpu]) {
    // Two channels a group, two results of one, and a window of more taps than are written out.
    for (const taps of [[16, 2, 3, 3, 2], [32, 1, 3, 3, 2], [32, 1, 13, 13, 1]]) {
      assert(!first([8, 32, 28, 28], taps, target).startsWith("strip"), `${taps}`);
    }
  }
});
