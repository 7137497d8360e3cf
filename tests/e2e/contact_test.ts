/**
 * The first contact with a folder as people have it: parts without a test part, equal pictures, another set to test on,
 * a run that is to go on for longer.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { classFolders, write } from "../data/sets.ts";
import { end, type Ended, fovea, lastLine, start } from "./command.ts";

const cache = await Deno.makeTempDir();
const backend = "wasm";
const at = (name: string) => join(cache, name);
const train = ["train", "--image-size", "32", "--model", "lenet", "--backend", backend];
const run = at("run");

await write(at("parts"), {
  ...Object.fromEntries(["a", "b", "c"].flatMap((name, c) => [
    ...Array.from({ length: 10 }, (_, i) => [`train/${name}/${i}.png`, 100 * c + i] as const),
    ...Array.from({ length: 3 }, (_, i) => [`val/${name}/${i}.png`, 100 * c + 50 + i] as const),
  ])),
});
await write(at("other"), { ...classFolders({ b: 4, unknown: 2 }), "c/notes.txt": "none yet" });
await write(at("own"), {
  ...Object.fromEntries(
    ["train", "test"].flatMap((part, p) =>
      ["a", "b"].flatMap((name, c) => [1, 2, 3].map((i) => [`${part}/${name}/${i}.png`, 900 + 20 * p + 10 * c + i]))
    ),
  ),
});
await write(at("mixed"), {
  ...classFolders({ a: 9, b: 9, c: 2 }),
  ...{ "a/x.png": 1, "a/y.png": 1, "b/wrong.png": 2, "b/broken.png": "<html>" },
});
await write(at("two"), { ...classFolders({ a: 9, b: 9 }), "b/wrong.png": 1 });
await write(at("small"), classFolders({ a: 6, b: 6, c: 2 }));

const ok = (ended: Ended): string => {
  assertEquals(ended.code, 0, ended.stderr);
  return ended.stderr;
};

Deno.test("train carves a test part, keeps what is asked, and says how long it takes", async () => {
  const flags = ["--data", at("parts"), "--epochs", "3", "--schedule", "constant", "--keep", "1", "--log-every", "1"];
  const said = ok(await fovea([...train, ...flags, "--out", run], cache));
  assertStringIncludes(said, "split  train 21, val 9, test 9");
  assertStringIncludes(
    said,
    "note   The data have no test part: 9 pictures of train taken at random, as many as val has, seed 1",
  );
  assertMatch(said, /step 2 .* images\/s .*\d+:\d\d, \d+:\d\d left/);
  const kept = (await Array.fromAsync(Deno.readDir(join(run, "checkpoints")))).map(({ name }) => name);
  assertEquals(kept.filter((name) => name.startsWith("epoch")).length, 1);
});

Deno.test("train --resume --epochs goes on as a run that was longer from its start", async () => {
  const longer = at("longer");
  const flags = ["--data", at("parts"), "--schedule", "constant"];
  ok(await fovea([...train, ...flags, "--epochs", "5", "--out", longer], cache));
  ok(await fovea(["train", "--resume", run, "--epochs", "5", "--keep", "3", "--backend", backend], cache));
  const [a, b] = await Promise.all([run, longer].map((path) => tensors(join(path, "checkpoints/last.safetensors"))));
  assertEquals(a, b);
  assertEquals(JSON.parse(await Deno.readTextFile(join(run, "config.json"))).settings.epochs, 5);
  const fewer = await fovea(["train", "--resume", run, "--epochs", "4", "--backend", backend], cache);
  assertMatch(lastLine(fewer), /5 are done; give --epochs 5 or more/);
});

/** What is behind the header. */
async function tensors(path: string): Promise<string> {
  const bytes = await Deno.readFile(path);
  const from = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.slice(from))).toHex();
}

Deno.test("eval finds classes by name, leaves unknown ones out where asked, and obeys own parts", async () => {
  const evaluate = (...args: string[]) => fovea(["eval", run, ...args, "--backend", backend, "--out", at("o")], cache);
  const refused = await evaluate("--data", at("other"));
  assertEquals(refused.code, 1);
  assertMatch(lastLine(refused), /The data have unknown \(2\).*--ignore-unknown/);
  const told = await evaluate("--data", at("other"), "--ignore-unknown");
  const said = ok(told);
  assertMatch(said, /^run .*lenet, checkpoint best of epoch \d, validation accuracy/m);
  assertMatch(said, /^data .*other, all of it: 4 pictures; a 0, b 4, c 0$/m);
  assertStringIncludes(said, "note   2 pictures of unknown classes left out: unknown (2)");
  assertStringIncludes(told.stdout, "recall of a: no sample is a");
  assertMatch(ok(await evaluate("--data", at("own"))), /^data .*own, test part: 6 pictures/m);
  assertMatch(ok(await evaluate("--data", at("own"), "--split", "train")), /^data .*own, train part: 6 pictures/m);
  assertMatch(
    lastLine(await evaluate("--data", at("own"), "--split", "val")),
    /no val part, its parts are test and train/,
  );
  assertMatch(lastLine(await evaluate("--data", at("two"), "--split", "val")), /Cannot use --split val: .* no parts/);
  const missing = await fovea(["eval", at("runn")], cache);
  assertMatch(lastLine(missing), /There is no folder .*runn; did you mean .*run\?/);
});

