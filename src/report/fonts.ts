/**
 * Font files for the texts of a picture. A PNG needs the glyphs of every character; an SVG names its fonts, and its
 * viewer has them.
 *
 * DejaVu Sans has Latin with all its accents, Greek, Cyrillic, Armenian, Georgian, Arabic, Hebrew and Lao. The fonts of
 * Chinese, Japanese, Korean, Thai, Ethiopic and emoji are fetched when a text has a character of theirs. Indic scripts,
 * Khmer and Burmese have none: resvg 2.6.2 draws letters over each other where they join or change places.
 *
 * @module
 */

/** A font in a package. */
export interface Font {
  /** Its name in the files. */
  readonly family: string;
  /** Specifier of the package, in a string that is no import: nothing is fetched before it is used. */
  readonly specifier: string;
  /** Paths of the files within the package. */
  readonly files: readonly string[];
}

/** The font of every picture, in two weights. */
const dejavu: Font = {
  family: "DejaVu Sans",
  specifier: "npm:dejavu-fonts-ttf@2.37.3",
  files: ["ttf/DejaVuSans.ttf", "ttf/DejaVuSans-Bold.ttf"],
};

/** Characters of scripts, as the inside of a class: `\\p{Script=Thai}`. */
const scripts = (...names: readonly string[]): string => names.map((name) => `\\p{Script=${name}}`).join("");

/** What DejaVu Sans has: `Common` and `Inherited` are digits, signs and accents. */
const own = scripts(
  "Common",
  "Inherited",
  "Latin",
  "Greek",
  "Cyrillic",
  "Armenian",
  "Georgian",
  "Arabic",
  "Hebrew",
  "Lao",
);

/** Source Han Sans in one weight, 4.2 MB; packages with all weights have 15 to 90. */
const sourceHan = "npm:@librescore/fonts@0.4.1";

/** The fonts of other characters; emoji stand in `Common`, too, and come first. */
const others: readonly (readonly [characters: string, font: Font])[] = [
  ["\\p{Emoji_Presentation}", {
    family: "Noto Emoji",
    specifier: "npm:@fontsource/noto-emoji@5.3.2",
    files: ["files/noto-emoji-emoji-400-normal.woff2"],
  }],
  [scripts("Han", "Hiragana", "Katakana", "Bopomofo"), {
    family: "Source Han Sans CN",
    specifier: sourceHan,
    files: ["SourceHanSansCN.min.woff2"],
  }],
  [scripts("Hangul"), {
    family: "Source Han Sans KR",
    specifier: sourceHan,
    files: ["SourceHanSansKR.min.woff2"],
  }],
  ...["Ethiopic", "Thai"].map((script): [string, Font] => {
    const name = script.toLowerCase();
    return [scripts(script), {
      family: `Noto Sans ${script}`,
      specifier: `npm:@fontsource/noto-sans-${name}@5.3.0`,
      files: [`files/noto-sans-${name}-${name}-400-normal.woff2`],
    }];
  }),
];

const patterns = others.map(([characters, font]) => [new RegExp(`[${characters}]`, "u"), font] as const);

const known = own + others.map(([characters]) => characters).join("");
const foreign = new RegExp(`…?[^${known}](?:[^${known}]|[\\p{M}\\s…])*(?<!\\s)`, "gu");

/**
 * The fonts that a text needs.
 *
 * @param text Any text, that of a whole SVG, too.
 * @returns DejaVu Sans first.
 */
export function fontsFor(text: string): Font[] {
  return [dejavu, ...patterns.flatMap(([pattern, font]) => pattern.test(text) ? [font] : [])];
}

/**
 * Is there a font for each character of a text?
 *
 * @param text The text.
 * @returns False where a character is of a script that no font here has.
 */
export function isDrawable(text: string): boolean {
  return text.search(foreign) < 0;
}

/**
 * A text with `…` for what no font here has, which would be boxes.
 *
 * @param text Any text, that of a whole SVG, too.
 * @returns What can be drawn.
 */
export function drawablePart(text: string): string {
  return text.replaceAll(foreign, "…");
}
