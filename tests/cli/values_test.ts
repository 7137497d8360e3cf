import { assertEquals } from "@std/assert";
import { readBytes, readSkips, readSplit, readWeights } from "../../src/cli/values.ts";

const cases: [read: (word: string) => unknown, word: string, expected: unknown][] = [
  [readSplit, "8:1:1", [8, 1, 1]],
  [readSplit, "0.7:.2:0", [0.7, 0.2, 0]],
  [readSplit, "own", "own"],
  [readSplit, "0:1:1", undefined],
  [readSplit, "8:1", undefined],
  [readSplit, "8:1:1:1", undefined],
  [readSplit, "8:-1:1", undefined],
  [readSplit, "8::1", undefined],
  [readBytes, "4GiB", 4294967296],
  [readBytes, "500 MB", 500e6],
  [readBytes, "1.5kb", 1500],
  [readBytes, "123", 123],
  [readBytes, "0", 0],
  [readBytes, "4 G", undefined],
  [readBytes, "1.2.3MB", undefined],
  [readBytes, "MB", undefined],
  [readWeights, "none", "none"],
  [readWeights, "balanced", "balanced"],
  [readWeights, "1,2,0.5", [1, 2, 0.5]],
  [readWeights, "0,0", undefined],
  [readWeights, "1,,2", undefined],
  [readWeights, "1,x", undefined],
  [readWeights, "1,-2", undefined],
  [readSkips, "stop", 0],
  [readSkips, "skip:5", 5],
  [readSkips, "skip:0", undefined],
  [readSkips, "skip", undefined],
];
for (const [read, word, expected] of cases) {
  Deno.test(`${read.name}() of \`${word}\``, () => assertEquals(read(word), expected));
}