Deno.test("predict reads a list from standard input and writes a file", async () => {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "cli.ts", "predict", run, "-", "--out", at("p.csv"), "--backend", backend],
    cwd: new URL("../../", import.meta.url),
    env: { INIT_CWD: at("other"), FOVEA_CACHE: cache, NO_COLOR: "1" },
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const writer = command.stdin.getWriter();
  await writer.write(new TextEncoder().encode("b/000.png\r\nb/none.png\nb/001.png\n"));
  await writer.close();
  const { code, stderr, stdout } = await end(command);
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /none\.png cannot be read/);
  const [header, ...rows] = (await Deno.readTextFile(at("p.csv"))).trim().split("\n");
  assertEquals([header.trim(), rows.length], ["file,a,b,c", 2]);
  const onto = await fovea(["predict", run, at("p.csv"), "--out", at("p.csv")], cache);
  assertEquals(onto.code, 2);
});

const refusedAtOnce: readonly [what: string, args: readonly string[], says: RegExp][] = [
  ["one picture under two labels", ["--data", at("two")], /1 picture under more than one label: a\/000.*--skip-broken/],
  ["a class that is too small", ["--data", at("small")], /class c has 2 of the 3 .*--skip-small-classes/],
  ["an occupied --out", ["--data", at("mixed"), "--out", at("two")], /two: it is not empty; give another --out/],
  [
    "a teacher that is not there",
    ["--data", at("two"), "--teacher", at("rum")],
    /no file or run .* did you mean .*run\?/,
  ],
  ["an empty test part", ["--data", at("two"), "--split", "8:2:0"], /the test part would be empty.*--test-on val/],
  ["class weights of the wrong number", ["--data", at("two"), "--class-weights", "1,2,3"], /3 weights for 2: .* a, b/],
  [
    "a batch above the split",
    ["--data", at("two"), "--batch", "18"],
    /training split has 15 pictures; give 15 or less/,
  ],
  ["a learning rate below 0", ["--data", at("two"), "--lr", "-1"], /Cannot use --lr -1: give a number of at least 0/],
  [
    "a fall of the rate after the run's end",
    ["--data", at("two"), "--schedule", "step", "--step-size", "5", "--epochs", "5"],
    /Cannot use --step-size 5: the rate would first fall after 5 epochs, and the run has 5; give a smaller --step-size/,
  ],
  [
    "a validation after the run's end",
    ["--data", at("parts"), "--val-every", "2"],
    /Cannot use --val-every 2: the run has 1 step; give less, or leave it out to validate after each epoch/,
  ],
  [
    "a save after the run's end",
    ["--data", at("parts"), "--save-every", "2"],
    /Cannot use --save-every 2: the run has 1 step; give less, or leave it out to save after each epoch/,
  ],
  [
    "--no-stratify of own parts",
    ["--data", at("parts"), "--test-on", "val", "--no-stratify"],
    /Cannot use --no-stratify/,
  ],
];
for (const [what, args, says] of refusedAtOnce) {
  Deno.test(`train refuses ${what} in one line`, async () => {
    // The case's own flags take the place of these.
    const usual = [["--epochs", "1"], ["--out", at("none")]].filter(([flag]) => !args.includes(flag)).flat();
    const refused = await fovea([...train, ...usual, ...args], cache);
    assert(refused.code === 1 || refused.code === 2, refused.stderr);
    assertMatch(lastLine(refused), says);
  });
}

Deno.test("train goes on where it is told what to leave out; equal pictures stay in one part", async () => {
  const flags = ["--epochs", "1", "--data", at("mixed"), "--skip-broken", "--skip-small-classes", "--out", at("r1")];
  const said = ok(await fovea([...train, ...flags], cache));
  for (
    const note of [
      "1 broken picture left out: b/broken.png is no picture but an HTML page",
      "2 pictures under two labels left out: a/001.png = b/wrong.png",
      "1 class with too few pictures left out: c (2)",
      "2 pictures there again, each in the part of its like: a/000.png = a/x.png = a/y.png",
    ]
  ) assertStringIncludes(said, `note   ${note}`);
  assertMatch(
    ok(await fovea(["eval", at("r1"), "--split", "val", "--backend", backend], cache)),
    /val part: \d pictures; a/,
  );
});

Deno.test("train tests on val where it is told to, and says that val has chosen the best epoch", async () => {
  const run = at("r2");
  const val = await fovea([...train, "--epochs", "1", "--data", at("parts"), "--test-on", "val", "--out", run], cache);
  assertStringIncludes(ok(val), "split  train 30, val 9, which chooses the best epoch and is tested on, too");
  assertStringIncludes(val.stdout, "tested on val, which has chosen the best epoch");
  assertEquals(JSON.parse(await Deno.readTextFile(join(run, "test/metrics.json"))).testedOn, "val");
});

const noAdapter = { DENO_WEBGPU_BACKEND: "noop" };

Deno.test("train takes WebAssembly where there is no adapter, and says why", async () => {
  const child = start(
    [...train.slice(0, -2), "--epochs", "1", "--data", at("own"), "--out", at("r5")],
    cache,
    noAdapter,
  );
  assertMatch((await end(child)).stderr, /^device WebAssembly: the processor \(.+\); there is no WebGPU adapter$/m);
});

Deno.test("train says how long gpu.js will take before it is fetched", async () => {
  const asked = [...train.slice(0, -2), "--epochs", "1", "--data", at("own"), "--out", at("r6"), "--backend", "gpujs"];
  const said = (await end(start(asked, cache, noAdapter))).stderr;
  const places = ["gpu.js will take about", "device gpu.js (127 MB"].map((text) => said.indexOf(text));
  assert(places.every((place, i) => place > (places[i - 1] ?? -1)), said);
});

Deno.test("cleaning up", () => Deno.remove(cache, { recursive: true }));
