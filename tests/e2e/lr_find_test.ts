/**
 * `lr-find`: the curve, the proposal, and the command that it prints.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { parseCommand } from "../../src/cli/command.ts";
import { train } from "../../src/cli/flags.ts";
import { fovea } from "./command.ts";

const cache = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(cache, { recursive: true }));

Deno.test("lr-find draws the curve and proposes a rate, with the command that trains by it", async () => {
  const faces = join(cache, "faces");
  assertEquals((await fovea(["data", "demo", faces, "--count", "120", "--image-size", "32"], cache)).code, 0);
  const out = join(cache, "found");
  const flags = ["--data", faces, "--target", "Eyeglasses", "--model", "lenet", "--batch", "16", "--backend", "wasm"];
  const found = await fovea(["lr-find", ...flags, "--from", "1e-5", "--updates", "60", "--out", out], cache);
  assertEquals(found.code, 0, found.stderr);
  const { points, proposal } = JSON.parse(await Deno.readTextFile(join(out, "lr-find.json")));
  assert(points.length <= 60 && proposal.steepest < 1, JSON.stringify(proposal));
  for (const ending of ["svg", "png"]) assert((await Deno.stat(join(out, `lr-find.${ending}`))).size > 2000);
  assertStringIncludes(await Deno.readTextFile(join(out, "lr-find.svg")), "steepest fall");
  const command = found.stdout.trim().split("\n").at(-1)!;
  const { options } = parseCommand(train, command.replace("deno task train ", "").split(" "));
  assertEquals(options.learningRate, Number(proposal.steepest.toPrecision(2)));
  assertEquals([options.model, options.batch, options.target], ["lenet", 16, ["Eyeglasses"]]);

  const diverging = [...flags, "--from", "1", "--to", "1e5", "--updates", "20", "--out", join(cache, "lost")];
  const nothing = await fovea(["lr-find", ...diverging], cache);
  assertEquals([nothing.code, nothing.stdout], [1, ""]);
  assertStringIncludes(nothing.stderr, "Cannot propose a learning rate: the loss has not fallen in");
});
