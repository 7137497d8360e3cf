import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { UserError } from "../../../src/errors.ts";
import { encodeSafetensors } from "../../../src/interop/safetensors_file.ts";
import { models, publishedWeights } from "../../../src/models/mod.ts";
import { publishedFile, rowOf } from "../../../src/run/published/cached.ts";
import { fetchWeights } from "../../../src/run/published/fetch.ts";
import { isPublishedName, weightsNamed } from "../../../src/run/published/names.ts";
import { inFolder } from "../../data/sets.ts";
import { type Asked, partOf, type Reply, serve } from "./server.ts";

const patience = { stallMs: 200, tries: 2, pauseMs: 1 };

const pieces = encodeSafetensors(new Map([["fc.bias", { shape: [3], values: Float32Array.of(1, 2, 3) }]]));
const WEIGHTS = new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const CONFIG = JSON.stringify({ size: 32, resample: 3, image_mean: [0, 0, 0], image_std: [1, 1, 1] });
const blob = createHash("sha1").update(`blob ${CONFIG.length}\0${CONFIG}`).digest("hex");
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** What the hub says of a repository, by its own fields. */
const facts = (changed: Record<string, unknown> = {}) =>
  JSON.stringify({
    sha: COMMIT,
    cardData: { license: "apache-2.0" },
    siblings: [
      { rfilename: "README.md", size: 12, blobId: "x" },
      { rfilename: "preprocessor_config.json", size: CONFIG.length, blobId: blob },
      { rfilename: "model.safetensors", size: WEIGHTS.length, lfs: { sha256: hash(WEIGHTS), size: WEIGHTS.length } },
    ],
    ...changed,
  });

/** The hub, with one repository. */
const hub = (said = facts(), config = CONFIG) => (asked: Asked): Reply => {
  const path = asked.path.split("?")[0];
  if (path.startsWith("/api/models/owner/name/revision/")) return { body: said };
  if (path === `/owner/name/resolve/${COMMIT}/preprocessor_config.json`) return { body: config };
  if (path === `/owner/name/resolve/${COMMIT}/model.safetensors`) {
    return { status: 302, headers: { location: "/cdn/signed" } };
  }
  return path === "/cdn/signed" ? partOf(WEIGHTS, asked) : { status: 404 };
};

/** Fetches a name from a server that takes the place of both hosts. */
async function fetching<T>(
  reply: (asked: Asked, n: number) => Reply,
  work: (
    fetch: (name: string) => ReturnType<typeof fetchWeights>,
    cache: string,
    asked: readonly Asked[],
  ) => Promise<T>,
): Promise<void> {
  await using server = serve(reply);
  const hosts = { torchvision: `${server.origin}/models/`, hub: server.origin };
  await inFolder(async (cache) => {
    await work((name) => fetchWeights(name, { cache, hosts, patience }), cache, server.asked);
  });
}

Deno.test("fetchWeights() has a repository of the hub's once, by the commit that the hub says, with its licence", () =>
  fetching(hub(), async (fetch, cache, asked) => {
    const first = await fetch("hf:owner/name");
    const path = join(cache, "weights", "hub", "owner", "name", "model.safetensors");
    assertEquals([first.wasThere, first.path, first.record?.licence], [false, path, "apache-2.0"]);
    assertEquals([first.record?.sha256, first.record?.commit], [hash(WEIGHTS), COMMIT]);
    assertEquals(await Deno.readFile(path), WEIGHTS);
    assertEquals(await Deno.readTextFile(join(path, "..", "preprocessor_config.json")), CONFIG);
    const count = asked.length;
    assertEquals((await fetch("hf:owner/name")).wasThere, true);
    assertEquals(asked.length, count, "nothing is asked again");
    assertEquals((await publishedFile("hf:owner/name", cache)).path, path);
    // What was damaged is refused, and fetched again.
    await Deno.writeFile(path, WEIGHTS.with(-1, 9));
    const damaged = await assertRejects(() => publishedFile("hf:owner/name", cache), UserError);
    assertStringIncludes(damaged.message, "is damaged (its SHA-256 is");
    assertStringIncludes(damaged.message, "run deno task weights hf:owner/name");
    assertEquals((await fetch("hf:owner/name")).wasThere, false);
    await publishedFile("hf:owner/name", cache);
  }));

