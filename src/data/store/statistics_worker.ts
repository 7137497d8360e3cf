/**
 * Worker that adds up pixels; see `statistics.ts`.
 *
 * @module
 */

import { loadDecoders } from "../pictures/decoders.ts";
import { PictureReader } from "./reader.ts";
import type { StatisticsJob, StatisticsSums } from "./statistics.ts";
import { serve } from "../workers.ts";

serve(async ({ reader: source, channels, samples }: StatisticsJob): Promise<StatisticsSums> => {
  await loadDecoders(source.formats ?? []);
  let note: string | undefined;
  const reader = new PictureReader(source, (found) => note = found);
  const counts = Array.from({ length: channels }, () => new Float64Array(256));
  let pixels = 0;
  for (const sample of samples) {
    const { data, width, height } = reader.read(sample);
    pixels += width * height;
    for (let i = 0; i < data.length; i += channels) {
      for (let c = 0; c < channels; c++) counts[c][data[i + c]]++;
    }
  }
  const sum = counts.map((count) => count.reduce((total, n, value) => total + n * value, 0));
  const squares = counts.map((count) => count.reduce((total, n, value) => total + n * value * value, 0));
  return { pixels, sum, squares, note };
});
