import { assertEquals } from "@std/assert";
import type { Attrs, Shape } from "../../kernels/op.ts";
import type { Device, Session } from "../../src/device/device.ts";
import { WgslLanguage } from "../../src/device/webgpu/wgsl_language.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { devices } from "./devices.ts";
import { binary, isOneOf, isRight, sigmoid, softplus, SPECIAL, unary } from "./special_numbers.ts";

/**
 * Where a NaN in x must come out of y: one that vanishes would let a diverged run go on. Comparisons are what loses
 * them, and shader compilers assume that there are none.
 */
const cases: readonly { op: string; shape: Shape; attrs?: Attrs; nanAt: number; shown: readonly number[] }[] = [
  // Windows of 2 × 2 on a 4 × 4 picture: the NaN is the first, then the last that its window looks at.
  { op: "maxPool2d", shape: [1, 1, 4, 4], attrs: { kernel: 2, stride: 2, padding: 0 }, nanAt: 2, shown: [1] },
  { op: "maxPool2d", shape: [1, 1, 4, 4], attrs: { kernel: 2, stride: 2, padding: 0 }, nanAt: 13, shown: [2] },
  { op: "maxPool2d", shape: [1, 1, 4, 4], attrs: { kernel: 3, stride: 1, padding: 0 }, nanAt: 5, shown: [0, 1, 2, 3] },
  { op: "maxPool2d", shape: [1, 1, 3, 3], attrs: { kernel: 3, stride: 2, padding: 1 }, nanAt: 0, shown: [0] },
  { op: "avgPool2d", shape: [1, 1, 4, 4], attrs: { kernel: 2, stride: 2, padding: 0 }, nanAt: 2, shown: [1] },
  { op: "max", shape: [2, 70], attrs: { axes: [1] }, nanAt: 0, shown: [0] },
  { op: "max", shape: [2, 70], attrs: { axes: [1] }, nanAt: 139, shown: [1] },
  { op: "max", shape: [2, 68], attrs: { axes: [1] }, nanAt: 69, shown: [1] },
  { op: "max", shape: [3, 2], attrs: { axes: [0] }, nanAt: 1, shown: [1] },
  { op: "max", shape: [3, 4], attrs: { axes: [0] }, nanAt: 2, shown: [2] },
  { op: "sum", shape: [2, 70], attrs: { axes: [1] }, nanAt: 3, shown: [0] },
  { op: "softmax", shape: [2, 3], nanAt: 1, shown: [0, 1, 2] },
  { op: "logSoftmax", shape: [2, 3], nanAt: 3, shown: [3, 4, 5] },
];

async function run(session: Session, graph: Graph, inputs: Record<string, Float32Array>) {
  const program = session.compile(graph);
  program.run(inputs);
  return await program.outputs();
}

/** Every op of one operand on SPECIAL, number by number and in fours. */
async function unaryFaults(session: Session): Promise<string[]> {
  const b = new GraphBuilder();
  const odd = SPECIAL.subarray(1);
  for (const [name, x] of [["fours", b.input("x", [SPECIAL.length])], ["odd", b.input("odd", [odd.length])]] as const) {
    for (const op of Object.keys(unary)) b.output(`${op} ${name}`, b.op(op, [x]));
  }
  const outputs = await run(session, b.graph, { x: SPECIAL, odd });
  return Object.keys(unary).flatMap((op) =>
    [["fours", SPECIAL] as const, ["odd", odd] as const].flatMap(([name, xs]) =>
      [...xs].flatMap((x, k) => {
        const got = outputs[`${op} ${name}`][k];
        return isRight(op, [x], got) ? [] : [`${op}(${x}) = ${got} (${name})`];
      })
    )
  );
}

/** Every op of two operands on all pairs. */
async function binaryFaults(session: Session): Promise<string[]> {
  const b = new GraphBuilder();
  const n = SPECIAL.length;
  const [x, y] = [b.input("x", [n, 1]), b.input("y", [n])];
  for (const op of Object.keys(binary)) b.output(op, b.op(op, [x, y]));
  const outputs = await run(session, b.graph, { x: SPECIAL, y: SPECIAL });
  return Object.keys(binary).flatMap((op) =>
    [...SPECIAL].flatMap((x, i) =>
      [...SPECIAL].flatMap((y, j) => {
        const got = outputs[op][i * n + j];
        return isRight(op, [x, y], got) ? [] : [`${op}(${x}, ${y}) = ${got}`];
      })
    )
  );
}

