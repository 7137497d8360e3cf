/**
 * A picture of a program's temporaries: from left to right the steps of a run, from bottom to top the bytes of a page.
 * Each temporary is a rectangle where it lies and while it lives.
 *
 * @module
 */

import type { CompiledProgram } from "./compile.ts";
import { describeStep } from "./fused_step.ts";
import { livesOf, tensorName } from "./print.ts";

/** Pixels of the largest page's picture, and of what is around one. */
const WIDTH = 1000;
const HEIGHT = 400;
const MARGIN = { left: 110, top: 24, bottom: 28 } as const;

/** Colours by turns: neighbours differ. */
const COLOURS = ["#4477aa", "#66ccee", "#228833", "#ccbb44", "#ee6677", "#aa3377", "#bbbbbb"];

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Memory over time as SVG; a rectangle's tooltip names the tensor. */
export function memorySvg(program: CompiledProgram): string {
  const { pages, steps } = program;
  const across = WIDTH / Math.max(1, steps.length);
  const down = HEIGHT / Math.max(1, ...pages);
  const size = (value: number) => value.toFixed(2);
  /** The lower edge of each page. */
  const bottoms: number[] = [];
  for (const bytes of pages) {
    bottoms.push((bottoms.at(-1) ?? -MARGIN.bottom) + MARGIN.bottom + MARGIN.top + Math.ceil(bytes * down));
  }
  const rectangles = livesOf(program).map(({ node, place, from, until }, k) => {
    const end = Math.min(until + 1, steps.length);
    const y = bottoms[place.page] - (place.offset + place.bytes) * down;
    const title = `${tensorName(node)} [${node.shape.join(",")}], ${place.bytes} bytes, steps ${from} to ${end - 1}, ` +
      `by ${describeStep(steps[from]).name}`;
    return `<rect x="${size(MARGIN.left + from * across)}" y="${size(y)}" width="${size((end - from) * across)}" ` +
      `height="${size(place.bytes * down)}" fill="${COLOURS[k % COLOURS.length]}"><title>${
        escaped(title)
      }</title></rect>`;
  });
  const axes = pages.map((bytes, page) => {
    const bottom = bottoms[page];
    return [
      `<rect x="${MARGIN.left}" y="${size(bottom - bytes * down)}" width="${WIDTH}" height="${size(bytes * down)}" ` +
      `fill="none" stroke="#333333"/>`,
      `<text x="${MARGIN.left - 6}" y="${size(bottom - bytes * down + 10)}" text-anchor="end">${
        bytes.toLocaleString("en")
      }</text>`,
      `<text x="${MARGIN.left}" y="${
        bottom + 16
      }">page ${page}: bytes of temporaries over ${steps.length} steps</text>`,
    ].join("\n");
  });
  const [width, height] = [MARGIN.left + WIDTH + 10, (bottoms.at(-1) ?? 0) + MARGIN.bottom];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" ` +
    `font-family="DejaVu Sans, Verdana, sans-serif" font-size="12" stroke-width="0.4">\n` +
    `<rect width="${width}" height="${height}" fill="#ffffff"/>\n${[...rectangles, ...axes].join("\n")}\n</svg>\n`;
}
