/**
 * Rules of the house that no compiler checks: who imports whom, what is documented, how long a file is, and that
 * nothing of one machine stands in the tree.
 */

import { assert, assertEquals } from "@std/assert";
import { dirname, join, normalize } from "node:path/posix";
import manifest from "../deno.json" with { type: "json" };

const root = new URL("../", import.meta.url);

/** Floors below that of runs. */
const belowRun = [
  "kernels",
  "src",
  ...["augment", "data", "device", "graph", "interop", "metrics", "models", "nn", "report"].map((name) =>
    `src/${name}`
  ),
];

/** Floors below each floor: a file imports from its own floor and from these. */
const below: Readonly<Record<string, readonly string[]>> = {
  "kernels": [],
  "src": [],
  "src/metrics": ["src"],
  "src/graph": ["kernels", "src"],
  "src/device": ["kernels", "src", "src/graph"],
  "src/nn": ["kernels", "src", "src/graph"],
  "src/models": ["kernels", "src", "src/graph", "src/interop", "src/nn"],
  "src/augment": ["kernels", "src"],
  "src/data": ["src", "src/augment"],
  "src/interop": ["src"],
  "src/report": ["src", "src/metrics"],
  "src/track": ["src", "src/metrics", "src/report"],
  "src/run": belowRun,
  "src/dash": ["src", "src/data", "src/metrics", "src/report", "src/run", "src/track"],
  "src/train": [...belowRun, "src/run", "src/track"],
  "src/study": [...belowRun, "src/run", "src/track", "src/train"],
  "src/explain": [...belowRun, "src/run"],
};

/**
 * What a page runs, too: folders and files that use nothing of Deno's or Node's, and no package; nor does anything that
 * they import. What a host has besides, such as the free memory, is handed to them.
 */
const inPage = [
  "kernels/",
  "src/graph/",
  "src/nn/",
  "src/models/",
  "src/device/webgpu/",
  "src/run/evaluation_graph.ts",
  "src/train/step.ts",
  "src/interop/safetensors.ts",
  "src/data/pictures/resize.ts",
];
/** Floors from which everything is in reach. */
const top = ["", "src/cli", "tests", "bench", "fixtures", "links"];

/** Paths under `folder` as text, relative to the root; what runs leave behind and hidden folders are passed over. */
async function* paths(folder = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(new URL(folder || ".", root))) {
    if (name.startsWith(".git") || manifest.exclude.includes(`${name}/`)) continue;
    if (isDirectory) yield* paths(`${folder}${name}/`);
    else yield folder + name;
  }
}

const tree: ReadonlyMap<string, string> = new Map(
  await Promise.all(
    (await Array.fromAsync(paths()))
      .filter((path) => /(\.(ts|js|json|md|py|sh|wgsl)|\/run|LICENSE)$/.test(path))
      .map(async (path) => [path, await Deno.readTextFile(new URL(path, root))] as const),
  ),
);
const code = new Map([...tree].filter(([path]) => path.endsWith(".ts")));

/** A file without its comments, whose examples do not count. */
function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "").replaceAll(/\s\/\/ .*$/gm, "");
}

