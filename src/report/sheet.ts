/**
 * A sheet of pictures on which a model does badly.
 *
 * @module
 */

import { printable } from "../printable.ts";
import { type Chart, COMMON, FONT_FAMILY, type Json, widthOf } from "./chart.ts";
import { shorten } from "./names.ts";
import { ink, red, softInk } from "./palette.ts";
import { pngOf, type RgbPixels } from "./png.ts";

/** A picture on which the model does badly. */
export interface WorstPicture {
  /** As the data set names it. */
  readonly file: string;
  /** What it is: the class, or the labels after commas; of a binary task the target, or `not` and the target. */
  readonly label: string;
  /** What the model takes it for, in the same form. */
  readonly predicted: string;
  /**
   * That it is so, by the model: of the class predicted; of several labels, that of the one whose loss is highest being
   * as it is predicted.
   */
  readonly probability: number;
  /** Cross-entropy of its answer, in nats; of several labels their mean. */
  readonly loss: number;
  /** As the model saw it, in at most 128 pixels a side. */
  readonly pixels: RgbPixels;
}

/** A picture with what it is and what it was taken for. */
export type Mistake = Omit<WorstPicture, "loss">;

const MARGIN = 30;
const CELL = 190;
const PICTURE = 160;
const LABEL = 15;
const ROW = PICTURE + 4 * LABEL + 26;
const MAX_COLUMNS = 6;

/**
 * Lays pictures out in rows, each with the name of its file, its label, and what it was taken for, in red where that is
 * wrong.
 *
 * @param title What stands above them.
 * @param mistakes The pictures.
 */
export function sheetChart(title: string, mistakes: readonly Mistake[]): Chart {
  const columns = Math.max(2, Math.min(MAX_COLUMNS, mistakes.length));
  const rows = Math.ceil(mistakes.length / columns);
  const top = MARGIN + 50;
  const elements = mistakes.flatMap((mistake, i): Json[] => {
    const [x, y] = [MARGIN + (i % columns) * CELL, top + Math.floor(i / columns) * ROW];
    const { file, label, predicted, probability, pixels } = mistake;
    const { width, height } = pixels;
    const scale = PICTURE / Math.max(width, height);
    return [
      {
        ...{ type: "image", silent: true },
        style: {
          image: `data:image/png;base64,${pngOf(pixels).toBase64()}`,
          ...{ x, y, width: width * scale, height: height * scale },
        },
      },
      textAt(x, y + PICTURE + 8, file, softInk),
      textAt(x, y + PICTURE + 8 + LABEL * 1.3, `true: ${label}`, ink),
      textAt(
        x,
        y + PICTURE + 8 + LABEL * 2.6,
        `${predicted} ${(100 * probability).toFixed(probability > 0.9995 ? 2 : 1)}%`,
        label === predicted ? ink : red,
      ),
    ];
  });
  return {
    width: 2 * MARGIN + columns * CELL - (CELL - PICTURE),
    height: top + rows * ROW + MARGIN / 2,
    option: {
      ...COMMON,
      title: { text: title, left: MARGIN, top: MARGIN - 6, padding: 0, textStyle: { fontSize: 24, color: ink } },
      graphic: elements,
    },
  };
}

function textAt(x: number, y: number, text: string, fill: string): Json {
  return {
    ...{ type: "text", silent: true },
    style: {
      text: shorten(printable(text), PICTURE + 20, (part) => widthOf(part, LABEL)),
      ...{ x, y, fill, font: `${LABEL}px ${FONT_FAMILY}` },
    },
  };
}
