/**
 * The examples in the README and in doc comments: what they say they give, they give. That they type-check is a static
 * check (`deno check --doc`).
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { inFolder, write } from "./data/sets.ts";
import { end } from "./e2e/command.ts";

const root = new URL("../", import.meta.url);

/** Paths of the TypeScript files under a folder, relative to the root. */
async function* sources(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder, root))) {
    if (isDirectory) yield* sources(`${folder}${name}/`);
    else if (name.endsWith(".ts")) yield folder + name;
  }
}

/** TypeScript examples of a text, doc comments or Markdown. */
function examplesIn(text: string): string[] {
  return [...text.matchAll(/```ts\n([\s\S]*?)\n *(?:\* )?```/g)].map(([, block]) => block.replaceAll(/^ *\* ?/gm, ""));
}

/** An example whose imports, `@fovea/fovea` and those of neighbouring files, are found from anywhere. */
function resolved(example: string, path: string): string {
  return example.replaceAll(
    /from "(@fovea\/fovea|\.[^"]+)"/g,
    (_, module) =>
      `from "${module === "@fovea/fovea" ? new URL("mod.ts", root) : new URL(module, new URL(path, root))}"`,
  );
}

Deno.test("examples give the values that they say they give", async () => {
  const results: [string, unknown][] = [];
  Object.assign(globalThis, { exampleGave: (line: string, value: unknown) => results.push([line, value]) });
  for (const path of [...await Array.fromAsync(sources("src/")), ...await Array.fromAsync(sources("kernels/"))]) {
    for (const example of examplesIn(await Deno.readTextFile(new URL(path, root)))) {
      if (/\bawait\b/.test(example)) continue; // it needs files
      const told = resolved(example, path).replaceAll(
        /^([a-z].*); \/\/ ([[{"\d].*)$/gm,
        (line, expression) => `globalThis.exampleGave(${JSON.stringify(line)}, ${expression});`,
      );
      if (!told.includes("exampleGave")) continue;
      await import(`data:application/typescript,${encodeURIComponent(told)}`);
    }
  }
  for (const [line, value] of results) {
    const told = Function(`return (${line.split("; // ")[1]})`)();
    assertEquals(ArrayBuffer.isView(value) ? [...value as Float64Array] : value, told, line);
  }
  assert(results.length >= 15, `only ${results.length} values were found`);
});

Deno.test("README's first example trains, and that of mod.ts is the same", () =>
  inFolder(async (folder) => {
    const [readme, mod] = await Promise.all(
      ["README.md", "mod.ts"].map(async (path) => examplesIn(await Deno.readTextFile(new URL(path, root)))[0]),
    );
    assertEquals(readme.trim(), mod.trim());
    const names = Array.from({ length: 30 }, (_, i) => `${String(i + 1).padStart(6, "0")}.png`);
    const rows = names.map((name, i) => `${name} ${i % 2 ? 1 : -1}`);
    await write(join(folder, "celeba"), {
      "list_attr_celeba.txt": ["30", "Eyeglasses", ...rows, ""].join("\n"),
      ...Object.fromEntries(names.map((name, i) => [`img_align_celeba/${name}`, i + 1])),
    });
    // Fewer and smaller steps than README's; the rest is word for word.
    const quick = resolved(readme, "README.md").replace("imageSize: 64", "imageSize: 16").replace(
      "epochs: 10",
      "epochs: 2",
    );
    await Deno.writeTextFile(join(folder, "train.ts"), quick);
    const ended = await end(
      new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "--no-check", "--config", new URL("deno.json", root).pathname, "train.ts"],
        cwd: folder,
        env: { FOVEA_CACHE: join(folder, "cache"), NO_COLOR: "1" },
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    );
    assertEquals(ended.code, 0, ended.stderr);
    const accuracy = Number(ended.stdout.trim().split("\n").at(-1));
    assert(accuracy >= 0 && accuracy <= 1, ended.stdout);
  }));
