/**
 * A font of strokes for charts, so that pictures have text on machines without fonts. Drawn for this project.
 *
 * @module
 */

/** A point in pixels: to the right and down. */
export type Point = readonly [x: number, y: number];

/**
 * Width and path of each glyph, in units of which capitals are 14 high: 0 is their top, 14 the baseline, 4 the top of
 * small letters. The paths use SVG's commands M, L, H, V, Q and Z.
 */
const glyphs: Readonly<Record<string, readonly [width: number, path: string]>> = {
  " ": [2.4, ""],
  "!": [0, "M0 0V9.4M0 13.4V13.8"],
  '"': [3.4, "M0 0V4M3.4 0V4"],
  "#": [9, "M3 0L1.4 14M7.6 0L6 14M.4 4.6H9M0 9.4H8.6"],
  "$": [9.2, "M8.8 2.8Q8 0 4.7 0Q.6 0 .6 3.4Q.6 6 4.6 6.8Q9.2 7.7 9.2 10.6Q9.2 14 4.8 14Q.8 14 0 10.9M4.6 -2V16"],
  "%": [
    12,
    "M2.4 0Q4.8 0 4.8 3Q4.8 6 2.4 6Q0 6 0 3Q0 0 2.4 0M9.6 8Q12 8 12 11Q12 14 9.6 14Q7.2 14 7.2 11Q7.2 8 9.6 8" +
    "M10.4 0L1.6 14",
  ],
  "&": [
    9.4,
    "M9.4 14L2 4.4Q.8 2.8 1.4 1.4Q2.2 0 4 0Q6.6 0 6.6 2.6Q6.6 4.4 3.6 6.2Q0 8 0 10.6Q0 14 3.8 14Q7.6 14 9 8.4",
  ],
  "'": [0, "M0 0V4"],
  "(": [3, "M3 -1.4Q0 2 0 7Q0 12 3 15.4"],
  ")": [3, "M0 -1.4Q3 2 3 7Q3 12 0 15.4"],
  "*": [6, "M3 0V7M0 1.8L6 5.2M6 1.8L0 5.2"],
  "+": [8, "M4 3.4V11.4M0 7.4H8"],
  ",": [1, "M1 13.4V14L0 16.4"],
  "-": [5, "M0 8.4H5"],
  ".": [0, "M0 13.4V13.8"],
  "/": [5.6, "M5.6 -.6L0 15"],
  "0": [8.6, "M4.3 0Q8.6 0 8.6 5V9Q8.6 14 4.3 14Q0 14 0 9V5Q0 0 4.3 0Z"],
  "1": [8.6, "M1.6 2.8L5 0V14"],
  "2": [8.6, "M.3 3.6Q.6 0 4.4 0Q8.2 0 8.2 3.7Q8.2 6 5.6 8.6L0 14H8.6"],
  "3": [8.6, "M.6 2.4Q1.4 0 4.2 0Q7.9 0 7.9 3.3Q7.9 6.6 3.4 6.6Q8.5 6.6 8.5 10.3Q8.5 14 4.2 14Q1 14 0 11.2"],
  "4": [8.6, "M6.4 14V0L0 10H8.6"],
  "5": [8.6, "M7.8 0H1.2L.6 6.6Q2 5 4.4 5Q8.5 5 8.5 9.4Q8.5 14 4.1 14Q.9 14 0 11.4"],
  "6": [8.6, "M7.6 1.8Q6.6 0 4.6 0Q0 0 0 8Q0 14 4.3 14Q8.6 14 8.6 9.7Q8.6 5.6 4.4 5.6Q.8 5.6 0 9"],
  "7": [8.6, "M0 0H8.6L3 14"],
  "8": [
    8.6,
    "M4.3 0Q8 0 8 3.3Q8 6.6 4.3 6.6Q.6 6.6 .6 3.3Q.6 0 4.3 0Z" +
    "M4.3 6.6Q8.6 6.6 8.6 10.3Q8.6 14 4.3 14Q0 14 0 10.3Q0 6.6 4.3 6.6Z",
  ],
  "9": [8.6, "M1 12.2Q2 14 4 14Q8.6 14 8.6 6Q8.6 0 4.3 0Q0 0 0 4.3Q0 8.4 4.2 8.4Q7.8 8.4 8.6 5"],
  ":": [0, "M0 5V5.4M0 13.4V13.8"],
  ";": [1, "M1 5V5.4M1 13.4V14L0 16.4"],
  "<": [7.6, "M7.6 3.4L0 7.6L7.6 11.8"],
  "=": [8, "M0 5.6H8M0 9.6H8"],
  ">": [7.6, "M0 3.4L7.6 7.6L0 11.8"],
  "?": [7.4, "M0 3Q.6 0 3.8 0Q7.4 0 7.4 3.2Q7.4 5.2 5.4 6.6Q3.6 8 3.6 9.8M3.6 13.4V13.8"],
  "@": [
    12.4,
    "M9 4.6V8.6Q9 10.4 10.4 10.4Q12.4 10.4 12.4 7Q12.4 0 6.4 0Q0 0 0 7.2Q0 14.4 6.6 14.4Q9 14.4 10.4 13.4" +
    "M9 7.4Q9 10.4 6.2 10.4Q3.6 10.4 3.6 7.4Q3.6 4.4 6.2 4.4Q9 4.4 9 7.4Z",
  ],
  "A": [10, "M0 14L5 0L10 14M1.8 9H8.2"],
  "B": [9.5, "M0 0V14H5.5Q9.5 14 9.5 10.3Q9.5 6.6 5.5 6.6H0M5.5 6.6Q8.8 6.6 8.8 3.3Q8.8 0 5.2 0H0"],
  "C": [9.5, "M9.5 3.2Q8.5 0 5.2 0Q0 0 0 5V9Q0 14 5.2 14Q8.5 14 9.5 10.8"],
  "D": [10, "M0 0V14H4.5Q10 14 10 8.5V5.5Q10 0 4.5 0Z"],
  "E": [8.5, "M8.5 0H0V14H8.5M0 6.8H7.2"],
  "F": [8.5, "M8.5 0H0V14M0 6.8H7.2"],
  "G": [9.8, "M9.6 3.2Q8.6 0 5.2 0Q0 0 0 5V9Q0 14 5.2 14Q9.8 14 9.8 9.5V7.5H5.6"],
  "H": [10, "M0 0V14M10 0V14M0 6.8H10"],
  "I": [0, "M0 0V14"],
  "J": [6, "M6 0V10Q6 14 3 14Q.4 14 0 11.2"],
  "K": [9.6, "M0 0V14M9 0L0 8.6M3.4 5.6L9.6 14"],
  "L": [8, "M0 0V14H8"],
  "M": [12, "M0 14V0L6 9L12 0V14"],
  "N": [10, "M0 14V0L10 14V0"],
  "O": [10.4, "M5.2 0Q10.4 0 10.4 5.2V8.8Q10.4 14 5.2 14Q0 14 0 8.8V5.2Q0 0 5.2 0Z"],
  "P": [9.4, "M0 14V0H5.2Q9.4 0 9.4 3.9Q9.4 7.8 5.2 7.8H0"],
  "Q": [10.4, "M5.2 0Q10.4 0 10.4 5.2V8.8Q10.4 14 5.2 14Q0 14 0 8.8V5.2Q0 0 5.2 0ZM6.4 10.4L10.4 14.8"],
  "R": [9.6, "M0 14V0H5.2Q9.4 0 9.4 3.9Q9.4 7.8 5.2 7.8H0M5 7.8L9.6 14"],
  "S": [9.2, "M8.8 2.8Q8 0 4.7 0Q.6 0 .6 3.4Q.6 6 4.6 6.8Q9.2 7.7 9.2 10.6Q9.2 14 4.8 14Q.8 14 0 10.9"],
  "T": [10, "M0 0H10M5 0V14"],
  "U": [10, "M0 0V9Q0 14 5 14Q10 14 10 9V0"],
  "V": [10, "M0 0L5 14L10 0"],
  "W": [14, "M0 0L3.4 14L7 3L10.6 14L14 0"],
  "X": [9.6, "M0 0L9.6 14M9.6 0L0 14"],
  "Y": [10, "M0 0L5 7.4L10 0M5 7.4V14"],
  "Z": [9.4, "M0 0H9.4L0 14H9.4"],
  "[": [3, "M3 -1.4H0V15.4H3"],
  "\\": [5.6, "M0 -.6L5.6 15"],
  "]": [3, "M0 -1.4H3V15.4H0"],
  "^": [7.2, "M0 5L3.6 0L7.2 5"],
  "_": [8, "M0 16H8"],
  "`": [2, "M0 0L2 2.4"],
  "a": [7.8, "M7.8 4V14M7.8 9Q7.8 4 3.9 4Q0 4 0 9Q0 14 3.9 14Q7.8 14 7.8 9"],
  "b": [7.8, "M0 0V14M0 9Q0 4 3.9 4Q7.8 4 7.8 9Q7.8 14 3.9 14Q0 14 0 9"],
  "c": [7, "M7 6.2Q6.2 4 3.9 4Q0 4 0 9Q0 14 3.9 14Q6.2 14 7 11.8"],
  "d": [7.8, "M7.8 0V14M7.8 9Q7.8 4 3.9 4Q0 4 0 9Q0 14 3.9 14Q7.8 14 7.8 9"],
  "e": [7.6, "M0 8.8H7.6Q7.6 4 3.9 4Q0 4 0 9Q0 14 4 14Q6.4 14 7.3 12"],
  "f": [5, "M5 .1Q2 -.5 2 3V14M0 4.6H4.6"],
  "g": [7.8, "M7.8 4V14.5Q7.8 18.5 4 18.5Q1.2 18.5 .4 16.8M7.8 9Q7.8 4 3.9 4Q0 4 0 9Q0 14 3.9 14Q7.8 14 7.8 9"],
  "h": [7.2, "M0 0V14M0 8Q.4 4 3.8 4Q7.2 4 7.2 8V14"],
  "i": [0, "M0 4V14M0 .2V.6"],
  "j": [2, "M2 4V15.6Q2 18.5 0 18.5M2 .2V.6"],
  "k": [7, "M0 0V14M6.6 4L0 10.2M2.6 7.9L7 14"],
  "l": [1.6, "M0 0V12.2Q0 14 1.6 14"],
  "m": [12, "M0 4V14M0 8Q.3 4 3.2 4Q6 4 6 8V14M6 8Q6.3 4 9.2 4Q12 4 12 8V14"],
  "n": [7.2, "M0 4V14M0 8Q.4 4 3.8 4Q7.2 4 7.2 8V14"],
  "o": [8, "M4 4Q8 4 8 9Q8 14 4 14Q0 14 0 9Q0 4 4 4Z"],
  "p": [7.8, "M0 4V18.5M0 9Q0 4 3.9 4Q7.8 4 7.8 9Q7.8 14 3.9 14Q0 14 0 9"],
  "q": [7.8, "M7.8 4V18.5M7.8 9Q7.8 4 3.9 4Q0 4 0 9Q0 14 3.9 14Q7.8 14 7.8 9"],
  "r": [4.6, "M0 4V14M0 8.4Q.6 4 4.6 4.2"],
  "s": [7, "M6.6 5.8Q5.8 4 3.5 4Q.5 4 .5 6.4Q.5 8.3 3.5 8.9Q7 9.5 7 11.4Q7 14 3.6 14Q.7 14 0 12"],
  "t": [4.8, "M2 .8V11.4Q2 14 4.8 13.9M0 4.4H4.8"],
  "u": [7.2, "M0 4V10Q0 14 3.4 14Q6.8 14 7.2 10M7.2 4V14"],
  "v": [7.6, "M0 4L3.8 14L7.6 4"],
  "w": [11.6, "M0 4L2.8 14L5.8 6L8.8 14L11.6 4"],
  "x": [7, "M0 4L7 14M7 4L0 14"],
  "y": [7.6, "M0 4L3.8 14M7.6 4L3.2 15.6Q2.2 18.5 0 18.4"],
  "z": [6.8, "M0 4H6.8L0 14H6.8"],
  "{": [3.6, "M3.6 -1.4Q1.6 -1.4 1.6 1V4.8Q1.6 7 0 7Q1.6 7 1.6 9.2V13Q1.6 15.4 3.6 15.4"],
  "|": [0, "M0 -1.4V15.4"],
  "}": [3.6, "M0 -1.4Q2 -1.4 2 1V4.8Q2 7 3.6 7Q2 7 2 9.2V13Q2 15.4 0 15.4"],
  "~": [8, "M0 8.4Q1 6 3 7.2Q5 8.6 6.6 8Q7.8 7.4 8 6"],
  "–": [8, "M0 8.4H8"],
  "…": [6.8, "M0 13.4V13.8M3.4 13.4V13.8M6.8 13.4V13.8"],
};

