import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { Loader } from "../../src/data/batches/loader.ts";
import type { Dataset } from "../../src/data/dataset.ts";
import { confidentMistakes, worstPictures } from "../../src/run/worst.ts";

/** A data set of as many pictures as there are rows of targets. */
function dataOf(task: Dataset["task"], classes: readonly string[], rows: number): Dataset {
  const samples = Array.from({ length: rows }, (_, i) => ({ file: `${i}.png`, label: [] }));
  return { task, classes, samples, size: rows } as unknown as Dataset;
}

/** A loader of two grey pictures a batch, each of whose pixels is its number and its column. */
const loaderOf = (side: number): Loader => ({
  batch: 2,
  batchAt: (_epoch: number, step: number) =>
    Promise.resolve({
      images: Float32Array.from({ length: 2 * side * side }, (_, i) => {
        const picture = 2 * step + Math.floor(i / (side * side));
        return picture + (i % side) / 10;
      }),
    }),
} as unknown as Loader);

const preprocessing = (imageSize: number) => ({ imageSize, mean: [0.1], std: [0.1] });
const ce = (logit: number, target: number) => Math.log1p(Math.exp(target ? -logit : logit));

Deno.test("worstPictures() of a yes or no names both sides, and takes equal losses in their order", async () => {
  const predictions = { logits: new Float32Array([1, -3, 2, -3]), targets: new Float32Array([1, 1, 0, 1]) };
  const [first, second, third] = await worstPictures(
    { data: dataOf("binary", ["Hat"], 4), loader: loaderOf(2), preprocessing: preprocessing(2), predictions },
    3,
  );
  assertEquals([first, second, third].map(({ file, label, predicted }) => [file, label, predicted]), [
    ["1.png", "Hat", "not Hat"],
    ["3.png", "Hat", "not Hat"],
    ["2.png", "not Hat", "Hat"],
  ]);
  assertAlmostEquals(first.loss, ce(-3, 1), 1e-6);
  assertAlmostEquals(third.probability, 1 / (1 + Math.exp(-2)), 1e-6);
  // 255 · (0.1 · value + 0.1), grey as RGB.
  assertEquals([...first.pixels.rgb], [51, 51, 51, 54, 54, 54, 51, 51, 51, 54, 54, 54]);
  assertEquals([...third.pixels.rgb].slice(0, 3), [77, 77, 77]);
});

Deno.test("worstPictures() of labels names those that hold, and the probability of the one that is most wrong", async () => {
  const predictions = {
    logits: new Float32Array([2, -1, 1, /**/ -4, 3, -1]),
    targets: new Float32Array([1, 0, 1, /**/ 1, 0, 0]),
  };
  const [first, second] = await worstPictures(
    {
      data: dataOf("multilabel", ["a", "b", "c"], 2),
      loader: loaderOf(1),
      preprocessing: preprocessing(1),
      predictions,
    },
    9,
  );
  assertEquals([first.file, first.label, first.predicted], ["1.png", "a", "b"]);
  assertAlmostEquals(first.probability, 1 / (1 + Math.exp(-4)), 1e-6);
  assertAlmostEquals(first.loss, (ce(-4, 1) + ce(3, 0) + ce(-1, 0)) / 3, 1e-6);
  assertEquals([second.label, second.predicted], ["a, c", "a, c"]);
});

Deno.test("worstPictures() makes large pictures small by the mean of their pixels", async () => {
  const predictions = { logits: new Float32Array([1]), targets: new Float32Array([0]) };
  const [{ pixels }] = await worstPictures(
    { data: dataOf("binary", ["Hat"], 1), loader: loaderOf(260), preprocessing: preprocessing(260), predictions },
    1,
  );
  assertEquals([pixels.width, pixels.height], [86, 86]);
  // Columns 3 to 5: 0.3, 0.4 and 0.5.
  assertEquals(pixels.rgb[3], Math.round(255 * (0.1 * 0.4 + 0.1)));
});

Deno.test("confidentMistakes() gives wrong answers alone, the most probable first", async () => {
  const predictions = {
    logits: new Float32Array([3, 0, 0, /**/ 0, 2, 0, /**/ 0, 5, 0, /**/ 0, 0, 1, /**/ 0, 2, 0]),
    targets: new Float32Array([1, 0, 0, /**/ 1, 0, 0, /**/ 0, 0, 1, /**/ 0, 1, 0, /**/ 1, 0, 0]),
  };
  const data = dataOf("multiclass", ["a", "b", "c"], 5);
  const validated = { data, loader: loaderOf(1), preprocessing: preprocessing(1), predictions };
  const mistakes = await confidentMistakes(validated, 3);
  assertEquals(mistakes.map(({ file, label, predicted }) => [file, label, predicted]), [
    ["2.png", "c", "b"],
    ["1.png", "a", "b"],
    ["4.png", "a", "b"],
  ]);
  assertEquals((await confidentMistakes(validated, 9)).length, 4);
});
