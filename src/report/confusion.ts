/**
 * A picture of the confusion matrix.
 *
 * @module
 */
import type { Report } from "../metrics/report.ts";
import { Canvas, type Point } from "./canvas.ts";
import { isSpellable, textWidth } from "./font.ts";
import { inert, shorten } from "./names.ts";
import { ink, line, paleInk, shade, softInk, white } from "./palette.ts";

/** A matrix of counts, rows the truth. */
type Matrix = readonly (readonly number[])[];

/** Space around everything, in pixels. */
const MARGIN = 40;

/** Font sizes in pixels. */
const TITLE = 30;
const LABEL = 22;

/** Height of the title and the line below it. */
const HEAD = 76;

/** Smaller than this, a text in a cell is left out: it could not be read. */
const SMALLEST = 11;

/** Longest name beside a matrix, in pixels. */
const NAME_WIDTH = 280;

/**
 * Draws the confusion matrix with counts and row shares (the share of a class that was predicted so), white for none to
 * blue for all. Rows are the truth, columns the predictions. A multi-label task gets a 2 × 2 matrix per label.
 *
 * Legible with 2 to 40 classes; with more, cells shrink until their texts no longer fit.
 *
 * @param report The report of any task.
 * @param names Names of the classes or labels. A name that the font cannot spell is shown as `class 3`.
 * @returns A PNG file; the same report gives the same bytes.
 * @throws {TypeError} If there is not a name for each class.
 */
export async function confusionPng(report: Report, names: readonly string[]): Promise<Uint8Array> {
  if (names.length !== report.confusion.length) {
    throw new TypeError(
      `A confusion matrix of ${report.confusion.length} classes needs as many names, got ${names.length}`,
    );
  }
  const labels = names.map((name, c) => labelOf(name, c, report.task === "multilabel" ? "label" : "class"));
  const { task, confusion } = report;
  const canvas = task === "multilabel" ? drawLabels(confusion, labels) : drawClasses(confusion, labels);
  return await canvas.encode();
}

/** One matrix with names along both axes. */
function drawClasses(matrix: Matrix, labels: readonly string[]): Canvas {
  const cell = cellFor(matrix.length, Math.max(...labels.map((label) => textWidth(label, LABEL))));
  const side = cell * matrix.length;
  const size = Math.min(LABEL, cell * 0.5);
  const named = size >= SMALLEST;
  const longest = named ? Math.max(...labels.map((label) => textWidth(label, size))) : 0;
  // Names stand level below their columns where they fit, and aslant where they do not.
  const level = longest <= cell - 12;
  const slant = longest * Math.SQRT1_2;
  const left = MARGIN + LABEL * 1.6 + Math.max(longest + 16, level ? 0 : slant - cell / 2);
  const top = MARGIN + HEAD;
  const below = level ? size * 1.4 : slant + size;
  const canvas = new Canvas(left + side + 110 + MARGIN, top + Math.max(side, 240) + 12 + below + LABEL * 1.6 + MARGIN);
  drawTitle(canvas, "Confusion matrix", summary(matrix), left);
  drawCells(canvas, matrix, [left, top], cell);
  if (named) {
    labels.forEach((label, c) => {
      const middle = (c + 0.5) * cell;
      canvas.text(label, [left - 14, top + middle + size * 0.35], { size, color: ink, align: "end" });
      if (level) canvas.text(label, [left + middle, top + side + 12 + size], { size, color: ink, align: "middle" });
      else canvas.text(label, [left + middle + size * 0.3, top + side + 12 + size * 0.6], slanted(size));
    });
  }
  canvas.text("true", [MARGIN + LABEL * 0.7, top + side / 2], {
    size: LABEL,
    color: softInk,
    align: "middle",
    turn: 90,
  });
  const bottom = top + side + 12 + below + LABEL * 1.3;
  canvas.text("predicted", [left + side / 2, bottom], { size: LABEL, color: softInk, align: "middle" });
  drawKey(canvas, [left + side + 32, top], Math.min(Math.max(side, 240), 420));
  return canvas;
}

function slanted(size: number) {
  return { size, color: ink, align: "end", turn: 45 } as const;
}

/**
 * Side of a cell: a few wide ones where that lets the names stand level, at least 48 pixels up to 40 classes, and a
 * picture of about 2400 pixels beyond.
 */
function cellFor(classes: number, longestName: number): number {
  if (classes <= 6) return Math.min(240, Math.max(150, Math.ceil(longestName) + 16));
  return Math.max(2, Math.floor(900 / classes), Math.min(48, Math.floor(2400 / classes)));
}

