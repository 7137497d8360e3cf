import { assertEquals } from "@std/assert";
import { printable } from "../../src/printable.ts";
import { shorten } from "../../src/report/names.ts";

Deno.test("printable() spells out what would move a terminal's cursor or turn its text, and nothing else", () => {
  assertEquals(printable("\x1b[31m\u202e\ud800\u2028"), "\\u{1b}[31m\\u{202e}\\u{d800}\\u{2028}");
  const plain = "Schäferhund 黒髪 شعر – \u0301";
  assertEquals(printable(plain), plain);
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
