import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { planStudy } from "../../src/study/study_file.ts";

const FACES = {
  title: "Faces",
  settings: { data: "faces", epochs: 2 },
  axes: {
    task: { glasses: { target: ["Eyeglasses"] }, hair: { target: ["Black_Hair", "Blond_Hair"], epochs: 3 } },
    model: ["lenet", "vit-b32"],
    pretrained: { yes: { pretrained: { run: { task: "glasses", pretrained: "no" } } }, no: {} },
    seed: [1, 2],
  },
  skip: [{ task: "glasses", pretrained: "yes" }, { model: "vit-b32", seed: 2 }],
};

Deno.test("a study has a run for each combination of its axes, but those that are skipped", () => {
  const { title, axes, runs } = planStudy(FACES, "faces.json", "out");
  assertEquals([title, axes], ["Faces", ["task", "model", "pretrained", "seed"]]);
  assertEquals(runs.map(({ name }) => name), [
    "glasses-lenet-no-1",
    "glasses-lenet-no-2",
    "glasses-vit-b32-no-1",
    "hair-lenet-yes-1",
    "hair-lenet-yes-2",
    "hair-lenet-no-1",
    "hair-lenet-no-2",
    "hair-vit-b32-yes-1",
    "hair-vit-b32-no-1",
  ]);
  const settings = { data: "faces", epochs: 3, target: ["Black_Hair", "Blond_Hair"], model: "lenet" };
  assertEquals(runs[4].settings, { ...settings, pretrained: "out/runs/glasses-lenet-no-2", seed: 2 });
  assertEquals([runs[4].after, runs[5].after], [["glasses-lenet-no-2"], []]);
});

Deno.test("runs come after those that they start from, wherever they stand", () => {
  const axes = { stage: { second: { pretrained: { run: { stage: "first" } } }, first: {} } };
  assertEquals(planStudy({ axes }, "s.json", "out").runs.map(({ name }) => name), ["first", "second"]);
  assertEquals(planStudy({ settings: { epochs: 1 } }, "s.json", "out").runs.map(({ name }) => name), ["run"]);
});

Deno.test("in a text the name of an axis stands for the choice on it", () => {
  const axes = { model: ["resnet18", "vit-b32"], pretrained: { yes: { pretrained: "imagenet:{model}", data: "{x}" } } };
  const { runs } = planStudy({ axes }, "s.json", "out");
  assertEquals(runs.map(({ settings: { pretrained, data } }) => [pretrained, data]), [
    ["imagenet:resnet18", "{x}"],
    ["imagenet:vit-b32", "{x}"],
  ]);
});

Deno.test("the studies that are here have runs, and every setting in them is one", async () => {
  for (const [name, runs] of [["small", 24], ["celeba", 99]] as const) {
    const url = new URL(`../../fixtures/studies/${name}.json`, import.meta.url);
    assertEquals(planStudy(JSON.parse(await Deno.readTextFile(url)), name, "out").runs.length, runs);
  }
});

Deno.test("values of an axis become names of folders", () => {
  const axes = { learningRate: [0.1, 1e-3], target: [["A/B"], ["../c"]] };
  const { runs } = planStudy({ axes }, "s.json", "out");
  assertEquals(runs.map(({ name }) => name), ["0.1-A_B", "0.1-c", "0.001-A_B", "0.001-c"]);
});

const faults: [what: string, study: unknown, message: string][] = [
  ["no object", [], "a study is an object with axes"],
  ["an unknown key", { axis: {} }, "there is no key axis; did you mean axes?"],
  [
    "an unknown setting",
    { settings: { lerningRate: 1 } },
    "run: There is no setting lerningRate; did you mean learningRate?",
  ],
  ["a value of another type", { axes: { epochs: ["two"] } }, 'two: epochs is "two": give a whole number of at least 1'],
  ["a value out of range", { axes: { epochs: [0] } }, "0: epochs is 0: give a whole number of at least 1"],
  [
    "a list of no setting",
    { axes: { modle: ["lenet"] } },
    "the axis modle is a list, and no setting is called so; did you mean model?",
  ],
  ["an empty axis", { axes: { model: [] } }, "the axis model is empty"],
  ["a value twice", { axes: { seed: [1, 1] } }, "the axis seed has a value twice"],
  ["choices without settings", { axes: { task: { a: 1 } } }, "task.a is no object of settings by name"],
  ["a choice that is no folder", { axes: { task: { "../a": {} } } }, "task.../a is a folder's name"],
  [
    "a skipped axis that is not there",
    { axes: { seed: [1] }, skip: [{ sed: 1 }] },
    "skip names the axis sed, which there is not; did you mean seed?",
  ],
  [
    "a skipped choice that is not there",
    { axes: { seed: [1] }, skip: [{ seed: 2 }] },
    "skip.seed is 2, which is no choice",
  ],
  ["all skipped", { axes: { seed: [1] }, skip: [{ seed: 1 }] }, "it has no runs"],
  [
    "a run that is skipped",
    {
      axes: { stage: { a: {}, b: { pretrained: { run: { stage: "a" } } } } },
      skip: [{ stage: "a" }],
    },
    "pretrained of b is the run a, which the study has not",
  ],
  [
    "runs in a circle",
    { axes: { stage: { a: { pretrained: { run: { stage: "b" } } }, b: { pretrained: { run: { stage: "a" } } } } } },
    "the runs a, b start from each other",
  ],
  ["far too many", { axes: { seed: Array.from({ length: 10_001 }, (_, i) => i) } }, "its axes make 10001 runs"],
];

for (const [what, study, message] of faults) {
  Deno.test(`a study is refused for ${what}`, () => {
    assertThrows(() => planStudy(study, "s.json", "out"), UserError, `s.json: ${message}`);
  });
}
