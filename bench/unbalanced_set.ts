/**
 * Makes an unbalanced set of a balanced one in IDX files, such as Fashion-MNIST: of its classes in turn all, a tenth
 * and a hundredth of the training pictures are kept, the first ones. The test pictures stay as they are.
 *
 * ```sh
 * deno run --allow-read --allow-write bench/unbalanced_set.ts /usr/share/datasets/fashion-mnist /tmp/unbalanced
 * ```
 *
 * @module
 */

import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

/** Share of a class's pictures that is kept, by its number. */
const SHARES = [1, 0.1, 0.01];

const [from, to] = Deno.args;
if (to === undefined) {
  console.error("Give the folder of a set in IDX files, and a new folder");
  Deno.exit(2);
}
await Deno.mkdir(to);
for (const part of ["images-idx3", "labels-idx1"]) {
  await Deno.copyFile(join(from, `t10k-${part}-ubyte.gz`), join(to, `t10k-${part}-ubyte.gz`));
}
const read = async (part: string) => gunzipSync(await Deno.readFile(join(from, `train-${part}-ubyte.gz`)));
const [images, labels] = [await read("images-idx3"), await read("labels-idx1")];
/** Bytes of the headers of IDX files of three axes and of one. */
const [IMAGES, LABELS] = [16, 8];
const count = labels.length - LABELS;
const pixels = (images.length - IMAGES) / count;
const of = new Map<number, number>();
for (const label of labels.subarray(LABELS)) of.set(label, (of.get(label) ?? 0) + 1);
const seen = new Map<number, number>();
const kept = Array.from({ length: count }, (_, i) => i).filter((i) => {
  const label = labels[LABELS + i];
  const before = seen.get(label) ?? 0;
  seen.set(label, before + 1);
  return before < of.get(label)! * SHARES[label % SHARES.length];
});

/** The kept rows of `size` bytes, behind the header with their number. */
async function write(part: string, file: Uint8Array, header: number, size: number): Promise<void> {
  const out = new Uint8Array(header + kept.length * size);
  out.set(file.subarray(0, header));
  new DataView(out.buffer).setUint32(4, kept.length);
  kept.forEach((i, k) => out.set(file.subarray(header + i * size, header + (i + 1) * size), header + k * size));
  await Deno.writeFile(join(to, `train-${part}-ubyte.gz`), gzipSync(out));
}

await write("images-idx3", images, IMAGES, pixels);
await write("labels-idx1", labels, LABELS, 1);
console.log(`${kept.length} of ${count} training pictures are kept`);
