/**
 * `data augment`: a sheet of pictures and of what training would see of them.
 *
 * @module
 */

import { squareFor } from "../data/batches/batch.ts";
import { Loader } from "../data/batches/loader.ts";
import { counted, printable } from "../data/names.ts";
import { imagenetStatistics } from "../data/store/statistics.ts";
import { writeAtomic } from "../files.ts";
import { randomStream, shuffle } from "../random.ts";
import { pngOf, type RgbPixels } from "../report/png.ts";
import { resolveSettings } from "../run/resolve.ts";
import { factsOf } from "../train/settled_options.ts";
import type { Invocation } from "./command.ts";
import { givenIn, refuseIdle } from "./idle.ts";
import { dataAugment } from "./flags.ts";
import { ProgressLine } from "./progress.ts";
import { openData } from "./run_data.ts";

/** Pixels between pictures, and from the plain ones to the others. */
const GAP = 2;
const WIDE_GAP = 8;

/** Stream of the choice of pictures. */
const chosenStream = 0x5ee7;

/**
 * Runs `data augment`: each row is a picture, first as validation sees it, then as the epochs see it.
 *
 * @param invocation The folder, the augmentation, and how many pictures are shown.
 * @returns The exit code, 0.
 */
export async function run(invocation: Invocation<typeof dataAugment.flags>): Promise<number> {
  const { options, given, words: [folder] } = invocation;
  const line = new ProgressLine(false);
  try {
    const asked = givenIn(options, given);
    const { data } = await openData({ ...resolveSettings(asked), data: folder }, line.preparing);
    refuseIdle(asked, dataAugment.flags, data);
    const { imageSize, augment, interpolation, fit, resize } = resolveSettings(asked, factsOf(data));
    const places = shuffle([...data.samples.keys()], randomStream(chosenStream, options.seed)).slice(0, options.count);
    const some = data.subset(places);
    const { mean, std } = imagenetStatistics;
    const channels = { mean: mean.slice(0, data.channels), std: std.slice(0, data.channels) };
    const shared = {
      ...{ batch: some.size, imageSize: imageSize!, square: resize ?? squareFor(imageSize!, augment!) },
      ...{ interpolation, fit, ...channels, shuffle: false, seed: options.seed, last: "pad" as const, workers: 1 },
      cache: { mode: "off" as const },
    };
    using plain = await Loader.open(some, { ...shared, augment: "none" });
    using changed = await Loader.open(some, { ...shared, augment: augment!, onProgress: line.preparing("pictures") });
    const epochs = Array.from({ length: options.epochs }, (_, epoch) => changed.batchAt(epoch, 0));
    const columns = (await Promise.all([plain.batchAt(0, 0), ...epochs])).map(({ images }) => images);
    const sheet = sheetOf(columns, { side: imageSize!, rows: some.size, ...channels });
    await writeAtomic(options.out, pngOf(sheet));
    line.clear();
    const of = `${counted(some.size, "picture")}, plain and as ${counted(options.epochs, "epoch")} see them`;
    console.log(`${augment}: ${of}: ${printable(options.out)}`);
    return 0;
  } finally {
    line.clear();
  }
}

/** What batches are of. */
interface SheetFacts {
  /** Side of a picture in pixels. */
  readonly side: number;
  /** Pictures of a batch. */
  readonly rows: number;
  /** Mean of each channel. */
  readonly mean: readonly number[];
  /** Deviation of each channel. */
  readonly std: readonly number[];
}

/** Batches [N, C, S, S] as columns of one picture on white, the first apart from the others. */
function sheetOf(columns: readonly Float32Array[], { side, rows, mean, std }: SheetFacts): RgbPixels {
  const step = side + GAP;
  const width = columns.length * step + WIDE_GAP;
  const height = rows * step - GAP;
  const rgb = new Uint8Array(width * height * 3).fill(255);
  const channels = mean.length;
  columns.forEach((images, column) => {
    const left = column * step + (column > 0 ? WIDE_GAP : 0);
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < 3; c++) {
        const channel = Math.min(c, channels - 1);
        const from = (row * channels + channel) * side * side;
        for (let i = 0; i < side * side; i++) {
          const [y, x] = [row * step + Math.floor(i / side), left + i % side];
          const value = Math.round(255 * (images[from + i] * std[channel] + mean[channel]));
          rgb[(y * width + x) * 3 + c] = Math.max(0, Math.min(255, value));
        }
      }
    }
  });
  return { width, height, rgb };
}
