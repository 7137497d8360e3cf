/**
 * Small data sets for the tests of `src/data`, made in temporary folders.
 *
 * @module
 */

import { crc32, deflateSync } from "node:zlib";
import { randomBelow, randomStream } from "../../src/random.ts";

/** Makes a temporary folder, gives it to `use` and removes it. */
export async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A PNG of noise that is different for each seed. */
export function noisePng(seed: number, width = 12, height = 10): Uint8Array<ArrayBuffer> {
  const next = randomStream(seed);
  const rows = Uint8Array.from(
    { length: height * (1 + width * 3) },
    (_, i) => i % (1 + width * 3) ? randomBelow(next, 256) : 0,
  );
  return png(width, height, 0x0802, rows);
}

/** A PNG of unfiltered rows; the kind is the depth and the colour type, a byte each. */
function png(width: number, height: number, kind: number, rows: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint16(8, kind);
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
  return Uint8Array.from([
    ...signature,
    ...chunk("IHDR", new Uint8Array(header.buffer)),
    ...chunk("IDAT", deflateSync(rows)),
    ...chunk("IEND", new Uint8Array()),
  ]);
}

/** A grey PNG of 16 bits. */
export function deepPng(values: readonly number[], width: number): Uint8Array<ArrayBuffer> {
  const height = values.length / width;
  const rows = new Uint8Array(height * (1 + 2 * width));
  values.forEach((value, i) => {
    const at = Math.floor(i / width) * (1 + 2 * width) + 1 + 2 * (i % width);
    rows.set([value >> 8, value & 255], at);
  });
  return png(width, height, 0x1000, rows);
}

function chunk(type: string, data: Uint8Array): number[] {
  const body = [...new TextEncoder().encode(type), ...data];
  const word = (value: number) => [value >>> 24, value >>> 16 & 255, value >>> 8 & 255, value & 255];
  return [...word(data.length), ...body, ...word(crc32(Uint8Array.from(body)))];
}

/** Writes files, making their folders: text as it is, numbers as noise pictures of that seed. */
export async function write(
  folder: string,
  files: Readonly<Record<string, string | number | Uint8Array>>,
): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = `${folder}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else await Deno.writeFile(path, typeof content === "number" ? noisePng(content) : content);
  }
}

/** Files of a folder per class: `counts` pictures of each, all different. */
export function classFolders(counts: Readonly<Record<string, number>>): Record<string, number> {
  let seed = 0;
  const names = Object.entries(counts).flatMap(([name, count]) =>
    Array.from({ length: count }, (_, i) => `${name}/${String(i).padStart(3, "0")}.png`)
  );
  return Object.fromEntries(names.map((name) => [name, ++seed]));
}

/** IDX bytes: [count, 2, 2] pictures or [count] labels. */
export function idx(count: number, dimensions: number, data: readonly number[]): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * dimensions));
  header.setUint32(0, 0x800 + dimensions);
  for (let i = 0; i < dimensions; i++) header.setUint32(4 + 4 * i, i === 0 ? count : 2);
  return new Uint8Array([...new Uint8Array(header.buffer), ...data]);
}

/** Bytes by gzip. */
export function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  return new Response(new Blob([bytes.slice()]).stream().pipeThrough(new CompressionStream("gzip"))).bytes();
}
