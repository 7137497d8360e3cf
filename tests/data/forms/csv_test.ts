import { assertEquals, assertThrows } from "@std/assert";
import { csvCell, csvRows, unmarked } from "../../../src/data/forms/csv.ts";
import { UserError } from "../../../src/errors.ts";

const cells = (text: string) => [...csvRows(text, "t.csv")].map((row) => row.cells);

const readable: [name: string, text: string, rows: string[][]][] = [
  ["plain cells", "a,b\n1,2\n", [["a", "b"], ["1", "2"]]],
  ["CRLF and no newline at the end", "a,b\r\n1,2", [["a", "b"], ["1", "2"]]],
  ["quoted commas, quotes and newlines", 'a,b\n"x, ""y""","1\n2"\n', [["a", "b"], ['x, "y"', "1\n2"]]],
  ["empty cells and empty lines", "a,b\n\n,\n\n", [["a", "b"], ["", ""]]],
  ["a comma at the very end", "a,b\n1,", [["a", "b"], ["1", ""]]],
  ["nothing", "", []],
];
for (const [name, text, rows] of readable) {
  Deno.test(`csvRows() reads ${name}`, () => assertEquals(cells(text), rows));
}

Deno.test("csvRows() counts lines and columns, also after quoted newlines", () => {
  const rows = [...csvRows('a,b\n"1\n2",x\n33,y\n', "t.csv")];
  assertEquals(rows.map(({ line, columns }) => [line, ...columns]), [[1, 1, 3], [2, 1, 4], [4, 1, 4]]);
});

const faulty: [name: string, text: string, message: string][] = [
  ["a row that is too short", "a,b\n1,2\n3\n", "t.csv:3:1: this row has 1 cells, but the header has 2"],
  ["a row that is too long", "a,b\n1,2,3\n", "t.csv:2:5: this row has 3 cells, but the header has 2"],
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
