/**
 * Safetensors files on a disk: read by path, whole or in parts, and their bytes to write. The hash is the host's own,
 * which takes the bytes as they come.
 *
 * @module
 */
import { createHash, type Hash } from "node:crypto";
import { openByteSource } from "./file_source.ts";
import {
  BEFORE_HASH,
  HASH_KEY,
  hashDigits,
  NO_HASH,
  type SafetensorsFile,
  SafetensorsReader,
  type WritableTensor,
} from "./safetensors.ts";
import { parseHeader } from "./safetensors_header.ts";

/** Begins a hash. It keeps none of the bytes that it is given, so that files may be larger than memory. */
export const startSha256 = (): Hash => createHash("sha256");

/**
 * The bytes of a file with tensors, in the order of the map. The same input gives the same bytes.
 *
 * @param tensors The tensors by name.
 * @param metadata Texts for the header; the hash is added to them.
 * @returns The file in pieces, to be written one after the other; those with values are views, not copies.
 * @throws {TypeError} If a tensor has more or fewer values than its shape.
 * @throws {SyntaxError} If a name is one that the reader refuses.
 *
 * @example
 * ```ts
 * import { encodeSafetensors } from "./safetensors_file.ts";
 * import { writeAtomic } from "../files.ts";
 *
 * const bias = { shape: [2], values: Float32Array.of(0.5, -1) };
 * await writeAtomic("weights.safetensors", encodeSafetensors(new Map([["bias", bias]]), { epoch: "3" }));
 * ```
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, WritableTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  // Field by field: of an object, keys that look like numbers come first, and the hash would have no fixed place.
  const field = (key: string, value: unknown) => `${JSON.stringify(key)}:${JSON.stringify(value)}`;
  const texts = Object.entries(metadata).filter(([key]) => key !== HASH_KEY).map(([key, text]) => field(key, text));
  const fields = [`${BEFORE_HASH}${NO_HASH}"${texts.map((text) => `,${text}`).join("")}}`];
  const data: Uint8Array[] = [];
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    if (shape.reduce((product, axis) => product * axis, 1) !== values.length) {
      throw new TypeError(
        `Cannot write ${name}: its shape [${shape.join(", ")}] does not hold ${values.length} values`,
      );
    }
    const data_offsets = [end, end += values.byteLength];
    fields.push(field(name, { dtype: values instanceof Float32Array ? "F32" : "I64", shape, data_offsets }));
    data.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  const text = new TextEncoder().encode(`${fields.join()}}`);
  // Padded with spaces to 8 bytes, so that the data can be mapped.
  const head = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(head.buffer).setBigUint64(0, BigInt(head.length - 8), true);
  head.set(text, 8);
  parseHeader(head.subarray(8), end); // What is written can be read.

  const hash = startSha256().update(head);
  for (const piece of data) hash.update(piece);
  hashDigits(head).set(new TextEncoder().encode(hash.digest("hex")));
  return [head, ...data];
}

/**
 * Reads a file whole.
 *
 * @param path Where it is.
 * @returns The tensors and the metadata.
 * @throws {UserError} That names the path and what is wrong when the file is missing, cut, flipped or hostile.
 */
export async function readSafetensors(path: string): Promise<SafetensorsFile> {
  using reader = await openSafetensors(path);
  return await reader.readAll();
}

/**
 * Opens a file to read tensors one by one: only its header is read now.
 *
 * @param path Where it is.
 * @returns The reader; dispose of it.
 * @throws {UserError} That names the path and what is wrong when the file is missing, cut or hostile. A flipped bit is
 * noticed by {@link SafetensorsReader.verify} and {@link SafetensorsReader.readAll}.
 *
 * @example
 * ```ts
 * import { openSafetensors } from "./safetensors_file.ts";
 *
 * using file = await openSafetensors("resnet50.safetensors");
 * const { shape } = file.entries.get("fc.weight")!;
 * const { values } = await file.read("fc.weight");
 * ```
 */
export async function openSafetensors(path: string): Promise<SafetensorsReader> {
  const source = await openByteSource(path);
  try {
    return await SafetensorsReader.of(source, startSha256);
  } catch (error) {
    source.close();
    throw error;
  }
}