/** For a character that is not in the table. */
const box: readonly [number, string] = [7, "M0 0H7V14H0Z"];

/** Units between glyphs. */
const SPACING = 3.4;

/** Units of a font size of 1. */
const UNITS = 20;

/** Straight pieces that stand for a curve. */
const PIECES = 6;

/** Chains of points by path. */
const parsed = new Map<string, readonly (readonly Point[])[]>();

/**
 * Can the font spell the text?
 *
 * @param text The text.
 * @returns False if a character would be a box.
 */
export function isSpellable(text: string): boolean {
  return Array.from(text).every((letter) => Object.hasOwn(glyphs, letter));
}

/**
 * Width of a line of text.
 *
 * @param text The text.
 * @param size Font size in pixels.
 * @returns Pixels from the first stroke to the last.
 */
export function textWidth(text: string, size: number): number {
  const letters = Array.from(text);
  const units = letters.reduce((sum, letter) => sum + glyph(letter)[0] + SPACING, 0);
  return Math.max(0, units - SPACING) * size / UNITS;
}

/**
 * The strokes of a line of text.
 *
 * @param text The text; a character that the font lacks is a box.
 * @param size Font size in pixels.
 * @returns Chains of points from the start of the baseline, in pixels.
 */
export function textStrokes(text: string, size: number): Point[][] {
  const scale = size / UNITS;
  const strokes: Point[][] = [];
  let left = 0;
  for (const letter of text) {
    const [width, path] = glyph(letter);
    for (const line of linesOf(path)) {
      strokes.push(line.map(([x, y]): Point => [(left + x) * scale, (y - 14) * scale]));
    }
    left += width + SPACING;
  }
  return strokes;
}

