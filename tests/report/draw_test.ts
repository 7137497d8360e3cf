import { assert, assertEquals, assertGreater, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { type Chart, COMMON, widthOf } from "../../src/report/chart.ts";
import { draw, load, writeChart } from "../../src/report/draw.ts";
import { drawablePart, fontsFor, isDrawable } from "../../src/report/fonts.ts";
import { blue } from "../../src/report/palette.ts";
import { count, pictureOf } from "./pictures.ts";

/** A chart of bars under names, with a line that is clipped. */
function bars(...names: string[]): Chart {
  return {
    width: 100 + 200 * names.length,
    height: 300,
    option: {
      ...COMMON,
      xAxis: { type: "category", data: names, axisLabel: { interval: 0, fontSize: 20 } },
      yAxis: { type: "value" },
      series: [
        { type: "bar", data: names.map(() => 1), itemStyle: { color: blue } },
        { type: "line", data: names.map(() => 2), clip: true },
      ],
    },
  };
}

Deno.test("draw() gives an SVG and a PNG of the chart's size", async () => {
  const { svg, png } = await draw(bars("a", "b"));
  assert(svg.startsWith('<svg width="500" height="300"'), svg.slice(0, 100));
  const picture = pictureOf(png);
  assertEquals([picture.width, picture.height], [500, 300]);
  assertGreater(count(picture, blue), 1000);
});

Deno.test("draw() gives the same bytes for the same chart, whatever was drawn before", async () => {
  const once = await draw(bars("a", "b"));
  await draw(bars("c"));
  const [again, beside] = await Promise.all([draw(bars("a", "b")), draw(bars("a", "b"))]);
  assertEquals(again, once);
  assertEquals(beside, once);
});

Deno.test("an SVG holds hostile names as text, and nothing that a viewer would run or fetch", async () => {
  const hostile = ['<script>alert("1")</script>', "</text><image href=x>", "{a|b} {b} {value}", "&amp;'"];
  const { svg } = await draw(bars(...hostile));
  for (const text of ["&lt;script&gt;", "&lt;/text&gt;", "{a|b} {b} {value}", "&amp;amp;"]) {
    assertStringIncludes(svg, text);
  }
  const elements = new Set([...svg.matchAll(/<([a-zA-Z]+)/g)].map(([, name]) => name));
  assertEquals([...elements].filter((name) => !/^(svg|rect|path|g|text|defs|clipPath)$/.test(name)), []);
  assertEquals(svg.match(/<[^>]*\s(on\w+|href|xlink:href)=/g), null);
});

Deno.test("a PNG has the glyphs of other scripts, and … for what no font has; the SVG has it all", async () => {
  const png = async (name: string) => (await draw(bars(name))).png;
  // As wide as each other: boxes would be the same.
  for (const [one, other] of [["黒", "金"], ["한", "국"], ["é", "è"], ["Ж", "Щ"], ["ก", "ข"]]) {
    assertNotEquals(await png(one), await png(other), `${one} and ${other}`);
  }
  assertEquals(await png("1: ཀ ཁ"), await png("1: …"));
  assertStringIncludes((await draw(bars("1: ཀ ཁ"))).svg, "1: ཀ ཁ");
});

Deno.test("fontsFor(), isDrawable() and drawablePart() know scripts", () => {
  const cases: [text: string, families: string[], drawn?: string][] = [
    ["", []],
    ["Großmütterchen Ωμέγα Кот Tiếng Việt Հայ ქართ قطة חתול ½ → ★", []],
    ["黒髪 きゃ カタ", ["Source Han Sans CN"]],
    ["한국어 高", ["Source Han Sans CN", "Source Han Sans KR"]],
    ["🐱", ["Noto Emoji"]],
    ["ไทย", ["Noto Sans Thai"]],
    ["a बिल्ली हिन्दी b", [], "a … b"],
    ["class 3: བོད…ཡིག x", [], "class 3: … x"],
  ];
  for (const [text, families, drawn = text] of cases) {
    assertEquals(fontsFor(text).map(({ family }) => family), ["DejaVu Sans", ...families], text);
    assertEquals(isDrawable(text), drawn === text, text);
    assertEquals(drawablePart(text), drawn, text);
  }
});

Deno.test("widthOf() is a little more than a text is wide", async () => {
  for (
    const text of ["Black_Hair", "Norwegian forest cat", "WWWWWW", "illicit", "0123456789 %", "Кириллица", "黒髪金髪"]
  ) {
    const chart: Chart = {
      ...{ width: 800, height: 100 },
      option: {
        ...COMMON,
        title: { text, left: 0, top: 0, padding: 0, textStyle: { fontSize: 40, fontWeight: "normal" } },
      },
    };
    const { width, height, data } = pictureOf((await draw(chart)).png);
    let right = 0;
    for (let at = 0; at < width * height; at++) if (data[at * 4] < 128) right = Math.max(right, at % width);
    const estimate = widthOf(text, 40);
    assert(estimate > right - 4 && estimate < right * 1.25, `${text}: ${estimate} for ${right}`);
  }
});

Deno.test("writeChart() writes both files", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writeChart(`${folder}/bars`, bars("a"));
    const { svg, png } = await draw(bars("a"));
    assertEquals(await Deno.readTextFile(`${folder}/bars.svg`), svg);
    assertEquals(await Deno.readFile(`${folder}/bars.png`), png);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("load() says which package is missing", async () => {
  await assertRejects(
    () => load("npm:echarts@0.0.0"),
    UserError,
    "Cannot draw without npm:echarts@0.0.0, which could not be loaded: ",
  );
});
