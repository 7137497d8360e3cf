/**
 * Times ONNX Runtime's forward pass on a network that PyTorch has written: `deno run -A bench/peers/onnx.ts wasm|webgpu
 * infer NAME SIZE BATCH RUNS`. Prints one JSON object with the median `seconds`.
 *
 * @module
 */

// deno-lint-ignore-file no-explicit-any -- the types of the peers are not ours to fetch

import { medianSeconds } from "./time.ts";

const VERSION = "1.23.2";
const [provider, what, name, ...numbers] = Deno.args;
const [size, batch, runs] = numbers.map(Number);

/** The network's ONNX file. */
async function exported(): Promise<Uint8Array> {
  const path = await Deno.makeTempFile({ suffix: ".onnx" });
  try {
    const script = new URL("export_onnx.py", import.meta.url).pathname;
    const { success, stderr } = await new Deno.Command("/usr/bin/python3", {
      args: [script, name, `${size}`, `${batch}`, path],
      ...{ stdout: "null", stderr: "piped" },
    }).output();
    if (!success) throw new Error(`PyTorch cannot write ${name}: ${new TextDecoder().decode(stderr).trim()}`);
    return await Deno.readFile(path);
  } finally {
    await Deno.remove(path);
  }
}

async function seconds(): Promise<number> {
  if (what !== "infer") throw new Error(`ONNX Runtime is not asked to ${what} here`);
  // A variable, so that the type check fetches nothing.
  const specifier = `npm:onnxruntime-web@${VERSION}${provider === "webgpu" ? "/webgpu" : ""}`;
  const ort: any = await import(specifier);
  // As many as PyTorch has; on WebGPU the processor only dispatches, and the bundle's threads fail in Deno.
  ort.env.wasm.numThreads = provider === "wasm" ? 2 : 1;
  const session = await ort.InferenceSession.create(await exported(), { executionProviders: [provider] });
  const pixels = Float32Array.from({ length: batch * 3 * size * size }, (_, i) => (i % 256) / 255);
  const images = new ort.Tensor("float32", pixels, [batch, 3, size, size]);
  return await medianSeconds(runs, async () => {
    const { logits } = await session.run({ images });
    await logits.getData();
    logits.dispose();
  });
}

console.log(JSON.stringify({ seconds: await seconds() }));
Deno.exit(0);