function glyph(letter: string): readonly [number, string] {
  return Object.hasOwn(glyphs, letter) ? glyphs[letter] : box;
}

/** A path's chains of points, curves cut into straight pieces. */
function linesOf(path: string): readonly (readonly Point[])[] {
  const known = parsed.get(path);
  if (known) return known;
  const lines: Point[][] = [];
  for (const [, command, rest] of path.matchAll(/([MLHVQZ])([^A-Z]*)/g)) {
    const numbers = rest.trim().split(/ +/).map(Number);
    if (command === "M") lines.push([[numbers[0], numbers[1]]]);
    else addTo(lines[lines.length - 1], command, numbers);
  }
  parsed.set(path, lines);
  return lines;
}

/** Goes on with a chain of points by one command. */
function addTo(line: Point[], command: string, [a, b, c, d]: readonly number[]): void {
  const [x, y] = line[line.length - 1];
  switch (command) {
    case "L":
      line.push([a, b]);
      break;
    case "H":
      line.push([a, y]);
      break;
    case "V":
      line.push([x, a]);
      break;
    case "Z":
      line.push(line[0]);
      break;
    case "Q":
      for (let i = 1; i <= PIECES; i++) {
        const [t, s] = [i / PIECES, 1 - i / PIECES];
        line.push([s * s * x + 2 * s * t * a + t * t * c, s * s * y + 2 * s * t * b + t * t * d]);
      }
  }
}
