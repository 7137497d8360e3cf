import { assertEquals, assertMatch } from "@std/assert";
import { join } from "node:path";
import manifest from "../../deno.json" with { type: "json" };
import { inFolder } from "../data/sets.ts";
import { fovea, lastLine, spawned } from "../e2e/command.ts";

Deno.test("weights lists what is published for a model, and what is here; --remove removes it", () =>
  inFolder(async (cache) => {
    const folder = join(cache, "weights", "torchvision");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(join(folder, "resnet18-f37072fd.pth"), new Uint8Array(3 * 2 ** 20));
    const { code, stdout } = await spawned(["weights", "--model", "resnet18"], cache);
    assertEquals(code, 0);
    const lines = stdout.split("\n").map((line) => line.split(/ {2,}/));
    const [, ...here] = ["name", "resnet18", "1,000", "69.758", "256", "224", "bilinear", "–", "3.0 MiB"];
    assertEquals(lines[1], ["torchvision:ResNet18_Weights.IMAGENET1K_V1", ...here]);
    assertEquals(lines.find(([name]) => name === "timm:resnet18.fb_ssl_yfcc100m_ft_in1k")?.[7], "cc-by-nc-4.0");
    const removed = await fovea(["weights", "--remove", "imagenet:resnet18"], cache);
    assertMatch(removed.stdout, /^torchvision:ResNet18_Weights.IMAGENET1K_V1: removed .*f37072fd.pth\n$/);
    assertEquals(await Array.fromAsync(Deno.readDir(folder)), []);
  }));

Deno.test("train --pretrained and --teacher name the command for what is not here, and refuse what is damaged", () =>
  inFolder(async (cache) => {
    const asked = await fovea(["train", "--pretrained", "imagenet:resnet18"], cache);
    assertEquals(asked.code, 1);
    assertMatch(
      lastLine(asked),
      /imagenet:resnet18 is not on this machine yet: run deno task weights imagenet:resnet18, or get https:.* put it here as /,
    );
    const misspelt = await fovea(["train", "--pretrained", "imagenet:resnet81"], cache);
    assertEquals([misspelt.code, lastLine(misspelt)], [2, "fovea: There is no model resnet81; did you mean resnet18?"]);
    const folder = join(cache, "weights", "torchvision");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "resnet18-f37072fd.pth"), "<html>");
    assertMatch(
      lastLine(await fovea(["train", "--pretrained", "imagenet:resnet18"], cache)),
      /is damaged \(its SHA-256 is .*, not f37072fd\); run deno task weights/,
    );
  }));

Deno.test("weights may reach those who publish, and no task that works on data and runs may reach anybody", () => {
  const { weights, ...tasks } = manifest.tasks;
  assertEquals(/--allow-net(\S+)/.exec(weights)?.[1], "=download.pytorch.org,huggingface.co,*.hf.co");
  const local = ["eval", "compare", "predict", "export", "data", "models", "parity", "doctor"] as const;
  assertEquals(local.filter((name) => /--allow-net|--allow-all| -A /.test(tasks[name])), []);
  // These serve a page to their own machine.
  for (const name of ["train", "study", "sweep", "dash"] as const) {
    assertEquals(tasks[name].match(/--allow-net\S*|--allow-all| -A /g), ["--allow-net=127.0.0.1"], name);
  }
});
