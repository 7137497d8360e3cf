import { assert, assertEquals, assertThrows } from "@std/assert";
import { sizeOf } from "../../kernels/op.ts";
import { runReference } from "../../src/device/reference.ts";
import { openWebGpu } from "../../src/device/webgpu/device.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { cut } from "../../src/graph/passes/cut.ts";
import { type Graph, liveNodes } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/passes/lower.ts";
import { Model } from "../../src/models/mod.ts";
import {
  batchNorm2d,
  conv2d,
  dropout,
  flatten,
  layerNorm,
  lazyLinear,
  maxPool2d,
  relu,
  sequential,
} from "../../src/nn/mod.ts";
import { adam } from "../../src/train/optimizers/mod.ts";
import { COUNTERS, initialState, trainingGraph } from "../../src/train/step.ts";
import { devices, hasHalf, openWithLimits } from "../kernels/devices.ts";

/** Activations of 6 pictures and the dense layer's weight are larger than this; the convolution's weight is not. */
const LIMIT = 8192;
const BATCH = 6;

const size = { classes: 3, channels: 2, imageSize: 16 };
const model = new Model(
  "large for its limit",
  sequential({
    conv: conv2d(2, 8, 3, { padding: 1, bias: false }),
    norm: batchNorm2d(8),
    relu: relu(),
    drop1: dropout(0.2),
    pool: maxPool2d(4),
    flatten: flatten(),
    dense: lazyLinear(64),
    ln: layerNorm(64, 1e-5),
    relu2: relu(),
    dropout: dropout(0.5),
    head: lazyLinear(3),
  }),
  { ...size, stem: "auto" },
);

function trainingStep(): { graph: Graph; inputs: Record<string, Float32Array>; states: Map<string, Float32Array> } {
  const optimizer = adam();
  const graph = trainingGraph(model, {
    ...{ task: "multiclass", batch: BATCH, optimizer, weightDecay: 0.01, clipNorm: 1, labelSmoothing: 0.1 },
    skipNonFinite: false,
  });
  model.initialize(1);
  const wave = (count: number) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
  const scalar = (value: number) => Float32Array.of(value);
  const targets = new Float32Array(BATCH * 3);
  for (let n = 0; n < BATCH; n++) targets[3 * n + n % 3] = 1;
  const scalars = Object.entries(optimizer.scalars(0.01, 0)).map(([name, value]) => [name, scalar(value)]);
  return {
    graph,
    inputs: {
      ...{ images: wave(BATCH * 2 * 256), targets, weight: new Float32Array(BATCH).fill(1) },
      ...{ keyHi: scalar(3), keyLo: scalar(5), step: scalar(0) },
      ...Object.fromEntries(scalars),
    },
    states: new Map([...model.weights, ...initialState(model, optimizer, [1, 1, 1])]),
  };
}

const storedBytes = (graph: Graph) =>
  liveNodes(graph).filter(({ op }) => op !== "join").map(({ shape }) => 4 * sizeOf(shape));

Deno.test("cut() leaves no tensor larger than the limit, and a graph that fits as it is", () => {
  const { graph } = trainingStep();
  const lowered = lower(graph);
  assert(Math.max(...storedBytes(lowered)) > 2 * LIMIT);
  assert(Math.max(...storedBytes(cut(lowered, LIMIT))) <= LIMIT);
  assert(cut(lowered, 1e9) === lowered);
});

/** New values of states whose parts are assigned one by one. */
function statesOf(graph: Graph, values: Readonly<Record<string, ArrayLike<number>>>): Record<string, Float64Array> {
  const after: Record<string, Float64Array> = {};
  const results = graph.assignments.map(({ state, value, start = 0, of }) => ({ state, value, start, of }));
  const outputs = Object.fromEntries(results.map(({ value }, k) => [`${k}`, value]));
  const computed = runReference({ ...graph, outputs, assignments: [] }, values).outputs;
  results.forEach(({ state, value, start, of }, k) => {
    after[state] ??= new Float64Array(of ?? sizeOf(value.shape));
    after[state].set(computed[k], start);
  });
  return after;
}

function assertNear(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, where: string): void {
  assertEquals(got.length, want.length, where);
  const at = Array.from(want).findIndex((value, k) => !(Math.abs(got[k] - value) <= tolerance * (1 + Math.abs(value))));
  assert(at < 0, `${where}[${at}] is ${got[at]}, not ${want[at]}`);
}

