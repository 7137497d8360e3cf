import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { Tail } from "../../src/dash/tail.ts";
import { writeAtomic } from "../../src/files.ts";
import { inFolder } from "../data/sets.ts";

/** What a look gives: `restart`, and the lines. */
async function look(tail: Tail): Promise<string[]> {
  const found: string[] = [];
  for await (const lines of tail.lines(() => found.push("restart"))) found.push(...lines);
  return found;
}

Deno.test("Tail gives whole lines once, and begins anew where another file or a shorter one is", () =>
  inFolder(async (folder) => {
    const path = join(folder, "metrics.jsonl");
    const tail = new Tail(path);
    const write = (text: string, append = true) => Deno.writeTextFile(path, text, { append });
    const steps: readonly [what: string, change: () => Promise<void>, given: string[]][] = [
      ["there is no file", () => Promise.resolve(), []],
      ["two lines and a half", () => write("a\nb\nc"), ["a", "b"]],
      ["nothing new", () => Promise.resolve(), []],
      ["the half one is whole", () => write("c\nd\n"), ["cc", "d"]],
      ["longer than before, in its place", () => writeAtomic(path, "a\nb\nlonger than before\n"), [
        "restart",
        "a",
        "b",
        "longer than before",
      ]],
      ["cut short", () => write("a\n", false), ["restart", "a"]],
      ["removed", () => Deno.remove(path), ["restart"]],
      ["there again", () => write("é\n"), ["é"]],
      ["a folder of its name", async () => {
        await Deno.remove(path);
        await Deno.mkdir(path);
      }, ["restart"]],
    ];
    for (const [what, change, given] of steps) {
      await change();
      assertEquals(await look(tail), given, what);
    }
  }));

Deno.test("Tail passes over a line that is longer than any record", () =>
  inFolder(async (folder) => {
    const path = join(folder, "x");
    await Deno.writeTextFile(path, `${"x".repeat(9 << 20)}\nlast\n`);
    const lines = await look(new Tail(path));
    assertEquals([lines.at(-1), lines.every((line) => line.length <= 4 << 20)], ["last", true]);
  }));
