import { assertAlmostEquals, assertEquals } from "@std/assert";
import { runReference } from "../../../src/device/reference.ts";
import { openWasm, type WasmOptions } from "../../../src/device/wasm/device.ts";
import { stateSizes } from "../../../src/graph/graph.ts";
import { createModel } from "../../../src/models/mod.ts";
import { sgd } from "../../../src/train/optimizers/mod.ts";
import { trainingGraph } from "../../../src/train/step.ts";
import { normals } from "../../kernels/trials.ts";

const BATCH = 6;
const graph = trainingGraph(createModel("lenet", { classes: 10, channels: 1, imageSize: 28 }), {
  ...{ task: "multiclass", batch: BATCH, optimizer: sgd(), weightDecay: 1e-4, labelSmoothing: 0.1 },
  ...{ skipNonFinite: false, precision: "f32" },
});

/** Values of all that a step reads. */
const states = Object.fromEntries(
  [...stateSizes(graph)].map(([name, length], k) => [name, normals(length, k, 1).map((value) => value / 10)]),
);
const inputs: Record<string, Float32Array> = {};
for (const { op, attrs, shape } of graph.nodes) {
  if (op !== "input") continue;
  const length = shape.reduce((product, size) => product * size, 1);
  inputs[attrs.name as string] = attrs.name === "targets"
    ? Float32Array.from({ length }, (_, k) => k % 10 === Math.floor(k / 10) ? 1 : 0)
    : attrs.name === "images"
    ? normals(length, 50, 1)
    : new Float32Array(length).fill(attrs.name === "weight" ? 1 : 0.01);
}

/** States and outputs after two steps. */
async function train(options: WasmOptions): Promise<Record<string, Float32Array>> {
  await using device = await openWasm(options);
  using session = device.open();
  const program = session.compile(graph);
  for (const [name, values] of Object.entries(states)) session.write(name, values);
  program.run(inputs);
  const first = await program.outputs();
  program.run(inputs);
  return { ...first, ...await program.outputs(), ...Object.fromEntries(await session.read(Object.keys(states))) };
}

Deno.test("WebAssembly trains lenet to the same bytes on 1, 2 and 8 threads", async () => {
  const one = await train({ threads: 1 });
  for (const threads of [2, 8]) assertEquals(await train({ threads }), one, `${threads} threads`);
});

Deno.test("WebAssembly trains lenet as the float64 reference does, with relaxed SIMD and without", async () => {
  const first = runReference(graph, { ...inputs, ...states });
  const want = runReference(graph, { ...inputs, ...states, ...Object.fromEntries(first.states) });
  for (const relaxed of [true, false]) {
    const got = await train({ relaxed });
    for (const [name, values] of [...Object.entries(want.outputs), ...want.states]) {
      values.forEach((value, k) => assertAlmostEquals(got[name][k], value, 1e-5, `${name}[${k}], relaxed ${relaxed}`));
    }
  }
});
