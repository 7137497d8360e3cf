import { assert, assertEquals } from "@std/assert";
import { openDataset } from "../../src/data/open.ts";
import { noteLine } from "../../src/cli/notes.ts";
import { timesText } from "../../src/cli/progress.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";
import { fovea } from "../e2e/command.ts";

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

Deno.test("noteLine() calls options by their flags", () => {
  assertEquals(noteLine("consider option classWeights balanced", false), "note   consider --class-weights balanced");
  assertEquals(noteLine("option learningRate, an option of mine", false, ""), "--lr, an option of mine");
});

/** What `train`, `eval`, `data check` and `predict` write of a folder whose names are as long as names can be. */
Deno.test("notes and lines about data stay short, however long names are", () =>
  inFolder(async (folder) => {
    const long = (name: string) => name.repeat(120);
    const classes = Object.fromEntries(["a", "b", "c", "d"].map((name, c) => [long(name), c < 2 ? 30 : 3]));
    await write(folder, {
      ...Object.fromEntries(Object.entries(classFolders(classes)).map(([name, seed]) => [`train/${name}`, seed])),
      ...Object.fromEntries(Object.keys(classes).map((name, i) => [`val/${name}/${long("v")}.png`, 900 + i])),
      ...Object.fromEntries(Object.keys(classes).map((name, i) => [`train/${name}/${long("x")}/${i}.png`, 990 + i])),
      ...Object.fromEntries(["k", "l", "m", "n"].map((name) => [`${long(name)}/notes.txt`, "none"])),
      [`train/${long("e")}/none.txt`]: "none yet",
      [`train/${long("a")}/${long("h")}.heic`]: "\0\0\0\x18ftypheic",
    });
    const data = await openDataset(folder);
    const split = data.split();
    const texts = [...data.warnings, ...split.warnings, data.form!];
    assert(texts.filter((text) => text.length > 200).length >= 3, texts.map((text) => text.length).join());
    for (const text of texts) assert(noteLine(text, false).length < 200);
    const checked = await fovea(["data", "check", folder], folder);
    const [, warnings] = /Warnings: \d+\n((?: {2}.*\n)+)/.exec(checked.stdout) ?? [];
    assert(warnings, checked.stdout + checked.stderr);
    for (const line of warnings.trimEnd().split("\n")) assert(line.length < 202, line);
  }));

Deno.test("timesText() says what has passed and what is left", () => {
  assertEquals(timesText(3000, 1, 4), "0:03, 0:09 left");
  assertEquals(timesText(3000, 0, 4), "0:03");
});
