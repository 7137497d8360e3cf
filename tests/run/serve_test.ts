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
    const photo = await Deno.readFile(new URL("fixtures/data/rgb.jpg", root));
    const post = (body: Uint8Array<ArrayBuffer>) => fetch(url, { method: "POST", body });
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(photo)));
    for (const answer of answers) {
      assertEquals(answer.status, 200);
      const { probabilities, top, labels } = await answer.json();
      assertEquals(Object.keys(probabilities), ["Black_Hair", "Blond_Hair"]);
      assert(Math.abs(probabilities.Black_Hair + probabilities.Blond_Hair - 1) < 1e-9);
      assertEquals([probabilities[top.name], labels], [top.probability, [top.name]]);
    }
    const broken = await post(new Uint8Array([1, 2, 3]));
    assertEquals(broken.status, 400);
    assert((await broken.json()).error.startsWith("pictures[0] "));
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
