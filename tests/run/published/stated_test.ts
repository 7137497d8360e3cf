/**
 * What is known of weights by their name becomes settings of a run. The cache folder is the environment's, so a process
 * of its own is asked.
 */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { placeOf, weightsNamed } from "../../../src/run/published/names.ts";
import { inFolder } from "../../data/sets.ts";
import { end } from "../../e2e/command.ts";
import { publishedKeys, withTensors } from "../../interop/published.ts";

const root = new URL("../../../", import.meta.url);

/** What `--pretrained` brings along, and what `openModel` says, by name. */
async function brought(cache: string, names: readonly string[]): Promise<Record<string, unknown>> {
  const script = `
    import { withPretrained } from "${new URL("src/cli/pretrained.ts", root)}";
    import { openModel } from "${new URL("mod.ts", root)}";
    const found = {};
    for (const pretrained of ${JSON.stringify(names)}) {
      const { model, imageSize, resize, interpolation, normalize } = await withPretrained({ pretrained });
      const { preprocessing } = await openModel(pretrained);
      const opened = [preprocessing.imageSize, preprocessing.square, preprocessing.mean[0]];
      found[pretrained] = [model, imageSize, resize ?? null, interpolation, normalize.mean[0], ...opened];
    }
    console.log(JSON.stringify(found));`;
  const file = join(cache, "ask.ts");
  await Deno.writeTextFile(file, script);
  const { stdout, stderr, code } = await end(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", "--config", new URL("deno.json", root).pathname, file],
      env: { FOVEA_CACHE: cache, NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test("a name brings model, size and preprocessing of just these weights; a repository, what its files say", () =>
  withTensors(publishedKeys("timm", "vit_tiny_patch16_224"), (path) =>
    inFolder(async (cache) => {
      const put = async (name: string, files: Record<string, unknown> = {}) => {
        const { folder, files: [file] } = placeOf(weightsNamed(name), cache);
        await Deno.mkdir(folder, { recursive: true });
        await Deno.symlink(path, join(folder, file));
        for (const [config, value] of Object.entries(files)) {
          await Deno.writeTextFile(join(folder, config), JSON.stringify(value));
        }
        return name;
      };
      const half = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
      const own = { mean: [0.1, 0.2, 0.3], std: [1, 1, 1] };
      const names = [
        await put("timm:vit_tiny_patch16_224.augreg_in21k_ft_in1k"),
        await put("timm:deit_tiny_patch16_224.fb_in1k"),
        await put("hf:a/timm", {
          "config.json": {
            pretrained_cfg: { input_size: [3, 224, 224], crop_pct: 1, interpolation: "bilinear", ...own },
          },
        }),
        await put("hf:a/transformers", { "preprocessor_config.json": { size: { height: 224, width: 224 }, ...half } }),
        await put("hf:a/cropped", {
          "preprocessor_config.json": { size: 256, crop_size: 224, do_center_crop: true, resample: 3, ...half },
        }),
        await put("hf:a/silent"),
        await put("hf:a/nearest", { "preprocessor_config.json": { size: 224, resample: 0, ...half } }),
      ];
      assertEquals(await brought(cache, names), {
        "timm:vit_tiny_patch16_224.augreg_in21k_ft_in1k": ["vit-ti16", 224, 248, "bicubic", 0.5, 224, 248, 0.5],
        // The same tensors, of another training.
        "timm:deit_tiny_patch16_224.fb_in1k": ["deit-ti", 224, 248, "bicubic", 0.485, 224, 248, 0.485],
        "hf:a/timm": ["vit-ti16", 224, null, "bilinear", 0.1, 224, 224, 0.1],
        "hf:a/transformers": ["vit-ti16", 224, null, "bilinear", 0.5, 224, 224, 0.5],
        "hf:a/cropped": ["vit-ti16", 224, 256, "bicubic", 0.5, 224, 256, 0.5],
        // What most weights with timm's names were made with.
        "hf:a/silent": ["vit-ti16", 224, 248, "bicubic", 0.5, 224, 248, 0.5],
        "hf:a/nearest": ["vit-ti16", 224, 248, "bicubic", 0.5, 224, 248, 0.5],
      });
    })));

Deno.test("a file called as torchvision publishes it has the preprocessing of its version", () =>
  withTensors(publishedKeys("torchvision", "resnet50"), (path) =>
    inFolder(async (cache) => {
      const names = ["resnet50-11ad3fa6.pth", "resnet50-0676ba61.pth", "other.pth"].map((name) => join(cache, name));
      for (const name of names) await Deno.symlink(path, name);
      const found = Object.values(await brought(cache, names)) as unknown[][];
      assertEquals(found.map(([model, size, resize]) => [model, size, resize]), [
        ["resnet50", 224, 232],
        ["resnet50", 224, 256],
        ["resnet50", 224, 256],
      ]);
    })));
