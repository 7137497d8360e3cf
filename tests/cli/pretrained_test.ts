import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { parseCommand } from "../../src/cli/command.ts";
import * as tables from "../../src/cli/flags.ts";
import { loadPretrained, withPretrained } from "../../src/cli/pretrained.ts";
import { UserError } from "../../src/errors.ts";
import { createModel } from "../../src/models/mod.ts";
import type { Given } from "../../src/run/resolve.ts";
import { saveWeights } from "../../src/run/save_weights.ts";
import { publishedKeys, withTensors } from "../interop/published.ts";
import { infoFor, writeRun } from "../run/written_run.ts";

const noop = () => {};

/** The flags that weights may bring along, after they did. */
async function filled(path: string, ...args: string[]) {
  const { options, given } = parseCommand(tables.train, ["--pretrained", path, ...args]);
  const { model, imageSize, stem, resize, interpolation, normalize } = await withPretrained(
    Object.fromEntries([...given].map((name) => [name, options[name]])),
  );
  return { model, imageSize, stem, resize, interpolation, normalize };
}

Deno.test("--pretrained brings model, picture size and preprocessing along", async () => {
  await withTensors(publishedKeys("timm", "vit_tiny_patch16_224"), async (path) => {
    const brought = { model: "vit-ti16", imageSize: 224, stem: "auto", resize: 248, interpolation: "bicubic" } as const;
    const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };
    assertEquals(await filled(path), { ...brought, normalize: half });
    // The same tensors, of another training.
    const { model, normalize } = await filled(path, "--model", "deit-ti");
    assertEquals([model, normalize], ["deit-ti", { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }]);
  });
});

Deno.test("--pretrained leaves what is given by hand", async () => {
  await withTensors(publishedKeys("torchvision", "resnet18"), async (path) => {
    const given = ["--image-size", "32", "--resize", "40", "--interpolation", "bicubic", "--normalize", "half"];
    assertEquals(await filled(path, ...given, "--stem", "small"), {
      ...{ model: "resnet18", imageSize: 32, stem: "small", resize: 40, interpolation: "bicubic", normalize: "half" },
    });
    // Weights of a 7×7 convolution need it, however small the pictures.
    const { stem, resize } = await filled(path, "--image-size", "32");
    assertEquals([stem, resize], ["imagenet", 36]);
  });
});

Deno.test("--pretrained refuses weights of another model at once, before there are data", async () => {
  await withTensors(publishedKeys("torchvision", "resnet18"), async (path) => {
    const looksLike = "Cannot load " + path + " into resnet50: it looks like resnet18 in torchvision's names";
    await assertRejects(() => filled(path, "--model", "resnet50"), UserError, looksLike);
    const load = () => loadPretrained(createModel("resnet50", { classes: 2 }), path, false, () => {});
    await assertRejects(load, UserError, looksLike);
  });
  const shapes = publishedKeys("torchvision", "resnet50").set("layer1.0.se.fc1.weight", [16, 256, 1, 1]);
  await withTensors(shapes, async (path) => {
    const message = "an SE-ResNet of another size (seresnet), which is not known here; " +
      "the nearest model is resnet50: its layer1.0.se.fc1.weight has no place";
    await assertRejects(() => filled(path), UserError, message);
    await assertRejects(() => filled(path, "--model", "resnet50"), UserError, "which is not known here");
  });
});

Deno.test("--pretrained brings the width of a run along, and refuses weights of another width in one line", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const trained = createModel("resnet18", { classes: 2, imageSize: 40, width: 0.25 });
    const run = await writeRun(folder, trained);
    const settled = async (path: string, given: Given = {}) => (await withPretrained({ pretrained: path, ...given }));
    assertEquals((await settled(run)).width, 0.25);
    assertEquals((await settled(run, { width: 0.25 })).width, 0.25);
    // It rounds to the same channels.
    assertEquals((await settled(run, { width: 0.251 })).width, 0.251);
    const asked = [
      [run, 0.5, `${run} into resnet18: it is of width 0.25, and width is 0.5: its conv1.weight is [16, 3, 3, 3]`],
      [run, 1, "it is of width 0.25, and width is 1: its conv1.weight is [16, 3, 3, 3], and [64, 3, 3, 3] is needed"],
    ] as const;
    for (const [path, width, says] of asked) {
      await assertRejects(() => settled(path, { width }), UserError, says);
      const load = () =>
        loadPretrained(createModel("resnet18", { classes: 3, imageSize: 40, width }), path, false, noop);
      await assertRejects(load, UserError, says);
    }
    await withTensors(publishedKeys("torchvision", "resnet18"), async (path) => {
      const error = await assertRejects(() => settled(path, { width: 0.25 }), UserError);
      assertEquals(
        error.message,
        `Cannot load ${path} into resnet18: it is of width 1, and width is 0.25: ` +
          "its conv1.weight is [64, 3, 7, 7], and [16, 3, 7, 7] is needed",
      );
    });
    // What says nothing of itself is taken by a model of its width, and by no other.
    const bare = join(folder, "bare.safetensors");
    await saveWeights(trained, bare);
    const made = { model: "resnet18", imageSize: 40, stem: "small" } as const;
    assertEquals((await settled(bare, { ...made, width: 0.25 })).width, 0.25);
    await assertRejects(() => settled(bare, made), UserError, "its conv1.weight is [16, 3, 3, 3], and [64, 3, 3, 3]");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("--pretrained counts what became of the weights, and names it with --verbose", async () => {
  const shapes = publishedKeys("timm", "vit_tiny_patch16_224").set("teapot", [2]);
  await withTensors(shapes, async (path) => {
    const lines: string[] = [];
    const model = createModel("vit-ti16", { classes: 2, imageSize: 32 });
    await loadPretrained(model, path, true, (line) => lines.push(line));
    assertEquals(
      lines[0],
      `weights ${path}, timm's names: 149 tensors loaded, 2 made fresh, 1 interpolated, 1 left over`,
    );
    assertEquals(lines.slice(2), [
      "  made fresh: heads.head.weight, heads.head.bias",
      "  interpolated: encoder.pos_embedding",
      "  left over: teapot",
    ]);
    await loadPretrained(model, path, false, (line) => lines.push(line));
    assertEquals(lines.length, 6);
  });
});

Deno.test("--pretrained takes a run, and what was exported of it, with model, sizes and preprocessing", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const trained = createModel("resnet18", { classes: 2, imageSize: 40 });
    const run = await writeRun(folder, trained);
    const file = join(folder, "exported.safetensors");
    await saveWeights(trained, file, { keys: "timm", about: infoFor(trained) });
    const { mean, std } = infoFor(trained).preprocessing;
    for (const path of [run, file]) {
      assertEquals(await filled(path), {
        ...{ model: "resnet18", imageSize: 40, stem: "small", resize: 44, interpolation: "bicubic" },
        normalize: { mean, std },
      });
      const { stem, resize } = await filled(path, "--image-size", "80");
      assertEquals([stem, resize], ["small", 88], "its first layer stays");
      const lines: string[] = [];
      const model = createModel("resnet18", { classes: 2, imageSize: 40 });
      await loadPretrained(model, path, false, (line) => lines.push(line));
      assertEquals(model.weights, trained.weights);
    }
    await Deno.remove(join(run, "config.json"));
    await assertRejects(() => filled(run), UserError, "is not a run directory");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
