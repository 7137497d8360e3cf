import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { main } from "../../cli.ts";
import { openSafetensors } from "../../src/interop/safetensors_file.ts";
import { createModel, Model } from "../../src/models/mod.ts";
import { flatten, lazyLinear, sequential } from "../../src/nn/mod.ts";
import type { CheckpointInfo } from "../../src/run/checkpoint.ts";
import { RunDirectory } from "../../src/run/run_directory.ts";
import { loadWeights } from "../../src/run/weights.ts";

/** Runs `test` with the directory of a run whose best checkpoint is the model. */
async function withRun(model: Model, test: (run: string) => Promise<void>): Promise<void> {
  const run = await Deno.makeTempDir();
  try {
    const info: CheckpointInfo = {
      format: 1,
      model: { name: model.name, ...model.options },
      task: "multiclass",
      classes: ["a", "b"],
      preprocessing: { imageSize: 32, square: 36, interpolation: "bicubic", mean: [0, 0, 0], std: [1, 1, 1] },
    };
    const directory = new RunDirectory(run);
    await directory.begin({});
    const tensors = model.parameters.map(({ name, shape }) =>
      [name, { shape, values: model.weights.get(name)! }] as const
    );
    await directory.saveCheckpoint("best", new Map(tensors), info);
    await directory.close();
    await test(run);
  } finally {
    await Deno.remove(run, { recursive: true });
  }
}

/** What a command line prints, and its exit code. */
async function command(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const { log, error } = console;
  let [out, err] = ["", ""];
  console.log = (text: string) => out += `${text}\n`;
  console.error = (text: string) => err += `${text}\n`;
  try {
    return { code: await main(args), out, err };
  } finally {
    Object.assign(console, { log, error });
  }
}

Deno.test("export writes what loadWeights() reads back, in either library's names", async () => {
  const model = createModel("resnet18", { classes: 2, imageSize: 32 });
  for (const [k, { name, shape }] of model.parameters.entries()) {
    model.weights.set(name, new Float32Array(shape.reduce((product, size) => product * size, 1)).fill(k));
  }
  await withRun(model, async (run) => {
    for (const keys of ["torchvision", "timm"]) {
      const { code, out, err } = await command("export", run, "--keys", keys);
      assertEquals([code, err], [0, ""]);
      const path = join(run, `resnet18-${keys}.safetensors`);
      assertStringIncludes(out, `122 tensors of resnet18 written to ${path}`);
      const copy = createModel("resnet18", { classes: 2, imageSize: 32 });
      const { loaded, leftOver } = await loadWeights(copy, path);
      assertEquals([loaded.length, leftOver], [model.parameters.length, []]);
      for (const [name, values] of model.weights) assert(copy.weights.get(name)!.every((x) => x === values[0]), name);
      using file = await openSafetensors(path);
      assertEquals(file.entries.get("bn1.num_batches_tracked"), {
        ...{ dtype: "I64", shape: [] },
        offsets: file.entries.get("bn1.num_batches_tracked")!.offsets,
      });
      assertEquals(JSON.parse(file.metadata.classes), ["a", "b"]);
    }
  });
});

Deno.test("export says which model no library has, and writes nothing", async () => {
  const model = createModel("lenet", { classes: 2 });
  model.initialize(1);
  await withRun(model, async (run) => {
    const out = join(run, "x.safetensors");
    const { code, err } = await command("export", run, "--keys", "timm", "--out", out);
    assertEquals(code, 1);
    assertStringIncludes(err, "fovea: Cannot export lenet in timm's names: no library has this model");
    assert(!(await Array.fromAsync(Deno.readDir(run))).some(({ name }) => name === "x.safetensors"));
  });
});

Deno.test("export --keys own writes lenet by its own names, and a model of the user's own with --models", async () => {
  const root = new URL("../../mod.ts", import.meta.url).href;
  const source = `import { flatten, lazyLinear, sequential } from ${JSON.stringify(root)};
const build = ({ classes }) => sequential({ flatten: flatten(), head: lazyLinear(classes) });
export const models = [{ name: "other", build }, { name: "my-net", build }];
export const about = "no model";
`;
  const options = { classes: 2, channels: 3, imageSize: 32, stem: "auto" } as const;
  const own = new Model("my-net", sequential({ flatten: flatten(), head: lazyLinear(2) }), options);
  for (const model of [createModel("lenet", { classes: 2 }), own]) {
    model.initialize(1);
    await withRun(model, async (run) => {
      const file = join(run, "mine.ts");
      await Deno.writeTextFile(file, source);
      const models = model === own ? ["--models", file] : [];
      const { code, out, err } = await command("export", run, "--keys", "own", ...models);
      assertEquals([code, err], [0, ""]);
      assertStringIncludes(out, `${model.parameters.length} tensors of ${model.name} written to`);
      using exported = await openSafetensors(join(run, `${model.name}-own.safetensors`));
      assertEquals([...exported.entries.keys()], model.parameters.map(({ name }) => name));
      assertEquals(JSON.parse(exported.metadata.fovea).classes, ["a", "b"]);
      const picture = new URL("../../fixtures/data/rgb.jpg", import.meta.url).pathname;
      const predicted = await command("predict", run, picture, "--json", ...models);
      assertEquals([predicted.code, predicted.err], [0, ""]);
      assertEquals(Object.keys(JSON.parse(predicted.out).probabilities).sort(), ["a", "b"]);
    });
  }
  const known = createModel("lenet", { classes: 2 });
  known.initialize(1);
  await withRun(known, async (run) => {
    const file = join(run, "mine.ts");
    await Deno.writeTextFile(file, source);
    const { code, err } = await command("export", run, "--models", file);
    assertEquals(code, 2);
    assertStringIncludes(err, "mine.ts: the run is of lenet, and it exports other, my-net");
  });
  await withRun(own, async (run) => {
    const says = async (args: string[], text: string) => {
      const { code, err } = await command("export", run, "--keys", "own", ...args);
      assertEquals(code, 1);
      assertStringIncludes(err, text);
    };
    await says([], "There is no model my-net in Fovea: where it is your own, give its definition with models");
    const empty = join(run, "empty.ts");
    await Deno.writeTextFile(empty, "export const a = 1;");
    await says(["--models", empty], "empty.ts exports no model: export a Model, or an object with name and build");
    await says(["--models", join(run, "none.ts")], "Cannot load ");
  });
});
