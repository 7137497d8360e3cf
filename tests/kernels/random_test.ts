import { assert, assertEquals, assertThrows } from "@std/assert";
import { randomJs, randomKey, randomUniform, randomWgsl } from "../../kernels/random.ts";

const COUNT = 1 << 16;
/** Positions, streams and keys at the edges of what the generator takes; `offset` is added to every index. */
const EDGES = [
  { stream: 0, key: [0, 0], offset: 0 },
  { stream: 1, key: [0, 1], offset: 65_536 - COUNT / 2 },
  { stream: 70_001, key: [65_535, 65_535], offset: 0 },
  { stream: 2 ** 24 - 1, key: [32_768, 1], offset: 2 ** 24 - COUNT },
] as const;

const draw = (stream: number, [hi, lo]: readonly number[], offset = 0, count = COUNT) =>
  Float64Array.from({ length: count }, (_, i) => randomUniform(i + offset, stream, hi, lo));

const mean = (values: Float64Array) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Correlation of two sequences; for independent ones its standard deviation is 1/√length. */
function correlation(a: Float64Array, b: Float64Array): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  const product = (x: Float64Array, meanX: number, y: Float64Array, meanY: number) =>
    x.reduce((sum, value, i) => sum + (value - meanX) * (y[i] - meanY), 0);
  return product(a, meanA, b, meanB) / Math.sqrt(product(a, meanA, a, meanA) * product(b, meanB, b, meanB));
}

/** Five standard deviations of a correlation: the seeds are fixed, so a pass stays a pass. */
const LIMIT = 5 / Math.sqrt(COUNT);

function assertSame(got: ArrayLike<number>, want: Float64Array, where: string): void {
  const at = want.findIndex((value, i) => value !== got[i]);
  assert(at < 0, `${where}: element ${at} is ${got[at]}, not ${want[at]}`);
}

Deno.test("randomUniform() gives the numbers of its specification", () => {
  // By hand from the formula in kernels/random.ts, in arbitrary precision.
  const mix = (value: bigint) => {
    let x = value;
    x ^= x >> 16n;
    x = (x * 0x7feb352dn) & 0xffffffffn;
    x ^= x >> 15n;
    x = (x * 0x846ca68bn) & 0xffffffffn;
    return x ^ (x >> 16n);
  };
  for (const [index, stream, hi, lo] of [[0, 0, 0, 0], [5, 3, 1, 2], [4e9, 2 ** 24 - 1, 65_535, 40_000]]) {
    const key = BigInt(hi) * 65_536n + BigInt(lo);
    const state = mix(mix(mix(mix(key) ^ BigInt(stream)) ^ BigInt(index)) ^ key ^ BigInt(stream));
    assertEquals(randomUniform(index, stream, hi, lo), Number(state >> 8n) / 2 ** 24);
  }
});

Deno.test("randomJs gives the same bits in plain JavaScript and in gpu.js", async () => {
  const body = "return randomUniform(this.thread.x + this.constants.offset, this.constants.stream, hi[0], lo[0]);";
  // The name in a variable: a literal one would be downloaded with every program that imports this file.
  const name = "npm:gpu.js@2.24.1";
  const { GPU } = await import(name);
  for (const { stream, key: [hi, lo], offset } of EDGES) {
    const want = draw(stream, [hi, lo], offset);
    const plain = new Function("hi", "lo", `${randomJs.join("\n")}\n${body}`);
    const constants = { stream, offset };
    assertSame(
      Float64Array.from({ length: COUNT }, (_, x) => plain.call({ thread: { x }, constants }, [hi], [lo])),
      want,
      "plain JavaScript",
    );
    for (const mode of ["cpu", "webasm"]) {
      const gpu = new GPU({ mode });
      for (const source of randomJs) gpu.addFunction(source);
      const kernel = gpu.createKernel(`function(hi, lo) { ${body} }`, { output: [COUNT], constants });
      assertSame(kernel(Float32Array.of(hi), Float32Array.of(lo)), want, `gpu.js ${mode}, stream ${stream}`);
      gpu.destroy();
    }
  }
});

const adapter = await navigator.gpu?.requestAdapter();

