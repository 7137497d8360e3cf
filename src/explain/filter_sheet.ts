/**
 * Filters and patches as a chart.
 *
 * @module
 */

import { type Chart, COMMON, FONT_FAMILY, type Json } from "../report/chart.ts";
import { ink, softInk } from "../report/palette.ts";
import { pngOf, type RgbPixels } from "../report/png.ts";
import type { Filters, Patch } from "./filters.ts";

const MARGIN = 26;
const TOP = MARGIN + 80;
const GAP = 6;
/** Fewest pixels of a drawn filter or patch. */
const CELL = 64;
/** Filters in a row. */
const ACROSS = 12;
/** More filters are not drawn. */
const MOST_FILTERS = 240;
/** Room for a channel's number. */
const NUMBER = 54;

/** The first layer's filters in rows. */
export function filterSheet(name: string, { layer, side, pictures }: Filters): Chart {
  const shown = pictures.slice(0, MOST_FILTERS);
  const some = shown.length < pictures.length ? `the first ${shown.length} of ` : "";
  const across = Math.min(ACROSS, shown.length);
  const elements = shown.map((picture, i) =>
    imageAt(picture, MARGIN + (i % across) * (CELL + GAP), TOP + Math.floor(i / across) * (CELL + GAP))
  );
  return sheet(
    `${name}: filters of ${layer}`,
    `${some}${pictures.length} of ${side}×${side}; grey is 0, black and white the largest weight of each`,
    elements,
    { columns: across * (CELL + GAP), rows: Math.ceil(shown.length / across) * (CELL + GAP) },
  );
}

/** The patches of channels, a row each. */
export function patchSheet(
  name: string,
  layer: string,
  rows: readonly { readonly channel: number; readonly patches: readonly Patch[] }[],
  of: string,
): Chart {
  const most = Math.max(1, ...rows.map(({ patches }) => patches.length));
  const elements = rows.flatMap(({ channel, patches }, r) => {
    const y = TOP + r * (CELL + GAP);
    return [
      textAt(MARGIN, y + CELL / 2 - 8, `${channel}`),
      ...patches.map(({ pixels }, p) => imageAt(pixels, MARGIN + NUMBER + p * (CELL + GAP), y)),
    ];
  });
  return sheet(
    `${name}: what channels of ${layer} answer most`,
    `A row for each channel, by its number, the largest answer first.\n${of}`,
    elements,
    { columns: NUMBER + most * (CELL + GAP), rows: rows.length * (CELL + GAP) },
  );
}

function sheet(
  title: string,
  subtitle: string,
  elements: readonly Json[],
  size: { readonly columns: number; readonly rows: number },
): Chart {
  return {
    width: Math.max(760, 2 * MARGIN + size.columns - GAP),
    height: TOP + size.rows - GAP + MARGIN,
    option: {
      ...COMMON,
      title: {
        ...{ text: title, subtext: subtitle, left: MARGIN, top: MARGIN - 8, padding: 0, itemGap: 8 },
        textStyle: { fontSize: 22, color: ink },
        subtextStyle: { fontSize: 15, color: softInk },
      },
      graphic: elements,
    },
  };
}

function textAt(x: number, y: number, text: string): Json {
  return { ...{ type: "text", silent: true }, style: { text, x, y, fill: softInk, font: `15px ${FONT_FAMILY}` } };
}

/** A picture in a cell, with its own pixels to be seen. */
function imageAt(picture: RgbPixels, x: number, y: number): Json {
  return {
    ...{ type: "image", silent: true },
    style: {
      image: `data:image/png;base64,${pngOf(repeated(picture)).toBase64()}`,
      ...{ x, y, width: CELL, height: CELL },
    },
  };
}

/** A small picture with each pixel as a square of them: what draws it would smooth it. */
function repeated({ width, height, rgb }: RgbPixels): RgbPixels {
  const times = Math.ceil(2 * CELL / width);
  if (times <= 4) return { width, height, rgb };
  const side = width * times;
  const out = new Uint8Array(3 * side * side);
  for (let i = 0; i < side * side; i++) {
    const from = 3 * (Math.floor(Math.floor(i / side) / times) * width + Math.floor(i % side / times));
    for (let c = 0; c < 3; c++) out[3 * i + c] = rgb[from + c];
  }
  return { width: side, height: side, rgb: out };
}
