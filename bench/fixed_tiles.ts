/**
 * Matrix products by one fixed tile each, as a first kernel is written: what the tuned ones must at least equal. An
 * invocation computes a tile of the result in registers; operands are read four numbers at a time, from buffers or from
 * sampled textures.
 *
 * @module
 */

import { findAdapter } from "../src/device/webgpu/device.ts";
import { median } from "./table.ts";

/** Rows and columns of the result that an invocation computes, and where it reads from. */
export interface FixedTile {
  readonly rows: number;
  readonly columns: number;
  readonly from: "buffers" | "textures";
}

/** The tiles, the smallest first. */
export const fixedTiles: readonly FixedTile[] = [
  { rows: 4, columns: 4, from: "buffers" },
  { rows: 8, columns: 8, from: "buffers" },
  { rows: 16, columns: 8, from: "buffers" },
  { rows: 16, columns: 16, from: "buffers" },
  { rows: 16, columns: 16, from: "textures" },
];

/** Invocations of a workgroup, side by side. */
const WORKGROUP = 8;

const range = (count: number): number[] => Array.from({ length: count }, (_, k) => k);

/** WGSL of the product of two square matrices of `side` numbers. */
function textOf({ rows, columns, from }: FixedTile, side: number): string {
  const fours = range(columns / 4);
  const width = side / 4;
  const isTexture = from === "textures";
  const operand = (k: number, name: string) =>
    `@group(0) @binding(${k}) var${isTexture ? "" : "<storage, read>"} ${name}: ${
      isTexture ? "texture_2d<f32>" : "array<vec4f>"
    };`;
  const read = (name: string, row: string, four: string) =>
    isTexture ? `textureLoad(${name}, vec2u(${four}, ${row}), 0)` : `${name}[(${row}) * ${width}u + ${four}]`;
  const sums = range(rows).flatMap((r) => fours.map((q) => `s${r}_${q}`));
  return `${operand(0, "a")}
${operand(1, "b")}
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;

@compute @workgroup_size(${WORKGROUP}, 1)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y * ${rows}u;
  let four = id.x * ${columns / 4}u;
${sums.map((sum) => `  var ${sum} = vec4f();`).join("\n")}
  for (var k = 0u; k < ${width}u; k++) {
${range(rows).map((r) => `    let a${r} = ${read("a", `row + ${r}u`, "k")};`).join("\n")}
${
    range(4).flatMap((j) => [
      ...fours.map((q) => `    let b${j}_${q} = ${read("b", `k * 4u + ${j}u`, `four + ${q}u`)};`),
      ...range(rows).flatMap((r) =>
        fours.map((q) => `    s${r}_${q} = fma(vec4f(a${r}[${j}]), b${j}_${q}, s${r}_${q});`)
      ),
    ]).join("\n")
  }
  }
${
    range(rows).flatMap((r) => fours.map((q) => `  c[(row + ${r}u) * ${width}u + four + ${q}u] = s${r}_${q};`)).join(
      "\n",
    )
  }
}
`;
}

/** Least seconds between two waits for the device. */
const BETWEEN_WAITS = 0.5;

/**
 * Median seconds of a product of two square matrices by a fixed tile.
 *
 * @param side Of the matrices: a multiple of 128.
 * @throws Error where the adapter refuses the kernel, or it computes something else.
 */
export async function secondsByFixedTile(tile: FixedTile, side: number, runs: number): Promise<number> {
  const gpu = await (await findAdapter())!.requestDevice();
  gpu.pushErrorScope("validation");
  const values = Float32Array.from({ length: side * side }, (_, k) => (k * 7919 % 1009) / 1009 - 0.5);
  const bytes = values.byteLength;
  const { STORAGE, COPY_SRC, COPY_DST } = GPUBufferUsage;
  const buffer = () => gpu.createBuffer({ size: bytes, usage: STORAGE | COPY_SRC | COPY_DST });
  const operand = (): GPUBindingResource => {
    if (tile.from === "buffers") {
      const given = buffer();
      gpu.queue.writeBuffer(given, 0, values);
      return { buffer: given };
    }
    const size = [side / 4, side];
    const usage = GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST;
    const texture = gpu.createTexture({ size, format: "rgba32float", usage });
    gpu.queue.writeTexture({ texture }, values, { bytesPerRow: 4 * side }, size);
    return texture.createView();
  };
  const result = buffer();
  const pipeline = gpu.createComputePipeline({
    layout: "auto",
    compute: { module: gpu.createShaderModule({ code: textOf(tile, side) }), entryPoint: "main" },
  });
  const resources = [operand(), operand(), { buffer: result }];
  const group = gpu.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: resources.map((resource, binding) => ({ binding, resource })),
  });
  const timed = async (count: number) => {
    const start = performance.now();
    const encoder = gpu.createCommandEncoder();
    for (let k = 0; k < count; k++) {
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(side / tile.columns / WORKGROUP, side / tile.rows);
      pass.end();
    }
    gpu.queue.submit([encoder.finish()]);
    await gpu.queue.onSubmittedWorkDone();
    return (performance.now() - start) / 1000 / count;
  };
  try {
    // The first run compiles.
    await timed(1);
    const error = await gpu.popErrorScope();
    if (error) throw new Error(`The adapter refused a tile of ${tile.rows}×${tile.columns}: ${error.message}`);
    await checkLast(gpu, result, values, side);
    const count = Math.ceil(BETWEEN_WAITS / await timed(1));
    const times: number[] = [];
    for (let k = 0; k < runs; k++) times.push(await timed(count));
    return median(times);
  } finally {
    gpu.destroy();
  }
}

/** Throws Error unless the last number of the result is that of the product. */
async function checkLast(gpu: GPUDevice, result: GPUBuffer, values: Float32Array, side: number): Promise<void> {
  const staging = gpu.createBuffer({ size: 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = gpu.createCommandEncoder();
  encoder.copyBufferToBuffer(result, result.size - 4, staging, 0, 4);
  gpu.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const [got] = new Float32Array(staging.getMappedRange());
  const want = range(side).reduce((sum, k) => sum + values[(side - 1) * side + k] * values[k * side + side - 1], 0);
  if (!(Math.abs(got - want) < 1e-2)) throw new Error(`A fixed tile gives ${got} where the product is ${want}`);
}