Deno.test("a training step in parts computes what the whole step computes", () => {
  const { graph, inputs, states } = trainingStep();
  const values = { ...inputs, ...Object.fromEntries(states) };
  const whole = statesOf(lower(graph), values);
  const parts = statesOf(cut(lower(graph), LIMIT), values);
  assertEquals(Object.keys(parts).sort(), Object.keys(whole).sort());
  for (const [name, want] of Object.entries(whole)) assertNear(parts[name], want, 1e-9, name);
});

Deno.test("outputs in parts are read as one", () => {
  const b = new GraphBuilder();
  b.output("y", b.mul(b.input("x", [64, 64]), 2));
  const x = Float32Array.from({ length: 4096 }, (_, i) => i);
  const { y } = runReference(cut(b.graph, 4096), { x }).outputs;
  assertEquals([...y], Array.from(x, (value) => 2 * value));
});

Deno.test("rows go from parts to parts, and to and from what is small", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [12, 16]);
  // Parts of x have four rows: rows of two of them, a box of all, and a whole one, which is not copied.
  b.output("rows", b.neg(b.slice(x, [3, 0], [3, 16])));
  b.output("box", b.slice(x, [1, 2], [10, 3]));
  b.output("part", b.neg(b.slice(x, [4, 0], [4, 16])));
  // Ten rows and two small ones, and the other way round.
  const [ten, two] = [b.neg(b.slice(x, [2, 0], [10, 16])), b.exp(b.slice(x, [0, 0], [2, 16]))];
  b.output("first", b.op("concatPair", [ten, two], { axis: 0 }));
  b.output("last", b.mul(b.op("concatPair", [two, ten], { axis: 0 }), 2));
  const given = { x: Float64Array.from({ length: 192 }, (_, i) => Math.sin(i)) };
  const parts = cut(b.graph, 256);
  assert(Math.max(...storedBytes(parts)) <= 256);
  const want = runReference(b.graph, given).outputs;
  for (const [name, values] of Object.entries(runReference(parts, given).outputs)) {
    assertNear(values, want[name], 1e-12, name);
  }
  assertEquals(liveNodes(parts).filter(({ op, attrs }) => op === "slice" && `${attrs.size}` === "4,16").length, 0);
});

Deno.test("a state that is only assigned is cut where a binding may begin", () => {
  const b = new GraphBuilder();
  b.assign("sum", b.add(b.input("x", [12, 1]), b.input("y", [1, 32])));
  // Four parts of 384 bytes would fit, and would begin between multiples of 256.
  const starts = cut(b.graph, 400).assignments.map(({ start }) => start);
  assertEquals(starts, [0, 64, 128, 192, 256, 320]);
});

Deno.test("cut() refuses what has no equal parts so small", () => {
  const b = new GraphBuilder();
  b.output("y", b.neg(b.input("x", [2, 4096])));
  assertThrows(
    () => cut(b.graph, 4096),
    RangeError,
    "a tensor of [2, 4096] cannot be cut along its first axis into equal parts of at most 4096 bytes",
  );
});

for (const [precision, present] of [["f32", devices[0].present], ["f16", hasHalf]] as const) {
  Deno.test({
    name: `WebGPU trains in parts as in whole in ${precision}`,
    ignore: !present,
    async fn() {
      const { graph, inputs, states } = trainingStep();
      const after: Map<string, Float32Array>[] = [];
      const opened = [
        () => openWebGpu(),
        () => openWebGpu(LIMIT),
        // The dense layer's weight and its moments are larger than a buffer.
        () => openWithLimits({ maxStorageBufferBindingSize: LIMIT, maxBufferSize: 2 * LIMIT }),
      ];
      for (const [k, open] of opened.entries()) {
        await using device = (await open())!;
        using session = device.open();
        for (const [name, values] of states) session.write(name, values);
        const program = session.compile({ ...graph, precision });
        for (let step = 0; step < 3; step++) program.run(inputs);
        assert(k === 0 || program.memory.largest <= LIMIT);
        after.push(await session.read([...states.keys()]));
      }
      // Rounding may turn an update of Adam's over where a gradient is almost none: in half precision the loss says
      // enough.
      const compared = precision === "f32" ? [...after[0].keys()] : [COUNTERS.lossSum];
      for (const name of compared) {
        for (const parts of after.slice(1)) assertNear(parts.get(name)!, after[0].get(name)!, 2e-3, name);
      }
    },
  });
}
