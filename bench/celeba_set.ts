/**
 * Makes a data set of CelebA's size and layout out of a few pictures, to see how Fovea bears it: 202,599 files of
 * 178×218 pixels that are hard links to 512, the attribute list with its 40 columns, the list of parts.
 *
 * `deno run -A bench/celeba_set.ts DIR [PICTURES]`
 *
 * A picture is in one part, and its labels are its own wherever it is linked, so that nothing contradicts itself. The
 * pictures are smooth with some noise, about as large as CelebA's.
 *
 * @module
 */

import { encode } from "npm:jpeg-js@0.4.4";
import { randomStream } from "../src/random.ts";

const [directory, count = "202599"] = Deno.args;
if (directory === undefined || !(Number(count) >= 512)) {
  console.error("Cannot make the set: give a folder, and how many files it has, at least 512");
  Deno.exit(2);
}

const [width, height, drawn] = [178, 218, 512];

const attributes = "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose " +
  "Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair " +
  "Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin " +
  "Pointy_Nose Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings " +
  "Wearing_Hat Wearing_Lipstick Wearing_Necklace Wearing_Necktie Young";

/** Streams of the pictures and of their labels. */
const [PICTURE, LABELS] = [0xce1e, 0xba];

/** A JPEG of a few soft waves for each channel, and noise. */
function picture(index: number): Uint8Array {
  const next = randomStream(PICTURE, index);
  const unit = () => next() / 2 ** 32;
  const waves = Array.from({ length: 12 }, () => [unit() * 0.08, unit() * 0.08, unit() * 6.3, unit() * 60]);
  const data = new Uint8Array(width * height * 4).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        let value = 128 + 6 * (unit() - 0.5);
        for (let w = c; w < 12; w += 3) {
          const [fx, fy, phase, size] = waves[w];
          value += size * Math.sin(fx * x + fy * y + phase);
        }
        data[(y * width + x) * 4 + c] = Math.max(0, Math.min(255, value));
      }
    }
  }
  return encode({ data, width, height }, 88).data;
}

const folder = `${directory}/img_align_celeba`;
await Deno.mkdir(`${directory}/pictures`, { recursive: true });
await Deno.mkdir(folder, { recursive: true });
let bytes = 0;
const labels = Array.from({ length: drawn }, (_, i) => {
  const next = randomStream(LABELS, i);
  const jpeg = picture(i);
  bytes += jpeg.length;
  Deno.writeFileSync(`${directory}/pictures/${i}.jpg`, jpeg);
  return attributes.split(" ").map(() => next() < 2 ** 30 ? " 1" : "-1").join(" ");
});
/** Of the pictures, as of CelebA, eight tenths are for training. */
const partOf = (i: number) => i < 0.8 * drawn ? 0 : i < 0.9 * drawn ? 1 : 2;
const [rows, parts]: [string[], string[]] = [[], []];
for (let i = 0; i < Number(count); i++) {
  const name = `${String(i + 1).padStart(6, "0")}.jpg`;
  const source = (i * 197) % drawn;
  Deno.linkSync(`${directory}/pictures/${source}.jpg`, `${folder}/${name}`);
  rows.push(`${name} ${labels[source]}\n`);
  parts.push(`${name} ${partOf(source)}\n`);
}
await Deno.remove(`${directory}/pictures`, { recursive: true });
await Deno.writeTextFile(`${directory}/list_attr_celeba.txt`, `${count}\n${attributes}\n${rows.join("")}`);
await Deno.writeTextFile(`${directory}/list_eval_partition.txt`, parts.join(""));
console.log(`${count} files, ${drawn} pictures of ${Math.round(bytes / drawn)} bytes: ${directory}`);
