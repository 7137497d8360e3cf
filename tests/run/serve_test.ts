/**
 * README's server, word for word but for run and port, with the permissions that README gives it.
 */

import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { createModel } from "../../src/models/mod.ts";
import { writeRun } from "./written_run.ts";

const root = new URL("../../", import.meta.url);

Deno.test("README's server answers requests that come together, and says what is broken", async () => {
  const folder = await Deno.makeTempDir();
  const readme = await Deno.readTextFile(new URL("README.md", root));
  const example = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code).find((code) =>
    code.includes("Deno.serve")
  )!;
  const [, permissions] = /deno run (.*) serve\.ts/.exec(readme)!;
  const run = await writeRun(folder, createModel("lenet", { classes: 2, imageSize: 16 }), {
    classes: ["Black_Hair", "Blond_Hair"],
  });
  const changed: readonly (readonly [from: string, to: string])[] = [
    ['"@fovea/fovea"', JSON.stringify(new URL("mod.ts", root).href)],
    ['"runs/hair"', JSON.stringify(run)],
    ["port: 8000", "port: 0"],
  ];
  const code = changed.reduce((text, [from, to]) => {
    assert(text.includes(from), `README's example has ${from}`);
    return text.replaceAll(from, to);
  }, example);
  const script = join(folder, "serve.ts");
  await Deno.writeTextFile(script, code);
  await using server = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--config", new URL("deno.json", root).pathname]
      .concat(permissions.split(" "), script),
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).spawn();
  try {
    const url = await addressOf(server.stderr);
    const { answers, broken } = await asked(folder, url);
    assertEquals(answers.length, 8);
    for (const { status, body: { probabilities, top, labels } } of answers) {
      assertEquals([status, Object.keys(probabilities)], [200, ["Black_Hair", "Blond_Hair"]]);
      assert(Math.abs(probabilities.Black_Hair + probabilities.Blond_Hair - 1) < 1e-9);
      assertEquals([probabilities[top.name], labels], [top.probability, [top.name]]);
    }
    assertEquals(broken.status, 400);
    assert(broken.body.error.startsWith("pictures[0] "), broken.body.error);
  } finally {
    server.kill("SIGKILL");
    await server.status;
    await Deno.remove(folder, { recursive: true });
  }
});

/** The address that a server says it listens on, on standard error; where it ends before, what it says is thrown. */
async function addressOf(stderr: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  let said = "";
  for await (const text of stderr.pipeThrough(new TextDecoderStream())) {
    said += text;
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? [];
    if (url) return url;
  }
  throw new Error(`the server ended: ${said}`);
}

/**
 * What the server answers to eight pictures at once and to bytes that are none. The tests themselves may use no
 * network.
 */
async function asked(folder: string, url: string) {
  const client = join(folder, "client.ts");
  const photo = new URL("fixtures/data/rgb.jpg", root).pathname;
  await Deno.writeTextFile(
    client,
    `const photo = await Deno.readFile(${JSON.stringify(photo)});
const post = async (body) => {
  const answer = await fetch(${JSON.stringify(url)}, { method: "POST", body });
  return { status: answer.status, body: await answer.json() };
};
const answers = await Promise.all(Array.from({ length: 8 }, () => post(photo)));
console.log(JSON.stringify({ answers, broken: await post(new Uint8Array([1, 2, 3])) }));
`,
  );
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-read", "--allow-net=127.0.0.1", client],
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
