/**
 * IDX files, gzipped or not, as MNIST and Fashion-MNIST are published: `train-images-idx3-ubyte`,
 * `train-labels-idx1-ubyte` and the same with `t10k` (or `test`).
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import type { SplitName } from "../dataset.ts";
import { printable } from "../names.ts";
import type { PixelSource } from "../store/source.ts";

/** Pictures and labels of one part. */
export interface IdxPart {
  /** Part of the data set. */
  readonly split: SplitName;
  /** Stem of the files' names: `train`, `t10k`. */
  readonly stem: string;
  /** The file of pictures. */
  readonly images: string;
  /** The file of labels. */
  readonly labels: string;
}

/** What was read of IDX files. */
export interface IdxData {
  /** The pixels of all parts. */
  readonly source: PixelSource;
  /** Label of each picture. */
  readonly labels: Uint8Array;
  /** The bytes of each file of labels, not gzipped. */
  readonly labelFiles: readonly Uint8Array[];
  /** Name of each picture: the stem, `#` and its number in the file. */
  readonly files: readonly string[];
  /** Part of each picture. */
  readonly splits: readonly SplitName[];
}

const imageName = /^(?:.*-)?(train|t10k|test|val|valid)-images[-.]idx3-ubyte(\.gz)?$/;

/**
 * Finds pairs of IDX files in a folder. Where a file is there gzipped and not, the one that is not is taken.
 *
 * @param root The data folder.
 * @returns The parts, train first; none where there are no such files.
 * @throws {UserError} If a file of pictures has no file of labels.
 */
export async function findIdx(root: string): Promise<IdxPart[]> {
  const names = (await Array.fromAsync(Deno.readDir(root))).map(({ name }) => name).sort();
  const parts = new Map<string, IdxPart>();
  for (const name of names) {
    const match = imageName.exec(name);
    if (match === null) continue;
    const stem = name.slice(0, name.indexOf("-images"));
    if (parts.has(stem)) continue; // `…-ubyte` sorts before `…-ubyte.gz`
    const plain = name.replace("-images", "-labels").replace("idx3", "idx1").replace(/\.gz$/, "");
    const labels = [plain, `${plain}.gz`].find((candidate) => names.includes(candidate));
    if (labels === undefined) {
      throw new UserError(
        `${printable(root)}/${printable(name)} has no labels beside it: expected ${plain} or ${plain}.gz`,
      );
    }
    const split = match[1] === "train" ? "train" : match[1].startsWith("val") ? "val" : "test";
    parts.set(stem, { split, stem, images: `${root}/${name}`, labels: `${root}/${labels}` });
  }
  const order = ["train", "val", "test"];
  return [...parts.values()].sort((a, b) => order.indexOf(a.split) - order.indexOf(b.split));
}

/**
 * Reads IDX files into one source.
 *
 * @param parts What {@link findIdx} found.
 * @returns Pixels and labels.
 * @throws {UserError} If a file is not IDX, is cut short, or counts or sizes disagree.
 */
export async function readIdx(parts: readonly IdxPart[]): Promise<IdxData> {
  const read = await Promise.all(parts.map(readPart));
  const [{ width, height }] = read;
  const count = read.reduce((sum, { labels }) => sum + labels.length, 0);
  const pixels = new SharedArrayBuffer(count * width * height);
  const labels = new Uint8Array(count);
  const files: string[] = [];
  const splits: SplitName[] = [];
  for (const [k, part] of read.entries()) {
    if (part.width !== width || part.height !== height) {
      throw new UserError(
        `${printable(parts[k].images)} has pictures of ${part.width}×${part.height}, but ${
          printable(parts[0].images)
        } of ${width}×${height}`,
      );
    }
    new Uint8Array(pixels).set(part.pixels, files.length * width * height);
    labels.set(part.labels, files.length);
    for (let i = 0; i < part.labels.length; i++) {
      files.push(`${parts[k].stem}#${i}`);
      splits.push(parts[k].split);
    }
  }
  const labelFiles = read.map(({ labelFile }) => labelFile);
  return { source: { form: "pixels", pixels, count, width, height, channels: 1 }, labels, labelFiles, files, splits };
}

async function readPart({ images, labels }: IdxPart) {
  const [pictures, names] = await Promise.all([readTensor(images, 3), readTensor(labels, 1)]);
  const [count, height, width] = pictures.shape;
  if (names.shape[0] !== count) {
    throw new UserError(
      `${printable(images)} has ${count} pictures, but ${printable(labels)} has ${names.shape[0]} labels`,
    );
  }
  if (count === 0 || width === 0 || height === 0) throw new UserError(`${printable(images)} has no pictures`);
  return { pixels: pictures.data, labels: names.data, labelFile: names.bytes, width, height };
}

/** Bytes of an IDX file of unsigned bytes: two zeros, type 8, the number of dimensions, the dimensions, the data. */
async function readTensor(
  path: string,
  dimensions: number,
): Promise<{ shape: number[]; data: Uint8Array; bytes: Uint8Array }> {
  const bytes = await readMaybeGzipped(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const header = 4 + 4 * dimensions;
  if (bytes.length < header || view.getUint32(0) !== 0x0800 + dimensions) {
    throw new UserError(`${printable(path)} is not an IDX file of bytes with ${dimensions} dimensions`);
  }
  const shape = Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
  const expected = shape.reduce((product, size) => product * size, 1);
  if (bytes.length - header !== expected) {
    throw new UserError(
      `${printable(path)} has ${bytes.length - header} bytes of data, but its header says ${
        shape.join("×")
      } = ${expected}; fetch it again`,
    );
  }
  return { shape, data: bytes.subarray(header), bytes };
}

async function readMaybeGzipped(path: string): Promise<Uint8Array> {
  const bytes = await Deno.readFile(path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).bytes();
  } catch (error) {
    throw new UserError(
      `${printable(path)} is damaged gzip data (${error instanceof Error ? error.message : error}); fetch it again`,
    );
  }
}