/** Every op of one operand on numbers that are part of the text: constants, of which some make compilers fail. */
async function constantFaults(session: Session): Promise<string[]> {
  const b = new GraphBuilder();
  const calls = Object.keys(unary).flatMap((op) => [-16, -1, 0, 2, NaN, Infinity].map((x) => ({ op, x })));
  for (const { op, x } of calls) b.output(`${op}(${x})`, b.op(op, [b.constant(x)]));
  const outputs = await run(session, b.graph, {});
  return calls.flatMap(({ op, x }) => {
    const [got] = outputs[`${op}(${x})`];
    return isRight(op, [x], got) ? [] : [`${op}(${x}) = ${got}`];
  });
}

/** Products of weights and larger logits overflow. */
const LARGEST_LOGIT = 1e38;

const TARGETS = [0, 0.25, 1];
const POSITIVE_WEIGHTS = [1, 3];

/**
 * The loss of labels and its gradient: right up to {@link LARGEST_LOGIT}. Beyond that the loss may be infinite, and
 * that of an infinite logit, 0 · ∞, NaN.
 */
async function labelLossFaults(session: Session): Promise<string[]> {
  const pairs = TARGETS.flatMap((target) => POSITIVE_WEIGHTS.map((weight) => ({ target, weight })));
  const [n, k] = [SPECIAL.length, pairs.length];
  const b = new GraphBuilder();
  const x = b.input("x", [n, k]);
  const loss = b.op("sigmoidCrossEntropy", [x, b.input("targets", [n, k]), b.input("weight", [k])]);
  b.output("loss", loss);
  b.output("slope", differentiate(b, b.sum(loss, undefined, false), [x])[0]);
  const { loss: losses, slope: slopes } = await run(session, b.graph, {
    x: Float32Array.from({ length: n * k }, (_, i) => SPECIAL[Math.floor(i / k)]),
    targets: Float32Array.from({ length: n * k }, (_, i) => pairs[i % k].target),
    weight: Float32Array.from(pairs, ({ weight }) => weight),
  });
  return [...losses].flatMap((got, i) => {
    const [x, { target, weight }] = [SPECIAL[Math.floor(i / k)], pairs[i % k]];
    const call = `(${x}) of target ${target}, weight ${weight}`;
    if (Number.isNaN(x)) {
      return Number.isNaN(got) && Number.isNaN(slopes[i]) ? [] : [`loss${call} = ${got}, ${slopes[i]}`];
    }
    const loss = (1 - target) * softplus(x) + weight * target * softplus(-x);
    const slope = (1 - target) * sigmoid(x) - weight * target * sigmoid(-x);
    return [
      ...(isOneOf(got, Math.abs(x) < 1.1 * LARGEST_LOGIT ? [loss] : [loss, Infinity, NaN])
        ? []
        : [`loss${call} = ${got}`]),
      ...(isOneOf(slopes[i], [slope]) ? [] : [`slope${call} = ${slopes[i]}`]),
    ];
  });
}

/** Rows of logits, what softmax gives where that is not left open, and the cross-entropy of the second class. */
const rows: readonly { logits: readonly number[]; share?: readonly number[]; loss: number }[] = [
  { logits: [1, 1, 1, 1], share: [0.25, 0.25, 0.25, 0.25], loss: Math.log(4) },
  { logits: [1e4, -1e4, 0, 0], share: [1, 0, 0, 0], loss: 2e4 },
  { logits: [1e38, -1e38, 0, 1e38], share: [0.5, 0, 0, 0.5], loss: 2e38 },
  { logits: [-1e38, -1e38, -1e38, -1e38], share: [0.25, 0.25, 0.25, 0.25], loss: Math.log(4) },
  { logits: [-Infinity, 1, 1, -Infinity], share: [0, 0.5, 0.5, 0], loss: NaN },
  { logits: [0, Infinity, 0, 0], share: [NaN, NaN, NaN, NaN], loss: NaN },
  { logits: [0, 0, NaN, 0], share: [NaN, NaN, NaN, NaN], loss: NaN },
  { logits: [-Infinity, -Infinity, -Infinity, -Infinity], loss: NaN },
];