/** A small matrix per label. */
function drawLabels(matrices: readonly Matrix[], labels: readonly string[]): Canvas {
  const cell = 96;
  const [width, height] = [2 * cell + 110, 2 * cell + 120];
  const columns = Math.min(matrices.length, Math.ceil(Math.sqrt(matrices.length * 1.3)));
  const rows = Math.ceil(matrices.length / columns);
  const top = MARGIN + HEAD;
  const canvas = new Canvas(
    Math.max(560, MARGIN * 2 + columns * width + 110),
    top + rows * height + MARGIN,
  );
  drawTitle(canvas, "Confusion matrices", "true against predicted, a label each", MARGIN);
  matrices.forEach((matrix, l) => {
    const x = MARGIN + (l % columns) * width + 64;
    const y = top + Math.floor(l / columns) * height + 44;
    const label = shorten(labels[l], width - 72, (text) => textWidth(text, LABEL) * 1.05);
    canvas.text(label, [x, y - 16], { size: LABEL, color: ink, bold: true });
    drawCells(canvas, matrix, [x, y], cell);
    ["no", "yes"].forEach((word, c) => {
      const middle = (c + 0.5) * cell;
      canvas.text(word, [x - 12, y + middle + 6], { size: 18, color: softInk, align: "end" });
      canvas.text(word, [x + middle, y + 2 * cell + 24], { size: 18, color: softInk, align: "middle" });
    });
    canvas.text("true", [x - 50, y + cell], { size: 18, color: softInk, align: "middle", turn: 90 });
    canvas.text("predicted", [x + cell, y + 2 * cell + 48], { size: 18, color: softInk, align: "middle" });
  });
  drawKey(canvas, [MARGIN + columns * width + 20, top + 44], 2 * cell);
  return canvas;
}

function drawTitle(canvas: Canvas, title: string, note: string, left: number): void {
  canvas.text(title, [left, MARGIN + TITLE * 0.7], { size: TITLE, color: ink, bold: true });
  canvas.text(note, [left, MARGIN + TITLE * 0.7 + 32], { size: LABEL, color: softInk });
}

/** The cells with their counts and shares, and thin lines between them. */
function drawCells(canvas: Canvas, matrix: Matrix, [left, top]: Point, cell: number): void {
  matrix.forEach((row, r) => {
    const support = row.reduce((sum, count) => sum + count, 0);
    row.forEach((count, c) => {
      const share = support > 0 ? count / support : 0;
      canvas.fill(left + c * cell, top + r * cell, cell, cell, shade(share));
      drawCount(canvas, count, share, [left + (c + 0.5) * cell, top + (r + 0.5) * cell], cell);
    });
  });
  const side = cell * matrix.length;
  // Lines between the cells where they do not hide them; the frame always.
  for (let i = 0; i <= matrix.length; i += cell < 16 ? matrix.length : 1) {
    canvas.fill(left + i * cell, top, 1, side + 1, line);
    canvas.fill(left, top + i * cell, side + 1, 1, line);
  }
}

/** The count with its share of the row below it, as large as the cell allows. */
function drawCount(canvas: Canvas, count: number, share: number, [x, y]: Point, cell: number): void {
  const text = String(count);
  const room = cell - 8;
  const size = Math.min(30, cell * 0.32, room / textWidth(text, 1));
  if (size < SMALLEST) return;
  if (count === 0) {
    canvas.text(text, [x, y + size * 0.35], { size: size * 0.8, color: paleInk, align: "middle" });
    return;
  }
  const color = share > 0.55 ? white : ink;
  const percent = `${(100 * share).toFixed(cell < 80 ? 0 : 1)} %`;
  const small = Math.min(size * 0.72, room / textWidth(percent, 1));
  const withShare = small >= SMALLEST * 0.9;
  canvas.text(text, [x, y + size * (withShare ? 0.06 : 0.35)], { size, color, align: "middle", bold: true });
  if (withShare) canvas.text(percent, [x, y + size * 0.24 + small], { size: small, color, align: "middle" });
}

/** What the colours mean. */
function drawKey(canvas: Canvas, [left, top]: Point, height: number): void {
  for (let y = 0; y < height; y++) canvas.fill(left, top + y, 18, 1, shade(1 - y / (height - 1)));
  for (const [x, y, width, tall] of [[0, 0, 19, 1], [0, height, 19, 1], [0, 0, 1, height], [18, 0, 1, height]]) {
    canvas.fill(left + x, top + y, width, tall, line);
  }
  for (const percent of [0, 50, 100]) {
    const y = top + height * (1 - percent / 100);
    canvas.text(`${percent} %`, [left + 28, y + 6], { size: 18, color: softInk });
  }
}

function summary(matrix: Matrix): string {
  const total = matrix.flat().reduce((sum, count) => sum + count, 0);
  const right = matrix.reduce((sum, row, c) => sum + row[c], 0);
  return total === 0 ? "no samples" : `${right} of ${total} right (${(100 * right / total).toFixed(1)} %)`;
}

/** A name that the font can spell: without accents, or else the class's number. */
function labelOf(name: string, index: number, noun: string): string {
  const plain = inert(name).normalize("NFKD").replace(/\p{Mn}/gu, "");
  return isSpellable(plain) ? shorten(plain, NAME_WIDTH, (text) => textWidth(text, LABEL)) : `${noun} ${index + 1}`;
}
