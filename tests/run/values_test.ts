import { assertEquals } from "@std/assert";
import * as values from "../../src/run/values.ts";

/** What words of a command line give; undefined for those that will not do. */
const cases = {
  ratios: [
    ["8:1:1", [8, 1, 1]],
    ["0.7:.2:0", [0.7, 0.2, 0]],
    ["own", "own"],
    ["0:1:1", undefined],
    ["8:1", undefined],
    ["8:1:1:1", undefined],
    ["8:-1:1", undefined],
    ["8::1", undefined],
  ],
  bytes: [
    ["4GiB", 4294967296],
    ["500 MB", 500e6],
    ["1.5kb", 1500],
    ["123", 123],
    ["0", 0],
    ["4 G", undefined],
    ["1.2.3MB", undefined],
    ["MB", undefined],
  ],
  memory: [
    ["6GiB", 6 * 2 ** 30],
    ["1.5 gb", 1.5e9],
    ["6", undefined],
    ["0", undefined],
    ["1000kB", undefined],
    ["-6GiB", undefined],
    ["much", undefined],
  ],
  batch: [
    ["auto", "auto"],
    ["48", 48],
    ["0", undefined],
    ["-1", undefined],
    ["1.5", undefined],
    ["Auto", undefined],
    ["99999999999999999999", undefined],
  ],
  weights: [
    ["none", "none"],
    ["balanced", "balanced"],
    ["1,2,0.5", [1, 2, 0.5]],
    ["0,0", undefined],
    ["1,,2", undefined],
    ["1,x", undefined],
    ["1,-2", undefined],
  ],
  skips: [
    ["stop", 0],
    ["skip:5", 5],
    ["skip:0", undefined],
    ["skip", undefined],
  ],
  normalize: [
    ["half", "half"],
    ["0.5:.25", { mean: [0.5], std: [0.25] }],
    ["0.5,0,1:1,2,3", { mean: [0.5, 0, 1], std: [1, 2, 3] }],
    ["0.5,0.4:1", undefined],
    ["0.5:0", undefined],
    ["0.5,x:1,1", undefined],
    ["0.5", undefined],
    ["1:1:1", undefined],
    ["mean", undefined],
  ],
  scales: [
    ["layer1.*=0.1", ["layer1.*", 0.1]],
    ["a=b=1e-2", ["a=b", 0.01]],
    ["fc=0", undefined],
    ["fc=-1", undefined],
    ["fc", undefined],
    ["=2", undefined],
  ],
} satisfies { readonly [K in keyof typeof values]?: readonly (readonly [word: string, value: unknown])[] };

for (const [name, words] of Object.entries(cases)) {
  Deno.test(`${name} on a command line`, () => {
    const { read } = values[name as keyof typeof cases];
    for (const [word, value] of words) assertEquals(read(word), value, `${name} ${word}`);
  });
}
