/**
 * Times TensorFlow.js: `deno run -A bench/peers/tfjs.ts webgpu|wasm|cpu train|infer|matmul NAME SIZE BATCH RUNS`.
 * Prints one JSON object with the median `seconds`.
 *
 * @module
 */

// deno-lint-ignore-file no-explicit-any -- the types of the peers are not ours to fetch

import { medianSeconds } from "./time.ts";

const VERSION = "4.22.0";
const [backend, what, name, ...numbers] = Deno.args;
const [size, batch, runs] = numbers.map(Number);
// Variables, so that the type check fetches nothing.
const packages = [`npm:@tensorflow/tfjs@${VERSION}`, `npm:@tensorflow/tfjs-backend-${backend}@${VERSION}`];
const tf: any = await import(packages[0]);
if (backend !== "cpu") await import(packages[1]);
await tf.setBackend(backend);
await tf.ready();

/** A residual block of two 3×3 convolutions, or a bottleneck. */
function block(x: any, channels: number, stride: number, isBottleneck: boolean): any {
  const conv = (y: any, filters: number, kernelSize: number, strides = 1) =>
    tf.layers.batchNormalization().apply(
      tf.layers.conv2d({ filters, kernelSize, strides, padding: "same", useBias: false }).apply(y),
    );
  const relu = (y: any) => tf.layers.reLU().apply(y);
  const width = isBottleneck ? 4 * channels : channels;
  const y = isBottleneck
    ? conv(relu(conv(relu(conv(x, channels, 1)), channels, 3, stride)), width, 1)
    : conv(relu(conv(x, channels, 3, stride)), width, 3);
  const same = stride === 1 && x.shape[3] === width;
  return relu(tf.layers.add().apply([y, same ? x : conv(x, width, 1, stride)]));
}

function resnet(counts: readonly number[], isBottleneck: boolean): any {
  const input = tf.input({ shape: [size, size, 3] });
  let x = tf.layers.conv2d({ filters: 64, kernelSize: 7, strides: 2, padding: "same", useBias: false }).apply(input);
  x = tf.layers.reLU().apply(tf.layers.batchNormalization().apply(x));
  x = tf.layers.maxPooling2d({ poolSize: 3, strides: 2, padding: "same" }).apply(x);
  counts.forEach((count, stage) => {
    for (let k = 0; k < count; k++) x = block(x, 64 << stage, k === 0 && stage > 0 ? 2 : 1, isBottleneck);
  });
  x = tf.layers.dense({ units: 1000, activation: "softmax" }).apply(tf.layers.globalAveragePooling2d({}).apply(x));
  return tf.model({ inputs: input, outputs: x });
}

function threeConvolutions(): any {
  const layers = [32, 64, 128].flatMap((filters, k) => [
    tf.layers.conv2d({
      ...{ filters, kernelSize: 3, padding: "same", activation: "relu" },
      ...(k === 0 ? { inputShape: [size, size, 3] } : {}),
    }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
  ]);
  return tf.sequential({
    layers: [...layers, tf.layers.flatten(), tf.layers.dense({ units: 10, activation: "softmax" })],
  });
}

const makers: Readonly<Record<string, () => any>> = {
  "three-conv": threeConvolutions,
  resnet18: () => resnet([2, 2, 2, 2], false),
  resnet50: () => resnet([3, 4, 6, 3], true),
};

/** Waits for a result. */
async function read(result: any): Promise<void> {
  await result.data();
  result.dispose();
}

async function seconds(): Promise<number> {
  if (what === "matmul") {
    const [a, b] = [tf.randomNormal([size, size]), tf.randomNormal([size, size])];
    return await medianSeconds(runs, () => read(tf.matMul(a, b)));
  }
  if (!makers[name]) throw new Error(`no ${name} is built for TensorFlow.js here`);
  const model = makers[name]();
  const x = tf.randomNormal([batch, size, size, 3]);
  if (what === "infer") return await medianSeconds(runs, () => read(model.predict(x)));
  const classes = model.outputs[0].shape[1];
  const y = tf.oneHot(tf.range(0, batch, 1, "int32"), classes).toFloat();
  model.compile({ optimizer: tf.train.momentum(0.01, 0.9), loss: "categoricalCrossentropy" });
  return await medianSeconds(runs, () => model.trainOnBatch(x, y));
}

console.log(JSON.stringify({ seconds: await seconds() }));
Deno.exit(0);
