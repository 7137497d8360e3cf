import { assertEquals } from "@std/assert";
import { printable } from "../../src/data/names.ts";
import { inert, shorten } from "../../src/report/names.ts";

Deno.test("inert() has the same rule as the messages about data", () => {
  for (let code = 0; code < 0x3000; code++) {
    const text = `a${String.fromCodePoint(code)}b`;
    assertEquals(inert(text), printable(text), `U+${code.toString(16)}`);
  }
  assertEquals(inert("\x1b[31m\u202e\ud800"), "\\u{1b}[31m\\u{202e}\\u{d800}");
});

Deno.test("shorten() cuts the middle, by columns, between whole characters", () => {
  const cases: [string, number, string][] = [
    ["Norwegian_forest_cat", 20, "Norwegian_forest_cat"],
    ["Norwegian_forest_cat", 19, "Norwegian…orest_cat"],
    ["Norwegian_forest_cat", 2, "N…"],
    ["Norwegian_forest_cat", 1, "…"],
    ["黒髪金髪茶髪", 12, "黒髪金髪茶髪"],
    ["黒髪金髪茶髪", 11, "黒髪金…茶髪"],
    ["黒髪金髪茶髪", 10, "黒髪…茶髪"],
    ["e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301…e\u0301"],
    ["", 3, ""],
  ];
  for (const [text, width, expected] of cases) assertEquals(shorten(text, width), expected, `${text} in ${width}`);
});

Deno.test("shorten() takes another measure", () => {
  assertEquals(shorten("abcdef", 50, (text) => text.length * 10), "ab…ef");
});
