/**
 * `predict --dense`: a class map of each picture, as PNG, and raw where that is asked for.
 *
 * @module
 */

import { basename, join } from "node:path";
import type { Decoding } from "../data/pictures/header.ts";
import type { Picture } from "../data/pictures/decode.ts";
import { npyOf } from "../explain/map_file.ts";
import { writeAtomic } from "../files.ts";
import { classMapChart } from "../report/class_map.ts";
import { draw } from "../report/draw.ts";
import type { ClassMap, ClassMapper } from "../run/class_map.ts";
import { readPicture } from "../run/picture_input.ts";
import { type Prediction, predictionOf } from "../run/prediction.ts";
import type { Task } from "../data/labels.ts";

/** What maps are of. */
export interface MapsOf {
  /** Its task. */
  readonly task: Task;
  /** Its classes or labels. */
  readonly classes: readonly string[];
  /** How pictures are read. */
  readonly decoding: Decoding;
  /** What logits are divided by. */
  readonly temperature: number;
  /** Are raw maps written, too? */
  readonly npy: boolean;
}

/** Draws maps into a folder, a file a picture. */
export class ClassMapFiles {
  readonly #folder: string;
  readonly #mapper: ClassMapper;
  readonly #of: MapsOf;

  /** @param mapper Makes the maps; it stays open. */
  constructor(folder: string, mapper: ClassMapper, of: MapsOf) {
    this.#folder = folder;
    this.#mapper = mapper;
    this.#of = of;
  }

  /**
   * Draws a picture's map, beside what is said of the whole. The raw map is the logits of each place, [K, rows,
   * columns].
   *
   * @param name Of what is written, without an ending.
   */
  async write(file: string, name: string, { top }: Prediction): Promise<void> {
    const { decoding, npy, classes } = this.#of;
    const map = await this.#mapper.map(await readPicture(file, file, decoding));
    const { names, places } = this.#answers(map);
    const [down, across] = map.spacing;
    const nearest = (at: number, spacing: number, count: number) =>
      Math.min(count - 1, Math.max(0, Math.round((at - map.first) / spacing)));
    const { png } = await draw(classMapChart({
      ...{ file: basename(file), names, places, pixels: rgbOf(map.picture) },
      answer: `${top.name} ${(100 * top.probability).toFixed(1)}%`,
      placeOf: (x, y) => nearest(y + 0.5, down, map.rows) * map.columns + nearest(x + 0.5, across, map.columns),
    }));
    await Deno.mkdir(this.#folder, { recursive: true });
    const path = join(this.#folder, name);
    await writeAtomic(`${path}.png`, png);
    if (npy) await writeAtomic(`${path}.npy`, npyOf(map.logits, [classes.length, map.rows, map.columns]));
  }

  /** What each place is taken for. */
  #answers({ logits, rows, columns }: ClassMap) {
    const { task, classes, temperature } = this.#of;
    const count = rows * columns;
    const answers = Array.from({ length: count }, (_, i) => {
      const each = Float32Array.from(classes, (_, k) => logits[k * count + i] / temperature);
      return predictionOf(task, classes, each);
    });
    const names = Object.keys(answers[0].probabilities);
    const places = answers.map(({ top: { name, probability } }) => ({ name: names.indexOf(name), probability }));
    return { names, places };
  }
}

/** A picture's pixels in three channels. */
function rgbOf({ width, height, channels, data }: Picture) {
  const rgb = channels === 3 ? data : Uint8Array.from({ length: 3 * data.length }, (_, i) => data[Math.floor(i / 3)]);
  return { width, height, rgb };
}