Deno.test("fetchWeights() compares what was put there by hand, and takes it without a network", () =>
  fetching(hub(), async (fetch, cache, asked) => {
    const folder = join(cache, "weights", "hub", "owner", "name");
    const path = join(folder, "model.safetensors");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(path, WEIGHTS);
    assertEquals((await publishedFile("hf:owner/name", cache)).record, undefined);
    const offline = { torchvision: "http://127.0.0.1:1/models/", hub: "http://127.0.0.1:1" };
    const there = await fetchWeights("hf:owner/name", { cache, hosts: offline, patience });
    assertEquals([there.wasThere, there.record], [true, undefined]);
    assertEquals((await fetch("hf:owner/name")).record?.sha256, hash(WEIGHTS));
    assertEquals(asked.filter(({ path }) => path.startsWith("/cdn")), []);
    await Deno.remove(`${path}.json`);
    await Deno.writeFile(path, WEIGHTS.with(-1, 9));
    assertEquals((await fetch("hf:owner/name")).wasThere, false);
    assertEquals(await Deno.readFile(path), WEIGHTS);
  }));

/** What hosts answer, and the line of it. */
const faults: [what: string, name: string, reply: (asked: Asked, n: number) => Reply, line: RegExp][] = [
  [
    "there is no repository",
    "hf:owner/other",
    hub(),
    /there is no such file \(404\); check the name on .*\/owner\/other$/,
  ],
  [
    "it is gated",
    "hf:owner/name",
    () => ({ status: 401 }),
    /not given to everybody \(401\).* get http.*resolve\/main\/model.safetensors and put it here as .*model.safetensors$/,
  ],
  [
    "a login page answers",
    "hf:owner/name",
    () => ({ headers: { "content-type": "text/html" }, body: "<html>" }),
    /answers with a web page/,
  ],
  ["the hub's answer is cut", "hf:owner/name", () => ({ body: facts(), cutAt: 50 }), /the connection ended/],
  ["the hub says something else", "hf:owner/name", hub("[]"), /is not what the hub says/],
  [
    "it says no hash",
    "hf:owner/name",
    hub(facts({ siblings: [{ rfilename: "model.safetensors", size: 9 }] })),
    /states no SHA-256 of model/,
  ],
  [
    "it has no weights",
    "hf:owner/name",
    hub(facts({ siblings: [{ rfilename: "a.ckpt" }] })),
    /neither model.safetensors nor pytorch_model.bin; it has a.ckpt/,
  ],
  [
    "it has shards",
    "hf:owner/name",
    hub(facts({ siblings: [{ rfilename: "model.safetensors.index.json" }] })),
    /in several files/,
  ],
  ["its commit is a path", "hf:owner/name", hub(facts({ sha: "../../x" })), /does not say its commit/],
  [
    "a small file was changed",
    "hf:owner/name",
    hub(facts(), CONFIG.replace("32", "64")),
    /preprocessor_config.json was changed/,
  ],
  [
    "the file is another one",
    "torchvision:resnet18",
    () => ({ body: WEIGHTS }),
    /its SHA-256 is [0-9a-f]{16}…, not f37072fd: .* get http.*\/models\/resnet18-f37072fd.pth and put it here as .*resnet18-f37072fd.pth$/,
  ],
  ["a login page answers for it", "imagenet:resnet18", () => ({ body: "<html>" }), /answers with a web page/],
];
for (const [what, name, reply, line] of faults) {
  Deno.test(`fetchWeights() says in one line that ${what}`, () =>
    fetching(reply, async (fetch, cache) => {
      const error = await assertRejects(() => fetch(name), UserError);
      assertEquals(error.message.match(line) && !error.message.includes("\n"), true, error.message);
      const { name: full } = weightsNamed(name);
      await assertRejects(
        () => publishedFile(full, cache),
        UserError,
        `${full} is not on this machine yet: run deno task`,
      );
    }));
}

Deno.test("fetchWeights() without a network: one line, which file to get and how to name it", () =>
  inFolder(async (cache) => {
    const hosts = { torchvision: "http://127.0.0.1:1/models/", hub: "http://127.0.0.1:1" };
    const error = await assertRejects(() => fetchWeights("imagenet:resnet50", { cache, hosts, patience }), UserError);
    const path = join(cache, "weights", "torchvision", "resnet50-11ad3fa6.pth");
    assertStringIncludes(
      error.message,
      `get http://127.0.0.1:1/models/resnet50-11ad3fa6.pth and put it here as ${path}`,
    );
  }));

