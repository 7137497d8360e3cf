/**
 * IDX files, gzipped or not, as MNIST and Fashion-MNIST are published: `train-images-idx3-ubyte`,
 * `train-labels-idx1-ubyte` and the same with `t10k` (or `test`).
 *
 * @module
 */

import { joined } from "../../bytes.ts";
import { UserError } from "../../errors.ts";
import { refuseIrregular } from "../../files.ts";
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
  await refuseIrregular(path);
  using file = await Deno.open(path);
  const { size } = await file.stat();
  const start = new Uint8Array(2);
  const read = await file.read(start);
  await file.seek(0, Deno.SeekMode.Start);
  const isPacked = read === 2 && start[0] === 0x1f && start[1] === 0x8b;
  // Deflate makes at most 1032 bytes of one: a header that promises more is refused before anything is held.
  const room = isPacked ? 1032 * size : size;
  const source: ReadableStream<Uint8Array<ArrayBuffer>> = isPacked
    ? file.readable.pipeThrough(new DecompressionStream("gzip"))
    : file.readable;
  let shape: number[] | undefined;
  let bytes = new Uint8Array(0);
  let data = bytes;
  let filled = 0;
  let head = new Uint8Array(0);
  try {
    for await (const piece of source) {
      let body: Uint8Array<ArrayBuffer> = piece;
      if (shape === undefined) {
        head = joined([head, piece]);
        if (head.length < 4 + 4 * dimensions) continue;
        shape = shapeOf(head, dimensions, path);
        const header = 4 + 4 * dimensions;
        bytes = new Uint8Array(header + bytesOf(shape, room, path));
        bytes.set(head.subarray(0, header));
        data = bytes.subarray(header);
        body = head.subarray(header);
      }
      // What is beyond the header's promise is counted up to here, and no further.
      data.set(body.subarray(0, data.length - filled), filled);
      filled += body.length;
      if (filled > data.length) break;
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `${printable(path)} is damaged gzip data (${error instanceof Error ? error.message : error}); fetch it again`,
    );
  }
  shape ??= shapeOf(head, dimensions, path);
  if (filled !== data.length) {
    const had = filled > data.length ? `more than ${data.length}` : `${filled}`;
    throw new UserError(
      `${printable(path)} has ${had} bytes of data, but its header says ${
        shape.join("×")
      } = ${data.length}; fetch it again`,
    );
  }
  return { shape, data, bytes };
}

function shapeOf(head: Uint8Array<ArrayBuffer>, dimensions: number, path: string): number[] {
  const view = new DataView(head.buffer);
  if (head.length < 4 + 4 * dimensions || view.getUint32(0) !== 0x0800 + dimensions) {
    throw new UserError(`${printable(path)} is not an IDX file of bytes with ${dimensions} dimensions`);
  }
  return Array.from({ length: dimensions }, (_, i) => view.getUint32(4 + 4 * i));
}

function bytesOf(shape: readonly number[], room: number, path: string): number {
  const expected = shape.reduce((product, size) => product * size, 1);
  if (expected <= room) return expected;
  throw new UserError(
    `${printable(path)} can have at most ${room} bytes of data, but its header says ${
      shape.join("×")
    } = ${expected}; fetch it again`,
  );
}
