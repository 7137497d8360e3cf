/**
 * What `explain` writes: maps of pictures, filters, an embedding, mistakes in the report; and what it refuses. Of
 * `predict`, the class maps.
 */

import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { writeAtomic } from "../../src/files.ts";
import { pngOf } from "../../src/report/png.ts";
import { createModel } from "../../src/models/mod.ts";
import { encodeAnswers } from "../../src/run/record.ts";
import { testOf } from "../../src/run/test_folder.ts";
import { writeRun } from "../run/written_run.ts";
import { decodePng } from "../../src/data/pictures/png.ts";
import { classFolders, noisePng, write } from "../data/sets.ts";
import { type Ended, fovea, lastLine, spawned } from "./command.ts";

const cache = await Deno.makeTempDir();
const at = (name: string) => join(cache, name);
const data = at("data");
let run = "";
const explain = (...words: string[]) => fovea(["explain", run, ...words, "--backend", "wasm"], cache);

const ok = ({ code, stdout, stderr }: Ended): string => {
  assertEquals(code, 0, stderr);
  return stdout;
};

Deno.test("a run for these tests is written", async () => {
  await write(data, classFolders({ a: 20, b: 20 }));
  const [classes, task] = [["a", "b"], "multiclass"] as const;
  const model = createModel("naive-cnn", { classes: 2, imageSize: 16, width: 0.25 });
  const config = { task, model: { name: "naive-cnn" }, classes, settings: { task, data, model: "naive-cnn" } };
  run = await writeRun(cache, model, { classes, config });
  ok(await fovea(["data", "split", data, "--split", "2:1:1", "--out", join(run, "split.csv")], cache));
  // Of the ten pictures of the test every one is said to be a.
  const files = (await Deno.readTextFile(join(run, "split.csv"))).split("\n").filter((row) => row.endsWith("test"))
    .map((row) => row.split(",")[0]);
  const targets = Float32Array.from(files.flatMap((file) => file.startsWith("a/") ? [1, 0] : [0, 1]));
  const predictions = { logits: targets.map((_, i) => i % 2 ? 0 : 1 + i / 100), targets };
  const report = testOf("multiclass", predictions, classes, { resamples: 0 });
  await Deno.mkdir(join(run, "test"));
  await Deno.writeTextFile(join(run, "test/metrics.json"), JSON.stringify(report));
  await writeAtomic(join(run, "test/answers.safetensors"), encodeAnswers(predictions, files));
});

Deno.test("explain writes a picture, a raw map and what is known of each picture, and a sheet", async () => {
  const said = ok(
    await explain(join(data, "a/000.png"), join(data, "b/000.png"), "--out", at("o"), "--npy", "--json", "--curves"),
  );
  assertMatch(said, /^.*a\/000\.png {2}[ab] 0\.\d{3}, grad-cam at block3: .*o\/a_000\.grad-cam\.png$/m);
  assertMatch(said, /^deletion, random map( +\d\.\d{3}){11} +\d\.\d{4}$/m);
  const names = (await Array.fromAsync(Deno.readDir(at("o")))).map(({ name }) => name).sort();
  const each = (name: string) => ["json", "npy", "png"].map((end) => `${name}.grad-cam.${end}`);
  assertEquals(names, [...each("a_000"), ...each("b_000"), "sheet.grad-cam.png"]);
  const told = JSON.parse(await Deno.readTextFile(at("o/a_000.grad-cam.json")));
  assertEquals([told.method, told.layer, told.shape, told.pictureSide], ["grad-cam", "block3", [2, 2], 16]);
  const npy = await Deno.readFile(at("o/a_000.grad-cam.npy"));
  assertEquals(npy.length, 128 + 16);
  assertStringIncludes(
    new TextDecoder("latin1").decode(npy.subarray(0, 128)),
    "NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }",
  );
  assertEquals([...new Float32Array(npy.slice(128).buffer)], told.map.flat());
  const picture = decodePng(await Deno.readFile(at("o/a_000.grad-cam.png")));
  assert(picture.width > 450 && picture.height > 224);
});

/** Shape and values of a `.npy` file. */
function arrayIn(bytes: Uint8Array<ArrayBuffer>): { shape: number[]; values: Float32Array } {
  const start = 10 + bytes[8] + 256 * bytes[9];
  const [, shape] = /'shape': \((.*?)\)/.exec(new TextDecoder().decode(bytes.subarray(10, start)))!;
  return { shape: shape.split(",").map(Number), values: new Float32Array(bytes.slice(start).buffer) };
}

