import { assertEquals } from "@std/assert";
import { csvText } from "../../src/cli/csv_text.ts";

Deno.test("csvText() writes no formula and no control code", () => {
  assertEquals(
    csvText([["=1+1", "a\x1b[2J,b", "c\u009b\u202ed\n"], ["plain", 'q"q', "-1"]]).replaceAll("\r\n", "\n"),
    `'=1+1,"a\\u{1b}[2J,b",c\\u{9b}\\u{202e}d\\u{a}\nplain,"q""q",'-1\n`,
  );
});
