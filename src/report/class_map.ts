/**
 * A picture beside what a model says of each of its places.
 *
 * @module
 */

import { printable } from "../printable.ts";
import { type Chart, COMMON, FONT_FAMILY, type Json, widthOf } from "./chart.ts";
import { shorten } from "./names.ts";
import { ink, lines, softInk } from "./palette.ts";
import { pngOf, type RgbPixels } from "./png.ts";

/** What is drawn. */
export interface MappedPicture {
  /** Its name. */
  readonly file: string;
  /** What the model says of the whole picture, and how sure it is. */
  readonly answer: string;
  /** As the model saw it. */
  readonly pixels: RgbPixels;
  /** Names that places can have. */
  readonly names: readonly string[];
  /** Of a pixel, the place that it is nearest to. */
  readonly placeOf: (x: number, y: number) => number;
  /** Of each place, which name it has and the probability of that. */
  readonly places: readonly { readonly name: number; readonly probability: number }[];
}

const MARGIN = 24;
const SIDE = 480;
const TEXT = 16;
const ROW = 24;
/** Names in the key. */
const MOST_NAMES = 10;

/** The picture, and the same in grey with each place in its class's colour, the fuller the surer. */
export function classMapChart(mapped: MappedPicture): Chart {
  const { pixels, places, names } = mapped;
  const scale = SIDE / Math.max(pixels.width, pixels.height);
  const [width, height] = [pixels.width * scale, pixels.height * scale];
  const top = MARGIN + 2 * ROW;
  const shares = names.map((name, k) => ({
    ...{ name, color: colorOf(k) },
    count: places.filter((place) => place.name === k).length,
  })).filter(({ count }) => count > 0).toSorted((a, b) => b.count - a.count);
  const shown = shares.slice(0, MOST_NAMES);
  const right = 2 * MARGIN + width;
  const key = shown.flatMap(({ name, color, count }, i): Json[] => {
    const y = top + height + MARGIN + i * ROW;
    const share = `${name}: ${(100 * count / places.length).toFixed(0)}% of ${places.length} places`;
    return [
      { type: "rect", silent: true, shape: { x: right, y, width: TEXT, height: TEXT }, style: { fill: color } },
      textAt(right + TEXT + 8, y, share, ink, width - TEXT - 8),
    ];
  });
  return {
    width: 3 * MARGIN + 2 * width,
    height: top + height + 2 * MARGIN + Math.max(1, shown.length) * ROW,
    option: {
      ...COMMON,
      graphic: [
        textAt(MARGIN, MARGIN, mapped.file, ink, width),
        textAt(MARGIN, MARGIN + ROW, mapped.answer, softInk, width),
        image(pixels, MARGIN, top, width, height),
        image(colored(mapped), right, top, width, height),
        ...key,
      ],
    },
  };
}

const colorOf = (name: number): string => lines[name % lines.length].color;

/** The picture in grey under the colours. */
function colored({ pixels: { width, height, rgb }, placeOf, places }: MappedPicture): RgbPixels {
  const out = new Uint8Array(rgb.length);
  const colors = places.map(({ name }) => [1, 3, 5].map((at) => parseInt(colorOf(name).slice(at, at + 2), 16)));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 3 * (y * width + x);
      const grey = (rgb[at] + rgb[at + 1] + rgb[at + 2]) / 3;
      const place = placeOf(x, y);
      const share = 0.15 + 0.6 * places[place].probability;
      for (let c = 0; c < 3; c++) out[at + c] = (1 - share) * grey + share * colors[place][c];
    }
  }
  return { width, height, rgb: out };
}

function image(pixels: RgbPixels, x: number, y: number, width: number, height: number): Json {
  const url = `data:image/png;base64,${pngOf(pixels).toBase64()}`;
  return { type: "image", silent: true, style: { image: url, x, y, width, height } };
}

function textAt(x: number, y: number, text: string, fill: string, room: number): Json {
  const short = shorten(printable(text), room, (part) => widthOf(part, TEXT));
  return { type: "text", silent: true, style: { text: short, x, y, fill, font: `${TEXT}px ${FONT_FAMILY}` } };
}
