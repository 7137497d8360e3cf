import { assert, assertEquals } from "@std/assert";
import { noteLine } from "../../src/cli/notes.ts";
import { timesText } from "../../src/cli/progress.ts";

Deno.test("noteLine() stays under 200 characters, and shows all where it is asked to", () => {
  assertEquals(noteLine("short", false), "note   short");
  for (const text of ["Imbalance: " + "class (12), ".repeat(40), "x".repeat(300), "𝒳".repeat(150), "x".repeat(192)]) {
    const line = noteLine(text, false);
    assert(line.length < 200 && line.isWellFormed(), line);
    assert(
      noteLine(text, true) === `note   ${text}` && (line.endsWith("(--verbose has the rest)") || text.length < 193),
    );
  }
  assert(!noteLine("a, b, ".repeat(60), false).includes(", …"));
});

Deno.test("timesText() says what has passed and what is left", () => {
  assertEquals(timesText(3000, 1, 4), "0:03, 0:09 left");
  assertEquals(timesText(3000, 0, 4), "0:03");
});
