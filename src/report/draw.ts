/**
 * Makes files of charts: ECharts lays them out as SVG, resvg makes a PNG of that. Neither needs a browser or a native
 * addon. Both are fetched when the first picture is drawn.
 *
 * @module
 */
import { UserError } from "../errors.ts";
import { writeAtomic } from "../files.ts";
import { type Chart, widthOf } from "./chart.ts";
import { drawablePart, type Font, fontsFor } from "./fonts.ts";

/**
 * Variables, so that commands which draw nothing fetch nothing. The bundle loads in a third of the time of the modules.
 */
const echartsPackage = "npm:echarts@6.1.0";
const echartsSpecifier = `${echartsPackage}/dist/echarts.esm.min.mjs`;
const resvgSpecifier = "npm:@resvg/resvg-wasm@2.6.2";

/** What is used of ECharts. */
interface ECharts {
  init(element: null, theme: null, options: Record<string, unknown>): {
    setOption(option: Chart["option"]): void;
    renderToSVGString(): string;
    dispose(): void;
  };
  setPlatformAPI(api: { measureText(text: string, font: string): { width: number } }): void;
}

/** What is used of resvg. */
interface Resvg {
  initWasm(bytes: BufferSource): Promise<void>;
  readonly Resvg: new (svg: string, options: unknown) => {
    render(): { asPng(): Uint8Array; free(): void };
    free(): void;
  };
}

/** Both files of a picture. */
export interface Picture {
  /** A text, sharp at any size; a viewer draws it with its own fonts where it has not DejaVu Sans. */
  readonly svg: string;
  /** Pixels, with `…` for characters of scripts that no font here has. */
  readonly png: Uint8Array<ArrayBuffer>;
}

let echarts: Promise<ECharts> | undefined;
let resvg: Promise<Resvg["Resvg"]> | undefined;
/** Files of fonts, by family. */
const files = new Map<string, Promise<Uint8Array[]>>();

/**
 * Draws a chart and writes its files.
 *
 * @param path Where, without an extension: `runs/hair/curves` becomes `curves.svg` and `curves.png`.
 * @param chart The chart.
 * @throws {UserError} When a package that draws could be neither found nor fetched.
 */
export async function writeChart(path: string, chart: Chart): Promise<void> {
  const { svg, png } = await draw(chart);
  await writeAtomic(`${path}.svg`, svg);
  await writeAtomic(`${path}.png`, png);
}

/**
 * Draws a chart.
 *
 * @param chart The chart.
 * @returns Its files; the same chart gives the same bytes.
 * @throws {UserError} When a package that draws could be neither found nor fetched.
 */
export async function draw(chart: Chart): Promise<Picture> {
  const svg = await svgOf(chart);
  return { svg, png: await pngOf(svg) };
}

/**
 * Draws a chart as SVG.
 *
 * @param chart The chart.
 * @returns The text of the file.
 * @throws {UserError} When ECharts could be neither found nor fetched.
 */
export async function svgOf({ width, height, option }: Chart): Promise<string> {
  const { init } = await loadedECharts();
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption(option);
    return plain(chart.renderToSVGString());
  } finally {
    chart.dispose();
  }
}

function loadedECharts(): Promise<ECharts> {
  return echarts ??= loadECharts().catch((error) => {
    echarts = undefined;
    throw error;
  });
}

/**
 * What a file does not need: styles of a mouse over it, what each element was made from. Names of elements count up
 * over all charts of a process. Here they begin at 0, so that a chart's bytes are its own.
 */
function plain(svg: string): string {
  const numbers = new Map<string, number>();
  return svg
    .replaceAll(/<style[\s\S]*?<\/style>/g, "")
    .replaceAll(/ (?:ecmeta_\w+|class|pointer-events)="[^"]*"/g, "")
    .replaceAll(/\bzr\d+-([a-z]+)\d+/g, (name, kind) => {
      if (!numbers.has(name)) numbers.set(name, numbers.size);
      return `${kind}${numbers.get(name)}`;
    });
}

/** Makes the pixels of an SVG. */
async function pngOf(svg: string): Promise<Uint8Array<ArrayBuffer>> {
  const Renderer = await (resvg ??= loadResvg().catch((error) => {
    resvg = undefined;
    throw error;
  }));
  const fontBuffers = (await Promise.all(fontsFor(svg).map(loadFont))).flat();
  const renderer = new Renderer(drawablePart(svg), {
    font: { fontBuffers, loadSystemFonts: false, defaultFontFamily: "DejaVu Sans" },
  });
  try {
    const image = renderer.render();
    const png = new Uint8Array(image.asPng());
    image.free();
    return png;
  } finally {
    renderer.free();
  }
}

async function loadECharts(): Promise<ECharts> {
  const library: ECharts = await load(echartsSpecifier);
  library.setPlatformAPI({
    measureText: (text, font) => ({ width: widthOf(text, Number(/([\d.]+)px/.exec(font)?.[1] ?? 12)) }),
  });
  return library;
}

/**
 * ECharts as a text, which defines the global `echarts` in a page.
 *
 * @throws {UserError} When it could be neither found nor fetched.
 */
export async function echartsText(): Promise<string> {
  await loadedECharts();
  const text = new TextDecoder().decode(await readIn(echartsPackage, "dist/echarts.min.js"));
  // Nothing in it may end the element that it stands in.
  return text.replaceAll("</script", "<\\/script");
}

async function loadResvg(): Promise<Resvg["Resvg"]> {
  const library: Resvg = await load(resvgSpecifier);
  await library.initWasm(await readIn(resvgSpecifier, "index_bg.wasm"));
  return library.Resvg;
}

function loadFont(font: Font): Promise<Uint8Array[]> {
  const loaded = files.get(font.family) ?? readFont(font);
  files.set(font.family, loaded);
  loaded.catch(() => files.delete(font.family));
  return loaded;
}

async function readFont({ specifier, files }: Font): Promise<Uint8Array[]> {
  // Every package can be asked for its manifest; that it is there is what is wanted.
  await load(`${specifier}/package.json`, { with: { type: "json" } });
  return await Promise.all(files.map((file) => readIn(specifier, file)));
}

/**
 * Loads a package, from Deno's cache or from the network.
 *
 * @param specifier The package, in a variable, so that nothing is fetched before it is used.
 * @param options What an import of JSON needs.
 * @returns The module, whose type the caller knows.
 * @throws {UserError} When it could be neither found nor fetched.
 */
// deno-lint-ignore no-explicit-any -- see above
export async function load(specifier: string, options?: ImportCallOptions): Promise<any> {
  try {
    return await import(specifier, options);
  } catch (error) {
    throw new UserError(
      `Cannot draw without ${specifier}, which could not be loaded: ${firstLine(error)}; ` +
        "without a network, fill Deno's cache once with one",
    );
  }
}

/** A file of a package that was loaded, from where Deno keeps it. */
function readIn(specifier: string, file: string): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFile(new URL(import.meta.resolve(`${specifier}/${file}`)));
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0];
}