Deno.test("predict --dense says of each place of larger pictures what it is", async () => {
  const classes = ["a", "b", "c"];
  const model = createModel("naive-cnn", { classes: 3, imageSize: 16, width: 0.25, head: "fcn" });
  const dense = await writeRun(cache, model, { classes, config: { task: "multiclass", classes } });
  // A picture of one colour is the same whatever it is resized to and cut from.
  const sizes = { "a/one": [16, 16], "b/one": [40, 24] };
  const one = pngOf({ width: 16, height: 16, rgb: new Uint8Array(3 * 16 * 16).fill(200) });
  await write(at("new"), { "a/one.png": one, "b/one.png": noisePng(1, 40, 24) });
  const words = ["predict", dense, at("new"), "--dense", at("maps"), "--npy", "--json", "--backend", "wasm"];
  const said = await fovea(words, cache);
  assertMatch(said.stderr, /^2 class maps written to .*maps$/m);
  const names = (await Array.fromAsync(Deno.readDir(at("maps")))).map(({ name }) => name).sort();
  assertEquals(names, ["a_one.npy", "a_one.png", "b_one.npy", "b_one.png"]);
  // Windows of 16 pixels by steps of 8. Both panels of a drawing are 480 wide, and a name in the key takes 24.
  for (const [name, file, places] of [["a/one", "a_one", [1, 1]], ["b/one", "b_one", [2, 4]]] as const) {
    assertEquals(arrayIn(await Deno.readFile(at(`maps/${file}.npy`))).shape, [3, ...places]);
    const { width, height } = decodePng(await Deno.readFile(at(`maps/${file}.png`)));
    const scale = width / 1032;
    const named = (height / scale - 120 - 480 * sizes[name][1] / sizes[name][0]) / 24;
    assert(Number.isInteger(scale) && [1, 2, 3].includes(named), `${name}: ${width} × ${height}, ${named} names`);
  }
  // One place is the whole picture: its logits are the prediction's.
  const exps = Array.from(arrayIn(await Deno.readFile(at("maps/a_one.npy"))).values, Math.exp);
  const [{ probabilities }] = ok(said).trim().split("\n").map((line) => JSON.parse(line));
  classes.forEach((name, k) =>
    assertAlmostEquals(probabilities[name], exps[k] / exps.reduce((sum, exp) => sum + exp), 1e-5)
  );
  const idle = await fovea(["predict", dense, at("new/a/one.png"), "--npy"], cache);
  assertEquals(idle.code, 2);
  assertMatch(idle.stderr, /^fovea: Cannot use --npy: it would change nothing without --dense.*\n$/);
});

Deno.test("explain draws filters, patches and an embedding", async () => {
  const said = ok(await explain("--filters", "--layer", "block2", "--channels", "3", "--out", at("f")));
  assertMatch(
    said,
    /8 filters of block1\.conv: .*filters\.png\npatches of 3 channels of block2: .*patches\.block2\.png/,
  );
  assertEquals((await Array.fromAsync(Deno.readDir(at("f")))).length, 2);
  ok(await explain("--embedding", "--split", "all", "--count", "12", "--out", at("e")));
  const page = await Deno.readTextFile(at("e/embedding.html"));
  assertEquals(page.match(/<g data-i=/g)?.length, 12);
  const facts = JSON.parse(/id="facts">(.*?)<\/script>/s.exec(page)![1]);
  assertEquals([facts.classes, facts.pictures.length], [["a", "b"], 12]);
  assertMatch(page, /default-src &#39;none&#39;; img-src data:;/);
});

Deno.test("explain puts the test's mistakes into the report", async () => {
  assertMatch(ok(await explain("--mistakes")), /5 mistakes explained by grad-cam: .*report\.html/);
  assertStringIncludes(await Deno.readTextFile(join(run, "report.html")), "What led to them");
});

Deno.test("explain says in one line that a picture is not there, with the permissions of its task", async () => {
  const { code, stderr } = await spawned(["explain", run, at("*.nothing"), "--backend", "wasm"], cache);
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
  assert(code !== 0);
  assertStringIncludes(stderr, "give files, folders or patterns");
  const missing = await spawned(["explain", run, at("nothing.jpg"), "--backend", "wasm"], cache);
  assertMatch(missing.stderr, /^fovea: There is no picture .*nothing\.jpg;/);
});

const refused: readonly [words: readonly string[], message: RegExp][] = [
  [[], /explain needs pictures and got none: give IMAGE…, --filters, --embedding or --mistakes/],
  [["x.png", "--mistakes"], /Cannot use --mistakes with pictures: give one or the other/],
  [["--filters", "--mistakes"], /Cannot use --filters and --mistakes together: give one/],
  [["--embedding", "--npy"], /Cannot use --npy: it would change nothing here; it acts on explaining pictures/],
  [["x.png", "--steps", "3"], /Cannot use --steps: .* grad-cam does not use it; integrated-gradients does/],
  [["x.png", "--method", "rollout"], /Cannot explain naive-cnn by rollout, since it has no attention: give grad-cam, /],
  [["x.png", "--method", "grad-cm"], /Cannot use --method grad-cm: give grad-cam, .*; did you mean grad-cam\?/],
  [["x.png", "--method", "occlusion", "--window", "17"], /Cannot hide 17×17 pixels of 16×16: give --window 16 or less/],
  [["x.png", "--layer", "blok2"], /naive-cnn has no map from a layer blok2; did you mean block2\?/],
  [["x.png", "--class", "c"], /The model knows no class c; give a or b|did you mean/],
  [["--filters", "--split", "val"], /Cannot use --split: the first layer's filters need no data; give --layer/],
];
for (const [words, message] of refused) {
  Deno.test(`explain refuses ${words.join(" ") || "nothing"} in one line, before a picture is read`, async () => {
    const ended = await explain(...words);
    assertEquals(ended.code, 2, ended.stderr);
    assertMatch(lastLine(ended), message);
    assertEquals(ended.stderr.trim().split("\n").length, 1, ended.stderr);
  });
}

Deno.test("cleaning up", () => Deno.remove(cache, { recursive: true }));
