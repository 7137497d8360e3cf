import { assertEquals, assertThrows } from "@std/assert";
import { csvCell, csvRows, separatorOf, unmarked } from "../../../src/data/forms/csv.ts";
import { UserError } from "../../../src/errors.ts";

const cells = (text: string) => [...csvRows(text, "t.csv")].map((row) => row.cells);

const readable: [name: string, text: string, rows: string[][]][] = [
  ["plain cells", "a,b\n1,2\n", [["a", "b"], ["1", "2"]]],
  ["CRLF and no newline at the end", "a,b\r\n1,2", [["a", "b"], ["1", "2"]]],
  ["quoted commas, quotes and newlines", 'a,b\n"x, ""y""","1\n2"\n', [["a", "b"], ['x, "y"', "1\n2"]]],
  ["empty cells and empty lines", "a,b\n\n,\n\n", [["a", "b"], ["", ""]]],
  ["a comma at the very end", "a,b\n1,", [["a", "b"], ["1", ""]]],
  ["nothing", "", []],
  ["blanks around cells, but not in quotes", 'a, b \n "x " ,\t y\n', [["a", "b"], ["x ", "y"]]],
  ["CR alone", "a,b\r1,2\r", [["a", "b"], ["1", "2"]]],
];
for (const [name, text, rows] of readable) {
  Deno.test(`csvRows() reads ${name}`, () => assertEquals(cells(text), rows));
}

Deno.test("csvRows() reads other separators; blanks separate by runs", () => {
  const read = (text: string, separator: ";" | "\t" | " ") =>
    [...csvRows(text, "t", separator)].map((row) => row.cells);
  assertEquals(read("a;b\n1,5; x\n", ";"), [["a", "b"], ["1,5", "x"]]);
  assertEquals(read('a\tb\n\t"1\t2"\n', "\t"), [["a", "b"], ["", "1\t2"]]);
  assertEquals(read('a.png  1 \n  "b c.png"\t 2\n', " "), [["a.png", "1"], ["b c.png", "2"]]);
});

Deno.test("csvRows() reads a cell of 20 million characters, closed or not", () => {
  const long = "x".repeat(20e6);
  assertEquals(cells(`a,"${long}"\n`)[0][1].length, long.length);
  assertThrows(() => cells(`a,"${long}\n`), UserError, "t.csv:1:3: a quote is misplaced");
});

const separated: [text: string, separator: string][] = [
  ["a,b\n1,2\n", ","],
  ["a;b\n1,5;2\n", ";"],
  ["a\tb\n1;2\t3\n", "\t"],
  ["file,labels\na.png,x;y\nb.png,z\n", ","],
  ["a.png,x;y\nb.png,y;z\n", ","],
  ["a.png;x,y\nb.png;y,z\n", ";"],
  ['"a";"b"\n"1";"2"\n', ";"],
  ["a.png 1\nb.png 0\n", " "],
  ["alone\n", ","],
  ["", ","],
];
for (const [text, separator] of separated) {
  Deno.test(`separatorOf() finds ${JSON.stringify(separator)} in ${JSON.stringify(text)}`, () =>
    assertEquals(separatorOf(text, true), separator as ","));
}

Deno.test("csvRows() counts lines and columns, also after quoted newlines", () => {
  const rows = [...csvRows('a,b\n"1\n2",x\n33,y\n', "t.csv")];
  assertEquals(rows.map(({ line, columns }) => [line, ...columns]), [[1, 1, 3], [2, 1, 4], [4, 1, 4]]);
});

const faulty: [name: string, text: string, message: string][] = [
  ["a quote that is never closed", 'a,b\n1,"2\n', "t.csv:2:3: a quote is misplaced"],
  ["a quote in mid-cell", 'a,b\nx"y,2\n', "t.csv:2:1: a quote is misplaced"],
];
for (const [name, text, message] of faulty) {
  Deno.test(`csvRows() names the place of ${name}`, () => {
    assertThrows(() => cells(text), UserError, message);
  });
}

Deno.test("csvCell() writes every value so that it comes back", () => {
  const values = [
    "plain",
    "a,b",
    'say "x"',
    "two\nlines",
    " spaced ",
    "=1+1",
    "+1",
    "-1",
    "@x",
    "'=1",
    "''",
    "'",
    "",
    "\tx",
    "über",
  ];
  for (const value of values) {
    const [[cell]] = cells(`${csvCell(value)},end\n`);
    assertEquals(unmarked(cell), value);
  }
});

Deno.test("csvCell() keeps spreadsheets from running formulas", () => {
  for (const value of ["=HYPERLINK(1)", "+1", "-1", "@SUM", "\t=1"]) {
    assertEquals(csvCell(value).replace(/^"/, "")[0], "'");
  }
});