/** Relative modules that a file imports, as paths from the root. */
function imports(path: string, source: string): string[] {
  const found = withoutComments(source).matchAll(
    /(?:^import\b[^"';]*?|^export\b[^"';]*?\bfrom|\bimport\()\s*"(\.[^"]+)"/gm,
  );
  return [...found].map(([, target]) => normalize(join(dirname(path), target)));
}

/** What a file has that a page has not: `Deno`, and modules that are no files of this tree; types are nothing. */
function ofHost(source: string): string[] {
  const bare = withoutTypes(source);
  const modules = bare.matchAll(/(?:^(?:import|export|\})(?:[^"';]*\bfrom)?\s*"|\bimport\("?)([^."][^")\n]*)/gm);
  return [...bare.match(/\bDeno\b/g) ?? [], ...[...modules].map(([, target]) => target)];
}

/** A file without the imports and exports of types, which are gone when it runs. */
function withoutTypes(source: string): string {
  return withoutComments(source).replaceAll(/^(?:import|export) type\b[^"';]*"[^"]*";$/gm, "");
}

/** `src/data` of `src/data/x/y.ts`, `src` of `src/errors.ts`, `kernels` of `kernels/x.ts`. */
function floorOf(path: string): string {
  const folders = path.split("/").slice(0, -1);
  return folders.slice(0, folders[0] === "src" ? 2 : 1).join("/");
}

/** Files of a cycle among the imports, or none. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const walk = (path: string, trail: string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return [];
    for (const next of graph.get(path) ?? []) {
      const cycle = walk(next, [...trail, path]);
      if (cycle.length) return cycle;
    }
    done.add(path);
    return [];
  };
  for (const path of graph.keys()) {
    const cycle = walk(path, []);
    if (cycle.length) return cycle;
  }
  return [];
}

/** Lines that export something with no doc comment over it; the overloads of a function share the first one's. */
function undocumented(source: string): string[] {
  const lines = source.split("\n");
  return lines.filter((line, i) => {
    const [, name] =
      /^export (?:default )?(?:declare |abstract |async )*(?:function\*?|class|const|interface|type|enum) (\w+)/
        .exec(line) ?? [];
    const before = lines.slice(0, i).findLast((earlier) => !earlier.trim().startsWith("// deno-lint-ignore"));
    const overload = lines.slice(0, i).some((earlier) => earlier.startsWith(`export function ${name}`));
    return name !== undefined && !overload && before?.trimEnd().endsWith("*/") !== true;
  });
}

Deno.test("imports() and floorOf() read what a module says", () => {
  const source =
    `/** import "./no.ts" */\n// import "./no.ts"\nimport { a,\n b } from "../a.ts";\nexport * from "./b.ts";
import type { C } from "@std/c";\nimport w from "./w.wgsl" with { type: "text" };\nimport "./d.ts";
const e = () => import("./e.ts");`;
  assertEquals(imports("src/cli/x.ts", source), [
    "src/a.ts",
    "src/cli/b.ts",
    "src/cli/w.wgsl",
    "src/cli/d.ts",
    "src/cli/e.ts",
  ]);
  const cases = { "mod.ts": "", "kernels/x.ts": "kernels", "src/errors.ts": "src", "src/data/a/b.ts": "src/data" };
  for (const [path, floor] of Object.entries(cases)) assertEquals(floorOf(path), floor);
});

Deno.test("findCycle() finds a cycle, and none in a diamond", () => {
  assertEquals(findCycle(new Map([["a", ["b", "c"]], ["b", ["d"]], ["c", ["d"]], ["d", []]])), []);
  assertEquals(findCycle(new Map([["a", ["b"]], ["b", ["c"]], ["c", ["b"]]])), ["b", "c", "b"]);
});

Deno.test("undocumented() sees a bare export", () => {
  assertEquals(undocumented("/** A. */\nexport const a = 1;\nexport async function b() {}\n"), [
    "export async function b() {}",
  ]);
});

Deno.test("every file imports only from floors below its own", () => {
  const wrong = [...code].flatMap(([path, source]) => {
    const floor = floorOf(path);
    if (top.includes(floor)) return [];
    const allowed = below[floor];
    assert(allowed !== undefined, `${path} stands on no known floor: add ${floor} to the table in this file`);
    return imports(path, source)
      .filter((target) => floorOf(target) !== floor && target !== "deno.json" && !allowed.includes(floorOf(target)))
      .map((target) => `${path} imports ${target}`);
  });
  assertEquals(wrong, []);
});

Deno.test("ofHost() sees what no page has, and no comment or type", () => {
  const source = `// Deno.env\n/** Deno */\nimport type { A } from "npm:a@1.0.0";\nimport { b,\n  c } from "./b.ts";
export const d = "x"; // Deno\nimport {\n  e,\n} from "node:path";\nimport "@std/cli";\nconst f = import("npm:f@1.0.0");
const g = Deno.args, h = import(f);`;
  assertEquals(ofHost(source), ["Deno", "node:path", "@std/cli", "npm:f@1.0.0", "f"]);
});

Deno.test("what a page runs has nothing of the host's, nor has what it imports", () => {
  const open = [...code.keys()].filter((path) => inPage.some((part) => path.startsWith(part)));
  assertEquals(inPage.filter((part) => !open.some((path) => path.startsWith(part))), [], "these are no more");
  const wrong: string[] = [];
  // What is imported is added to what is gone through.
  const reached = new Set(open);
  for (const path of reached) {
    const source = code.get(path);
    if (source === undefined) continue; // text or JSON
    wrong.push(...ofHost(source).map((found) => `${path}: ${found}`));
    imports(path, withoutTypes(source)).forEach((target) => reached.add(target));
  }
  assertEquals(wrong, []);
});

Deno.test("what makes batches in Workers loads nothing of kernels and graphs", () => {
  const reached = new Set(["src/data/batches/batch_worker.ts"]);
  for (const path of reached) {
    imports(path, withoutTypes(code.get(path) ?? "")).forEach((target) => reached.add(target));
  }
  assert(reached.has("src/augment/host/crop.ts"));
  assertEquals([...reached].filter((path) => /^(kernels|src\/(graph|nn|device|augment\/device))\//.test(path)), []);
});

Deno.test("ARCHITECTURE.md has the floors of this file", () => {
  const rows = [...tree.get("ARCHITECTURE.md")!.matchAll(/^\| (`(?:kernels|src).*?) *\|.*\| ([^|]*?) *\|$/gm)].map((
    [, floors, imports],
  ) =>
    [
      [...floors.matchAll(/`([^`]+)`/g)].map(([, name]) => name.endsWith(".ts") ? dirname(name) : name),
      imports,
    ] as const
  );
  for (const [floor, allowed] of Object.entries(below)) {
    const at = rows.findIndex(([floors]) => floors.includes(floor));
    assert(at >= 0, `${floor} is missing`);
    const above = new Set(rows.slice(0, at).flatMap(([floors]) => floors));
    const names = allowed.filter((name) => name !== "src");
    const all = above.size > 2 && [...above].every((name) => allowed.includes(name));
    const wanted = all ? "all of the above" : names.map((name) => name.replace("src/", "")).join(", ") || "nothing";
    assertEquals(rows[at][1], wanted, floor);
  }
});

Deno.test("no imports go in a circle", () => {
  assertEquals(findCycle(new Map([...code].map(([path, source]) => [path, imports(path, source)]))), []);
});

Deno.test("every export has a doc comment and every module says what it is", () => {
  const ours = [...code].filter(([path]) => !/^(tests|bench|fixtures)\//.test(path));
  assertEquals(ours.flatMap(([path, source]) => undocumented(source).map((line) => `${path}: ${line}`)), []);
  const untitled = ours.filter(([, source]) => !/^\/\*\*[\s\S]*?@module/.test(source)).map(([path]) => path);
  assertEquals(untitled, []);
});

Deno.test("what the library says speaks of no flags: option() names them for the command line", () => {
  const wrong = [...code]
    .filter(([path]) => /^(src|kernels)\//.test(path) && !path.startsWith("src/cli/"))
    .flatMap(([path, source]) =>
      [...withoutComments(source).matchAll(/(?<![\w-])--[a-z][\w-]*/g)].map(([f]) => [path, f])
    );
  assertEquals(wrong, []);
});

Deno.test("no test sets the environment's variables, which all that run beside it would see", () => {
  // Playwright alone reads the one that is set there.
  const setting = [...code].filter(([path, source]) =>
    path.startsWith("tests/") && path !== "tests/browser/playwright.ts" && /Deno\.env\.(set|delete)\(/.test(source)
  );
  assertEquals(setting.map(([path]) => path), []);
});

Deno.test("no file is longer than 450 lines", () => {
  const long = [...tree]
    .filter(([path]) => /\.(ts|wgsl|py)$/.test(path))
    .map(([path, source]) => [path, source.split("\n").length] as const)
    .filter(([, lines]) => lines > 450);
  assertEquals(long, []);
});

Deno.test("no comment's line is longer than 120 columns", () => {
  const long = [...tree].filter(([path]) => /\.(ts|wgsl)$/.test(path)).flatMap(([path, source]) =>
    source.split("\n").flatMap((line, i) =>
      /^\s*(\/\/|\/?\*)/.test(line) && line.length > 120 ? [`${path}:${i + 1}`] : []
    )
  );
  assertEquals(long, []);
});

Deno.test("nothing of one machine stands in the tree", () => {
  const machine = /(?<![\w.~])\/(?:home|root|Users|work)\/[\w.-]|\b[A-Z]:\\Users\b/;
  const found = [...tree].filter(([, source]) => machine.test(source)).map(([path]) => path);
  assertEquals(found, []);
});

Deno.test("the top level is fixed", () => {
  // As git has it: what a person's runs and tools leave there is not the project's.
  const { stdout } = new Deno.Command("git", { args: ["ls-files"], cwd: root, stderr: "null" }).outputSync();
  const files = new TextDecoder().decode(stdout).split("\n");
  const found = new Set(files.filter((path) => path !== "").map((path) => path.split("/")[0]));
  const known = [
    ...[".ci", ".gitignore", "ARCHITECTURE.md", "LICENSE", "README.md", "bench", "cli.ts", "deno.json", "fixtures"],
    ...["kernels", "links", "mod.ts", "src", "tests"],
  ];
  // In a copy without git there is nothing to ask.
  if (found.size > 0) assertEquals([...found].toSorted(), known.toSorted());
});

Deno.test("Deno keeps no lock file: it would list gpu.js, and every command would download its 128 MB", () => {
  assertEquals(manifest.lock, false);
  const versions = [...code.values()].join("\n").matchAll(/"npm:((?:@[\w-]+\/)?[\w.-]+)(@[^"/]*)?/g);
  const loose = [...Object.values(manifest.imports), ...[...versions].map(([specifier]) => specifier.slice(1))]
    .filter((specifier) => specifier.startsWith("npm:") && !/@\d+\.\d+\.\d+$/.test(specifier));
  assertEquals(loose, [], "Give the exact version, since no lock file does");
});
