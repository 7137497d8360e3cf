/**
 * Checks models and blocks against the fixtures of `fixtures/parity`, whose scripts say how they are made. Weights and
 * inputs are made by the same rule as there (`rule.ts`).
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { sizeOf, type Tensor } from "../../kernels/op.ts";
import type { Device, Session } from "../../src/device/device.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import type { Graph } from "../../src/graph/graph.ts";
import type { SafetensorsFile } from "../../src/interop/safetensors.ts";
import { readSafetensors } from "../../src/interop/safetensors_file.ts";
import { Model } from "../../src/models/mod.ts";
import { type Layer, Scope } from "../../src/nn/mod.ts";
import { evaluationGraph } from "../../src/run/evaluation_graph.ts";
import { type Deviation, gradientDeviation, gradientGraph, isWithin, valueDeviation } from "../../src/train/parity.ts";
import { devices, type DeviceUnderTest } from "../kernels/devices.ts";
import { pictures, referenceWeight, targets, uniform } from "./rule.ts";

export { pictures, referenceWeight, targets };

/** Elements that a fixture stores of a tensor, at most, unless it says otherwise. */
const SAMPLE = 1024;

/** The elements that the fixture stores of a tensor. */
function sampled(values: Float32Array, sample: number): Float32Array {
  if (values.length <= sample) return values;
  const stride = Math.ceil(values.length / sample) | 1;
  return values.filter((_, i) => i % stride === 0);
}

/** Random keys that a trace asks for: nothing is dropped out. */
const keys = { keyHi: Float32Array.of(0), keyLo: Float32Array.of(0) };

async function runOnce(session: Session, graph: Graph, inputs: Record<string, Float32Array>) {
  const program = session.compile(graph);
  program.run({ ...keys, ...inputs });
  return await program.outputs();
}

function check(file: SafetensorsFile, got: Record<string, Float32Array>): void {
  const valueOf = (name: string) => file.tensors.get(name)!.values;
  const { sample = SAMPLE }: { sample?: number } = JSON.parse(file.metadata["fovea.reference"]);
  const [total] = valueOf("norm");
  const wanted = [...file.tensors.keys()].filter((name) => name !== "norm" && !name.startsWith("tol."));
  assertEquals(Object.keys(got).sort(), wanted.toSorted(), "the same tensors");
  const rows = wanted.map((name): Deviation => {
    const values = sampled(got[name], sample);
    return name.startsWith("grad.")
      ? gradientDeviation(name, values, valueOf(name), valueOf(`tol.${name.slice(5)}`)[0], total)
      : valueDeviation(name, values, valueOf(name));
  });
  const past = rows.filter((row) => !isWithin(row))
    .map(({ name, error, limit }) => `${name} is off by ${error.toExponential(2)}, limit ${limit.toExponential(2)}`);
  assert(past.length === 0, past.join("\n"));
}

async function load(fixture: string) {
  const file = await readSafetensors(
    new URL(`../../fixtures/parity/${fixture}.safetensors`, import.meta.url).pathname,
  );
  const info: { shape: number[]; classes: number } = JSON.parse(file.metadata["fovea.reference"]);
  return { file, ...info };
}

/** On which devices a test runs: on all, on the first, or on WebAssembly, which compiles fastest. */
type On = "all" | "first" | "wasm";

function devicesFor(on: On): readonly DeviceUnderTest[] {
  if (on === "all") return devices;
  return [on === "wasm" && devices.find(({ name }) => name === "WebAssembly") || devices[0]];
}

function testOnDevices(title: string, on: On, run: (device: Device) => Promise<void>): void {
  for (const { name, present, open } of devicesFor(on)) {
    Deno.test({
      name: `${title} on ${name}`,
      ignore: !present,
      async fn() {
        await using device = await open();
        await run(device);
      },
    });
  }
}

/**
 * A test on each device: logits, loss and every gradient of a model against `fixtures/parity/<fixture>.safetensors`.
 *
 * @param layer The model of the fixture's script, for its classes, channels and picture side.
 * @param on Default all.
 */
export function testModel(
  fixture: string,
  layer: (size: { classes: number; channels: number; imageSize: number }) => Layer,
  { on = "all" }: { on?: On } = {},
): void {
  testOnDevices(`${fixture} gives PyTorch's logits, loss and gradients`, on, async (device) => {
    const { file, shape, classes } = await load(fixture);
    const [batch, channels, imageSize] = shape;
    const size = { classes, channels, imageSize };
    const model = new Model(fixture, layer(size), { ...size, stem: "auto" });
    using session = device.open();
    for (const { name, shape } of model.parameters) session.write(name, referenceWeight(name, shape));
    const images = pictures(shape);
    const { logits } = await runOnce(session, evaluationGraph(model, batch), { images });
    const inputs = { images, targets: targets(batch, classes) };
    check(file, { logits, ...await runOnce(session, gradientGraph(model, batch), inputs) });
  });
}

/**
 * A test: output and gradients of a block in training against `fixtures/parity/<fixture>.safetensors`.
 *
 * @param everywhere On gpu.js too; default false, since blocks are of full width.
 */
export function testBlock(fixture: string, block: Layer, { everywhere = false } = {}): void {
  testOnDevices(`${fixture} gives PyTorch's output and gradients`, everywhere ? "all" : "first", async (device) => {
    const { file, shape } = await load(fixture);
    const b = new GraphBuilder();
    const scope = Scope.root(b, true);
    const x = b.state("input", shape);
    const y = block(x, scope);
    const learnt = [...scope.parameters.values()].filter(({ trainable }) => trainable);
    const sources: [string, Tensor][] = [
      ["input", x],
      ...learnt.map(({ name, shape }): [string, Tensor] => [
        name,
        b.state(name, shape),
      ]),
    ];
    const loss = b.sum(b.mul(y, b.input("cotangent", y.shape)));
    const grads = differentiate(b, loss, sources.map(([, tensor]) => tensor));
    b.output("output", y);
    sources.forEach(([name], k) => b.output(`grad.${name}`, grads[k]));
    using session = device.open();
    session.write("input", pictures(shape));
    for (const { name, shape } of scope.parameters.values()) session.write(name, referenceWeight(name, shape));
    const cotangent = Float32Array.from(uniform("cotangent", sizeOf(y.shape)), (u) => 2 * u - 1);
    check(file, await runOnce(session, b.graph, { cotangent }));
  });
}
