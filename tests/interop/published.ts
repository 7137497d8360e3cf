/**
 * Names and shapes of the tensors of published models, and files that have them.
 *
 * @module
 */

const keys: Record<string, Record<string, string>> = JSON.parse(
  await Deno.readTextFile(new URL("../../fixtures/interop/keys.json", import.meta.url)),
);

/** Shapes by name of a model of torchvision's or timm's, from `fixtures/interop/keys.json`. */
export function publishedKeys(library: "torchvision" | "timm", model: string): Map<string, number[]> {
  return new Map(
    keys[library][model].split("; ").map((entry) => {
      const [name, shape] = entry.split(" ");
      return [name, shape ? shape.split(",").map(Number) : []];
    }),
  );
}

/**
 * Shapes by name of Hugging Face's ViTForImageClassification with 12 blocks, 1,000 classes, patch 16, pictures of 224.
 */
export function huggingFaceVit(width: number): Map<string, number[]> {
  const shapes = new Map<string, number[]>([
    ["vit.embeddings.cls_token", [1, 1, width]],
    ["vit.embeddings.position_embeddings", [1, 197, width]],
  ]);
  const layer = (name: string, ...weight: number[]) => {
    shapes.set(`${name}.weight`, weight);
    shapes.set(`${name}.bias`, weight.slice(0, 1));
  };
  layer("vit.embeddings.patch_embeddings.projection", width, 3, 16, 16);
  for (let i = 0; i < 12; i++) {
    const block = `vit.encoder.layer.${i}`;
    layer(`${block}.layernorm_before`, width);
    for (const part of ["query", "key", "value"]) layer(`${block}.attention.attention.${part}`, width, width);
    layer(`${block}.attention.output.dense`, width, width);
    layer(`${block}.layernorm_after`, width);
    layer(`${block}.intermediate.dense`, 4 * width, width);
    layer(`${block}.output.dense`, width, 4 * width);
  }
  layer("vit.layernorm", width);
  layer("classifier", 1000, width);
  return shapes;
}

/**
 * Runs `test` with a safetensors file of tensors with such shapes. Their values are zeros that take no room on the
 * disk, but for those given.
 */
export async function withTensors(
  shapes: ReadonlyMap<string, readonly number[]>,
  test: (path: string) => Promise<void>,
  values: Readonly<Record<string, Float32Array>> = {},
): Promise<void> {
  const fields: string[] = [];
  const places: [at: number, values: Float32Array][] = [];
  let end = 0;
  for (const [name, shape] of shapes) {
    const begin = end;
    end += shape.reduce((product, size) => product * size, 4);
    if (name in values) places.push([begin, values[name]]);
    fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype: "F32", shape, data_offsets: [begin, end] })}`);
  }
  const header = new TextEncoder().encode(`{${fields.join()}}`);
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  try {
    {
      using file = await Deno.open(path, { write: true });
      await file.write(new Uint8Array(new BigUint64Array([BigInt(header.length)]).buffer));
      await file.write(header);
      for (const [at, { buffer, byteOffset, byteLength }] of places) {
        await file.seek(8 + header.length + at, Deno.SeekMode.Start);
        await file.write(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
      }
      await file.truncate(8 + header.length + end);
    }
    await test(path);
  } finally {
    await Deno.remove(path);
  }
}
