/**
 * What the heuristic chooses for the calls that training is made of, by the kind of adapter: rules from what others
 * measured, since nobody has measured these kernels on a GPU. What is chosen is right in any case
 * (`candidates_test.ts`).
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { opNamed } from "../../kernels/mod.ts";
import type { Attrs, Call, GpuKind, Shape } from "../../kernels/op.ts";

const call = (op: string, inputs: readonly Shape[], attrs: Attrs = {}): { op: string; call: Call } => ({
  op,
  call: { inputs, output: opNamed(op).shape(inputs, attrs), attrs },
});

/** The first candidate, on a processor and on each kind of GPU. */
function chosen({ op, call }: { op: string; call: Call }): Record<string, string> {
  const { candidates } = opNamed(op).kernel!;
  const first = (gpuKind?: GpuKind) => candidates!(call, { isSoftware: false, gpuKind })[0];
  return {
    processor: candidates!(call, { isSoftware: true })[0],
    discrete: first("discrete"),
    integrated: first("integrated"),
    apple: first("apple"),
    unknown: first(),
  };
}

const LARGE = "staged 64x64x16 8x8";
const SMALL = "staged 32x32x32 4x4";
const WINDOW = { stride: 1, padding: 1, groups: 1 };
const STRIDED = { ...WINDOW, stride: 2 };

/** What is called: the choice by processor, discrete, integrated, apple and unknown. */
const cases: readonly [what: string, ReturnType<typeof call>, choices: readonly string[]][] = [
  [
    "a dense layer of ViT-B/32 at batch 32",
    call("matmul", [[1600, 768], [3072, 768]], { transposeB: true }),
    ["16x16", LARGE, SMALL, "4x4", SMALL],
  ],
  [
    "its weight's gradient",
    call("matmul", [[1600, 768], [1600, 3072]], { transposeA: true }),
    ["16x16", LARGE, SMALL, "4x4", SMALL],
  ],
  // 50 tokens: a side that is too short to stage, in 384 heads.
  ["its attention", call("matmul", [[384, 50, 64], [384, 64, 50]]), ["13x13", "8x8", "4x4", "4x4", "4x4"]],
  [
    "a pointwise convolution of ResNet-50: 196 pixels, a third past the larger tile's edge",
    call("matmul", [[1024, 256], [32, 256, 196]]),
    ["16x16", LARGE, SMALL, "4x4", SMALL],
  ],
  ["products of Winograd's tiles", call("matmul", [[36, 256, 256], [36, 256, 512]]), [
    "16x16",
    LARGE,
    SMALL,
    "4x4",
    SMALL,
  ]],
  // 96 columns are 128 in tiles of 64, and 96 in tiles of 32.
  ["columns that fit the smaller tile better", call("matmul", [[4096, 64], [64, 96]]), [
    "16x16",
    SMALL,
    SMALL,
    "4x4",
    SMALL,
  ]],
  // 65 × 65 are 96 × 96 in the smallest tiles: more than twice as much.
  ["sides that fit no tile", call("matmul", [[64, 65, 64], [64, 64, 65]]), ["13x13", "4x4", "4x4", "4x4", "4x4"]],
  ["too few workgroups", call("matmul", [[64, 4096], [4096, 64]]), ["8x8", "4x4", "4x4", "4x4", "4x4"]],
  [
    "the same sum in 32 runs",
    call("matmulPartial", [[64, 4096], [4096, 64]], { splits: 32 }),
    ["8x8", SMALL, SMALL, "4x4", SMALL],
  ],
  ["a head of few classes", call("matmul", [[32, 768], [5, 768]], { transposeB: true }), [
    "4x3",
    "4x3",
    "4x3",
    "4x3",
    "4x3",
  ]],
  [
    "a convolution",
    call("convolve", [[32, 64, 56, 56], [1, 64, 3, 3, 64]], { ...WINDOW, transposed: false, outputSize: [56, 56] }),
    ["8x4x8", LARGE, SMALL, "4x1x4", SMALL],
  ],
  [
    "a strided convolution's gradient, three quarters of which would be zeros",
    call("convolve", [[32, 128, 28, 28], [1, 128, 3, 3, 64]], { ...STRIDED, transposed: true, outputSize: [56, 56] }),
    ["8x8x8", "8x2x4", "4x2x2", "4x2x2", "4x2x2"],
  ],
  [
    "a convolution's weight gradient",
    call("conv2dWeightGradPartial", [[32, 64, 56, 56], [32, 64, 56, 56]], {
      ...WINDOW,
      kernelSize: [3, 3],
      splits: 16,
    }),
    ["8x8", LARGE, SMALL, "2x2", SMALL],
  ],
];

for (const [what, made, choices] of cases) {
  Deno.test(`the heuristic: ${what}`, () => {
    const [processor, discrete, integrated, apple, unknown] = choices;
    assertEquals(chosen(made), { processor, discrete, integrated, apple, unknown });
  });
}

Deno.test("on a GPU that is no card the heuristic keeps few accumulators", () => {
  for (const [what, made] of cases) {
    const { apple } = chosen(made);
    const { attrs: { kernelSize: taps = [1] } } = made.call;
    const accumulators = [...apple.split("x").map(Number), ...taps as number[]].reduce((a, b) => a * b, 1);
    assert(accumulators <= 36, `${what}: ${apple}`);
  }
});