/** Softmax, its cross-entropy and the gradient of that. */
async function rowFaults(session: Session): Promise<string[]> {
  const b = new GraphBuilder();
  const x = b.input("x", [rows.length, 4]);
  const loss = b.op("crossEntropy", [x, b.input("targets", [rows.length, 4])]);
  b.output("share", b.op("softmax", [x]));
  b.output("loss", loss);
  b.output("slope", differentiate(b, b.sum(loss, undefined, false), [x])[0]);
  const got = await run(session, b.graph, {
    x: Float32Array.from(rows.flatMap(({ logits }) => logits)),
    targets: Float32Array.from(rows.flatMap(() => [0, 1, 0, 0])),
  });
  return rows.flatMap(({ logits, share = [], loss }, row) => {
    const slope = share.map((part, k) => part - (k === 1 ? 1 : 0));
    const checks = [
      ...share.map((want, k) => ({ what: `share ${k}`, got: got.share[4 * row + k], want })),
      ...slope.map((want, k) => ({ what: `slope ${k}`, got: got.slope[4 * row + k], want })),
      { what: "loss", got: got.loss[row], want: loss },
    ];
    return checks.filter(({ got, want }) => !isOneOf(got, [want])).map(({ what, got, want }) =>
      `${what} of ${logits} = ${got}, not ${want}`
    );
  });
}

Deno.test("isFinite has its mask from the uniform buffer: LLVM folds the test where it sees the constant", () => {
  const unused = () => {
    throw new Error("isFinite asks for one number alone");
  };
  const numbers: number[] = [];
  const uint = (value: number) => `p.u${numbers.push(value) - 1}`;
  const around = { uint, read: unused, float: unused, scalar: unused, needRandom: unused };
  const texts = (["f32", "vec4f"] as const).map((view) => new WgslLanguage(around, view).isFinite("x"));
  assertEquals(texts, [
    "(bitcast<u32>(x) & p.u0) != p.u0",
    "(bitcast<vec4u>(x) & vec4u(p.u1)) != vec4u(p.u1)",
  ]);
  assertEquals(numbers, [0x7f800000, 0x7f800000]);
});

for (const { name, present, open } of devices) {
  const test = (what: string, fn: (session: Session, t: Deno.TestContext) => Promise<void>) =>
    Deno.test({
      name: `${name} ${what}`,
      ignore: !present,
      async fn(t) {
        await using device: Device = await open();
        using session = device.open();
        await fn(session, t);
      },
    });

  test("lets no NaN vanish", async (session, t) => {
    for (const { op, shape, attrs, nanAt, shown } of cases) {
      await t.step(`${op} of [${shape.join(", ")}] with a NaN at ${nanAt}`, async () => {
        const b = new GraphBuilder();
        b.output("y", b.op(op, [b.input("x", shape)], attrs));
        const x = Float32Array.from({ length: shape.reduce((a, size) => a * size, 1) }, (_, i) => i % 5);
        x[nanAt] = NaN;
        const { y } = await run(session, b.graph, { x });
        assertEquals([...y.keys()].filter((at) => Number.isNaN(y[at])), shown);
      });
    }
  });
  test("gives what ops of one operand say for special numbers", async (session) => {
    assertEquals(await unaryFaults(session), []);
  });
  test("gives what ops of two operands say for special numbers", async (session) => {
    assertEquals(await binaryFaults(session), []);
  });
  test("gives what ops say of constants", async (session) => {
    assertEquals(await constantFaults(session), []);
  });
  test("gives softmax and its loss for special logits", async (session) => {
    assertEquals(await rowFaults(session), []);
  });
  test("gives the loss of labels for special logits", async (session) => {
    assertEquals(await labelLossFaults(session), []);
  });
}