/** Names that people write, and the full one. */
const spellings: [given: string, full: string][] = [
  ["imagenet:resnet50", "torchvision:ResNet50_Weights.IMAGENET1K_V2"],
  ["imagenet:vit-ti16", "timm:vit_tiny_patch16_224.augreg_in21k_ft_in1k"],
  ["torchvision:resnet50", "torchvision:ResNet50_Weights.IMAGENET1K_V2"],
  ["torchvision:resnet50.imagenet1k_v1", "torchvision:ResNet50_Weights.IMAGENET1K_V1"],
  ["torchvision:ViT_B_16_Weights.DEFAULT", "torchvision:ViT_B_16_Weights.IMAGENET1K_V1"],
  ["torchvision:swin_v2_t", "torchvision:Swin_V2_T_Weights.IMAGENET1K_V1"],
  ["timm:resnet50", "timm:resnet50.a1_in1k"],
  ["timm:resnet50.tv_in1k", "timm:resnet50.tv_in1k"],
  ["hf:timm/resnet50.tv_in1k", "timm:resnet50.tv_in1k"],
  ["hf:owner/name@v1", "hf:owner/name@v1"],
];
for (const [given, full] of spellings) {
  Deno.test(`weightsNamed(${given}) is ${full}`, () => assertEquals(weightsNamed(given).name, full));
}

const misspelt: [given: string, hint: string][] = [
  ["imagenet:resnet55", "did you mean resnet50?"],
  ["imagenet:lenet", "No weights of lenet are published"],
  ["timm:resnet50.a1_in2k", "did you mean timm:resnet50.a1_in1k?"],
  ["timm:maxvit_tiny_tf_224", "any other is hf:timm/NAME"],
  ["torchvision:resnet50.IMAGENET1K_V3", "did you mean torchvision:ResNet50_Weights.IMAGENET1K_V2?"],
  ["hf:resnet50", "give hf:OWNER/NAME"],
  ["hf:../../etc", "give hf:OWNER/NAME"],
  ["hf:owner/name@..", "give hf:OWNER/NAME"],
  ["resnet50", "did you mean imagenet:resnet50?"],
];
for (const [given, hint] of misspelt) {
  Deno.test(`weightsNamed(${given}) is refused: ${hint}`, () => {
    assertThrows(() => weightsNamed(given), UserError, hint);
  });
}

Deno.test("the tables name models that there are, no name twice, torchvision's files by their hash", () => {
  const known = new Set(models.map(({ name }) => name));
  assertEquals(publishedWeights.filter(({ model }) => !known.has(model)), []);
  assertEquals(new Set(publishedWeights.map(({ name }) => name.toLowerCase())).size, publishedWeights.length);
  for (const { name, style, file, top1, classes, preprocessing: { crop, resize } } of publishedWeights) {
    assertEquals(weightsNamed(name).name, name);
    const form = style === "torchvision" ? /^[\w-]+-[0-9a-f]{8}\.pth$/ : /^[\w-]+\/[\w.-]+$/;
    assertEquals([form.test(file), resize >= crop, top1 === undefined || (classes === 1000 && top1 > 50)], [
      true,
      true,
      true,
    ], name);
  }
  // Every family whose weights libraries publish has some, the first of them for ImageNet-1K.
  const without = models.filter(({ published, name }) =>
    published && !publishedWeights.some(({ model }) => model === name)
  );
  assertEquals(without.map(({ name }) => name), ["vit-ti32"]);
});

Deno.test("a file by the name under which torchvision publishes it has its row; other names are paths", () => {
  assertEquals(rowOf("/somewhere/resnet50-11ad3fa6.pth")?.name, "torchvision:ResNet50_Weights.IMAGENET1K_V2");
  assertEquals(rowOf("resnet50.pth"), undefined);
  for (const path of ["C:\\weights.pth", "./hf:x", "/a/imagenet:b", "runs/timm"]) {
    assertEquals(isPublishedName(path), false);
  }
});
