/**
 * A small canvas for charts: filled rectangles, smooth lines, text. It needs no fonts, no native code and no
 * permission, and the same calls give the same pixels everywhere.
 *
 * @module
 */
import { type Point, textStrokes, textWidth } from "./font.ts";
import { encodePng } from "./png.ts";

export type { Point };

/** Red, green and blue, 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number];

/** How a text is set. */
export interface TextStyle {
  /** Font size in pixels; capitals are 0.7 of it high. */
  readonly size: number;
  /** Default black. */
  readonly color?: Color;
  /** Which end of the text is at the point; default `start`. */
  readonly align?: "start" | "middle" | "end";
  /** Degrees counter-clockwise, turned about the point; default 0. */
  readonly turn?: 0 | 45 | 90;
  /** Thicker strokes; default false. */
  readonly bold?: boolean;
}

/** Cosine and sine of the turns. */
const turns = { 0: [1, 0], 45: [Math.SQRT1_2, Math.SQRT1_2], 90: [0, 1] } as const;

/** A picture being drawn, white at first. What falls outside is left out. */
export class Canvas {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** `[height, width, 3]`. */
  readonly #pixels: Uint8Array;

  /**
   * Makes a white canvas.
   *
   * @param width Width in pixels; rounded up.
   * @param height Height in pixels; rounded up.
   */
  constructor(width: number, height: number) {
    this.width = Math.ceil(width);
    this.height = Math.ceil(height);
    this.#pixels = new Uint8Array(this.width * this.height * 3).fill(255);
  }

  /** Fills a rectangle; its edges are rounded to whole pixels. */
  fill(x: number, y: number, width: number, height: number, color: Color): void {
    const [left, right] = [x, x + width].map((at) => Math.min(this.width, Math.max(0, Math.round(at))));
    const [top, bottom] = [y, y + height].map((at) => Math.min(this.height, Math.max(0, Math.round(at))));
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) this.#blend(row * this.width + column, color, 1);
    }
  }

  /**
   * Draws lines with round ends and joints, smoothed by coverage. Lines of one call do not darken each other where they
   * cross.
   *
   * @param lines Each a chain of points; a single point is a dot.
   * @param thickness Thickness in pixels.
   * @param color Colour.
   */
  stroke(lines: readonly (readonly Point[])[], thickness: number, color: Color): void {
    const reach = Math.max(1, thickness) / 2 + 0.5;
    const coverage = new Map<number, number>();
    for (const line of lines) {
      for (let i = 0; i < Math.max(1, line.length - 1); i++) {
        if (line.length > 0) this.#cover(line[i], line[i + 1] ?? line[i], reach, coverage);
      }
    }
    // A line thinner than a pixel is a paler line of a pixel.
    const strength = Math.min(1, thickness);
    for (const [at, share] of coverage) this.#blend(at, color, share * strength);
  }

  /**
   * Writes a line of text.
   *
   * @param text The text; a character that the font lacks is a box.
   * @param at Where its baseline starts, or as `align` says.
   * @param style Size, colour, alignment.
   */
  text(text: string, [x, y]: Point, style: TextStyle): void {
    const { size, color = [0, 0, 0], align = "start", turn = 0, bold = false } = style;
    const shift = { start: 0, middle: -0.5, end: -1 }[align] * textWidth(text, size);
    const [cos, sin] = turns[turn];
    const lines = textStrokes(text, size).map((line) =>
      line.map(([dx, dy]): Point => [x + (dx + shift) * cos + dy * sin, y - (dx + shift) * sin + dy * cos])
    );
    this.stroke(lines, Math.max(1, size * (bold ? 0.12 : 0.078)), color);
  }

  /** The picture as a PNG file. */
  encode(): Promise<Uint8Array<ArrayBuffer>> {
    return encodePng(this.width, this.height, this.#pixels);
  }

  /** Notes how much of each pixel near the segment from `a` to `b` lies within `reach`; the most counts. */
  #cover(a: Point, b: Point, reach: number, coverage: Map<number, number>): void {
    const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
    const squared = dx * dx + dy * dy;
    const left = Math.max(0, Math.floor(Math.min(a[0], b[0]) - reach));
    const right = Math.min(this.width - 1, Math.ceil(Math.max(a[0], b[0]) + reach));
    const top = Math.max(0, Math.floor(Math.min(a[1], b[1]) - reach));
    const bottom = Math.min(this.height - 1, Math.ceil(Math.max(a[1], b[1]) + reach));
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        // From the pixel's middle to the nearest point of the segment.
        const [px, py] = [x + 0.5 - a[0], y + 0.5 - a[1]];
        const along = squared === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / squared));
        const [ex, ey] = [px - along * dx, py - along * dy];
        const share = Math.min(1, reach - Math.sqrt(ex * ex + ey * ey));
        const at = y * this.width + x;
        if (share > (coverage.get(at) ?? 0)) coverage.set(at, share);
      }
    }
  }

  #blend(pixel: number, color: Color, share: number): void {
    for (let c = 0; c < 3; c++) {
      const at = pixel * 3 + c;
      this.#pixels[at] = Math.round(this.#pixels[at] + (color[c] - this.#pixels[at]) * share);
    }
  }
}
