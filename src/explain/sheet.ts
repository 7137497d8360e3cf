/**
 * Pictures with their maps side by side, and what the model says of them, as a chart.
 *
 * @module
 */

import { printable } from "../printable.ts";
import { type Chart, COMMON, FONT_FAMILY, type Json, widthOf } from "../report/chart.ts";
import { shorten } from "../report/names.ts";
import { ink, red, softInk } from "../report/palette.ts";
import { pngOf, type RgbPixels } from "../report/png.ts";
import { enlargedPicture, overlayOf } from "./draw.ts";
import type { Explanation } from "./explainer.ts";

/** A picture with its map. */
export interface Explained {
  /** What it is called. */
  readonly file: string;
  /** The map. */
  readonly explanation: Explanation;
  /** What it is, where that is known. */
  readonly label?: string;
}

const MARGIN = 26;
const PANEL = 224;
const GAP = 8;
const LABEL = 15;
/** Between one picture's panels and the next's. */
const WIDE_GAP = 34;
const TEXT = 3 * 1.35 * LABEL + 16;
/** Panels in a row. */
const MOST_PANELS = 8;

/** Panels in a row of a sheet that is on a page, which is narrower. */
export const PAGE_PANELS = 4;

/**
 * A sheet of pictures with their maps.
 *
 * @param title What stands above them; of a single picture nothing need.
 * @param explained The pictures, each with as many maps.
 * @param most Panels in a row.
 */
export function explanationSheet(
  title: string | undefined,
  explained: readonly Explained[],
  most: number = MOST_PANELS,
): Chart {
  const panels = explained.map(panelsOf);
  const rowsEach = Math.ceil(panels[0].length / most);
  const across = Math.min(most, panels[0].length);
  const cell = across * (PANEL + GAP) - GAP;
  const columns = Math.min(explained.length, Math.max(1, Math.floor(most / across)));
  const height = rowsEach * (PANEL + GAP) + TEXT;
  const top = MARGIN + (title === undefined ? 0 : 44);
  const elements = explained.flatMap((one, i): Json[] => {
    const x = MARGIN + (i % columns) * (cell + WIDE_GAP);
    const y = top + Math.floor(i / columns) * (height + WIDE_GAP / 2);
    const images = panels[i].map((pixels, p): Json => ({
      ...{ type: "image", silent: true },
      style: {
        image: `data:image/png;base64,${pngOf(pixels).toBase64()}`,
        ...{ x: x + (p % across) * (PANEL + GAP), y: y + Math.floor(p / across) * (PANEL + GAP) },
        ...{ width: PANEL, height: PANEL },
      },
    }));
    const lines = linesOf(one);
    return [
      ...images,
      ...lines.map(([text, fill], line) =>
        textAt(x, y + rowsEach * (PANEL + GAP) + line * 1.35 * LABEL, text, fill, cell)
      ),
    ];
  });
  return {
    width: 2 * MARGIN + columns * (cell + WIDE_GAP) - WIDE_GAP,
    height: Math.ceil(top + Math.ceil(explained.length / columns) * (height + WIDE_GAP / 2) + MARGIN / 2),
    option: {
      ...COMMON,
      ...title !== undefined && {
        title: { text: title, left: MARGIN, top: MARGIN - 6, padding: 0, textStyle: { fontSize: 22, color: ink } },
      },
      graphic: elements,
    },
  };
}

/** The picture, what came back to it, and its maps. */
function panelsOf({ explanation }: Explained): RgbPixels[] {
  const maps = Array.from({ length: explanation.heads }, (_, head) => overlayOf(explanation, head));
  const patterns = explanation.pattern ? [enlargedPicture(explanation.pattern)] : [];
  return [enlargedPicture(explanation.picture), ...maps, ...patterns];
}

/** File; prediction with probability, and the truth where it is known; method, layer and class. */
function linesOf({ file, explanation, label }: Explained): [text: string, fill: string][] {
  const { prediction: { top } } = explanation;
  const isWrong = label !== undefined && label !== top.name;
  return [
    [file, softInk],
    [`${label === undefined ? "" : `true: ${label}; `}${top.name} ${percent(top.probability)}`, isWrong ? red : ink],
    [howOf(explanation), softInk],
  ];
}

/** `grad-cam at layer4 for Blond_Hair`: how a map was made; a class that was not asked for is left out. */
export function howOf({ method, layer, class: name, isClassAsked }: Explanation): string {
  return `${method}${layer === undefined ? "" : ` at ${layer}`}${isClassAsked ? ` for ${name}` : ""}`;
}

function percent(probability: number): string {
  return `${(100 * probability).toFixed(probability > 0.9995 ? 2 : 1)}%`;
}

function textAt(x: number, y: number, text: string, fill: string, width: number): Json {
  return {
    ...{ type: "text", silent: true },
    style: {
      text: shorten(printable(text), width, (part) => widthOf(part, LABEL)),
      ...{ x, y, fill, font: `${LABEL}px ${FONT_FAMILY}` },
    },
  };
}