Deno.test({
  name: "randomWgsl gives the same bits in WGSL",
  ignore: !adapter,
  async fn() {
    const device = await adapter!.requestDevice();
    const cases = EDGES.map(({ stream, key: [hi, lo], offset }, k) =>
      `values[${k * COUNT}u + id.x] = randomUniform(id.x + ${offset}u, ${stream}u, ${hi}u, ${lo}u);`
    );
    const code = `${randomWgsl}
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) { ${cases.join("\n")} }`;
    const pipeline = device.createComputePipeline({
      layout: "auto",
      compute: { module: device.createShaderModule({ code }) },
    });
    const size = 4 * COUNT * EDGES.length;
    const values = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
    const staging = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer: values } }],
      }),
    );
    pass.dispatchWorkgroups(COUNT / 64);
    pass.end();
    encoder.copyBufferToBuffer(values, 0, staging, 0, size);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    const got = new Float32Array(staging.getMappedRange().slice(0));
    device.destroy();
    EDGES.forEach(({ stream, key, offset }, k) =>
      assertSame(got.subarray(k * COUNT, (k + 1) * COUNT), draw(stream, key, offset), `WGSL, stream ${stream}`)
    );
  },
});

Deno.test("randomUniform() is uniform and shows no serial correlation", () => {
  for (const { stream, key, offset } of EDGES) {
    const values = draw(stream, key, offset);
    assert(values.every((value) => value >= 0 && value < 1 && Number.isInteger(value * 2 ** 24)));
    // Standard deviations of the sample's mean, of its variance, and of each bin's count.
    const variance = mean(values.map((value) => (value - 0.5) ** 2));
    assert(Math.abs(mean(values) - 0.5) < 5 * Math.sqrt(1 / 12 / COUNT), `mean ${mean(values)}`);
    assert(Math.abs(variance - 1 / 12) < 5 * Math.sqrt(1 / 180 / COUNT), `variance ${variance}`);
    const bins = new Float64Array(256);
    for (const value of values) bins[Math.floor(value * 256)]++;
    const chi2 = bins.reduce((sum, count) => sum + (count - COUNT / 256) ** 2 / (COUNT / 256), 0);
    assert(Math.abs(chi2 - 255) < 5 * Math.sqrt(2 * 255), `chi² of 256 bins ${chi2}`);
    for (const lag of [1, 2, 3, 8, 64, 1024]) {
      const r = correlation(values.subarray(lag), values.subarray(0, -lag));
      assert(Math.abs(r) < LIMIT, `correlation at lag ${lag} is ${r}`);
    }
  }
});

Deno.test("randomUniform() gives independent numbers to neighbouring streams and steps", () => {
  const first = draw(4, randomKey(1, 10));
  const others = {
    "the next stream": draw(5, randomKey(1, 10)),
    "the next step": draw(4, randomKey(1, 11)),
    "the next seed": draw(4, randomKey(2, 10)),
    "the next key": draw(4, [randomKey(1, 10)[0], randomKey(1, 10)[1] ^ 1]),
    "stream and step exchanged": draw(10, randomKey(1, 4)),
  };
  for (const [name, other] of Object.entries(others)) {
    const r = correlation(first, other);
    assert(Math.abs(r) < LIMIT, `correlation with ${name} is ${r}`);
    // Nor are they the same numbers in another order.
    const shared = new Set(first).intersection(new Set(other)).size;
    const expected = COUNT ** 2 / 2 ** 24;
    assert(Math.abs(shared - expected) < 6 * Math.sqrt(expected), `${shared} numbers shared with ${name}`);
  }
});

Deno.test("randomUniform() changes half of its bits with any bit of index, stream or key", () => {
  const trials = 4096;
  const bits = (index: number, stream: number, key: number) =>
    randomUniform(index, stream, key >>> 16, key & 65_535) * 2 ** 24;
  for (const [operand, width] of [["index", 24], ["stream", 24], ["key", 32]] as const) {
    for (let bit = 0; bit < width; bit++) {
      const flips = new Float64Array(24);
      for (let trial = 0; trial < trials; trial++) {
        const at = { index: trial * 7, stream: trial % 61, key: Math.imul(trial, 0x9e3779b1) };
        const changed = { ...at, [operand]: at[operand] ^ (1 << bit) };
        const difference = bits(at.index, at.stream, at.key) ^ bits(changed.index, changed.stream, changed.key);
        for (let k = 0; k < 24; k++) flips[k] += (difference >> k) & 1;
      }
      for (const count of flips) {
        assert(
          Math.abs(count / trials - 0.5) < 6 * 0.5 / Math.sqrt(trials),
          `bit ${bit} of ${operand} flips a bit of the output in ${count} of ${trials} trials`,
        );
      }
    }
  }
});

Deno.test("randomKey() gives each step of a seed its own key and refuses what is not a count", () => {
  const keys = new Set(Array.from({ length: 100_000 }, (_, step) => randomKey(3, step).join()));
  assertEquals(keys.size, 100_000);
  assert(randomKey(2 ** 40, 0).join() !== randomKey(0, 0).join(), "the upper bits of a seed count");
  assertThrows(() => randomKey(-1, 0), RangeError, "seed is -1");
  assertThrows(() => randomKey(0, 0.5), RangeError, "step is 0.5");
});
