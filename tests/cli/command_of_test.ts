import { assertEquals } from "@std/assert";
import { commandOf } from "../../src/cli/command_of.ts";
import { parseCommand } from "../../src/cli/command.ts";
import { train } from "../../src/cli/flags.ts";
import { type Given, resolveSettings } from "../../src/run/resolve.ts";

/** A setting other than it would be, and the words that say so. */
const cases: readonly (readonly [Given, string])[] = [
  [{}, ""],
  [{ epochs: 7, learningRate: 1e-7 }, "--epochs 7 --lr 1e-7"],
  [{ stratify: false, skipBroken: true }, "--skip-broken --no-stratify"],
  [{ split: [6, 2, 2] }, "--split 6:2:2"],
  [{ target: ["a,b", "it's", "-1"] }, "'--target=a\\,b,it'\\''s,-1'"],
  [{ freeze: ["conv1", "layer[1-3].*"] }, "--freeze conv1 'layer[1-3].*'"],
  [{ learningRateScale: { "classifier.*": 10 } }, "--lr-scale 'classifier.*=10'"],
  [{ normalize: "imagenet" }, "--normalize imagenet"],
  [
    { normalize: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } },
    "--normalize 0.485,0.456,0.406:0.229,0.224,0.225",
  ],
  [{ range: [0, 4095] }, "--range 0:4095"],
  [{ classWeights: [1, 2, 0.5] }, "--class-weights 1,2,0.5"],
  [{ skipNonFinite: 3 }, "--on-nan skip:3"],
  [{ memory: 6 * 2 ** 30, batch: "auto" }, "--batch auto --memory 6442450944"],
];

/** A command's words as a shell takes them apart. */
const split = (line: string): string[] =>
  [...line.matchAll(/(?:'[^']*'|\\.|[^\s'\\])+/g)].map(([word]) =>
    word.replaceAll(/'([^']*)'|\\(.)/g, (_, text, one) => text ?? one)
  );

Deno.test("commandOf() writes what parses to the same settings", () => {
  const data = { kind: "folder", task: "multiclass", hasOwnSplit: false } as const;
  for (const [given, words] of cases) {
    const settings = resolveSettings({ task: "multiclass", data: "/d", ...given }, data);
    const command = commandOf(settings, data);
    assertEquals(command, `deno task train --data /d ${words}`.trimEnd());
    const { options } = parseCommand(train, split(command).slice(3));
    assertEquals(resolveSettings({ ...options } as Given, data), settings);
  }
});
