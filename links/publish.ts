/**
 * Publishes the package from a copy that has no `links/`. Those are stand-ins for machines that cannot reach JSR, and
 * Deno refuses to leave them out where they are part of the checkout.
 *
 * `deno run -A links/publish.ts` publishes; with `--dry-run` it only tries, by the stand-ins, and is a static check.
 *
 * @module
 */

import { dirname, join } from "node:path";
import manifest from "../deno.json" with { type: "json" };

const root = new URL("../", import.meta.url).pathname;
const isTrial = Deno.args.includes("--dry-run");
const { links, ...published } = manifest;
const excluded = [...manifest.exclude, ...manifest.publish.exclude, "links", "deno.json"];

/** Files of the package, relative to the root. */
async function* paths(folder = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(join(root, folder))) {
    const path = folder + name;
    if (name.startsWith(".git") || excluded.includes(path) || excluded.includes(`${path}/`)) continue;
    if (isDirectory) yield* paths(`${path}/`);
    else yield path;
  }
}

/** Files of the package to which README links, by paths from the root. */
const linked = [...(await Deno.readTextFile(join(root, "README.md"))).matchAll(/\]\((?!\w+:)([^)#]+)/g)];
const files = [...new Set([...await Array.fromAsync(paths()), ...linked.map(([, path]) => path)])];

const copy = await Deno.makeTempDir({ prefix: "fovea-publish-" });
try {
  for (const path of files) {
    await Deno.mkdir(dirname(join(copy, path)), { recursive: true });
    await Deno.copyFile(join(root, path), join(copy, path));
  }
  const own = isTrial ? { ...published, links: links.map((link) => join(root, link)) } : published;
  // What the copy has is what is published.
  await Deno.writeTextFile(join(copy, "deno.json"), JSON.stringify({ ...own, publish: {} }, null, 2));
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--allow-dirty", ...Deno.args],
    cwd: copy,
    stdin: "inherit",
    stdout: "inherit",
    stderr: isTrial ? "piped" : "inherit",
  }).output();
  if (code !== 0 && isTrial) await Deno.stderr.write(stderr);
  if (isTrial && code === 0) {
    const listed = new TextDecoder().decode(stderr);
    const missing = [...linked.map(([, path]) => path), "mod.ts", "cli.ts"].filter((path) => !listed.includes(path));
    if (missing.length > 0 || listed.includes("/links/")) {
      console.error(`The package lacks ${missing.join(", ") || "nothing"}, or has links/`);
      Deno.exitCode = 1;
    }
  } else Deno.exitCode = code;
} finally {
  await Deno.remove(copy, { recursive: true });
}
