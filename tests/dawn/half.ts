/**
 * The tests of half precision in Deno on Mesa's Vulkan driver, which has `shader-f16` where its OpenGL has not: `deno
 * task test:half`, with `--quick` what `.ci/run` runs. The driver is unpacked aside, so that Deno's adapter stays the
 * one of OpenGL everywhere else.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { findLavapipe } from "./drivers.ts";
import { runAll } from "./rounds.ts";

const FILES = [
  "tests/device/half_test.ts",
  "tests/device/random_graphs_test.ts",
  "tests/e2e/half_test.ts",
  "tests/kernels/half_test.ts",
  "tests/models/half_test.ts",
  "tests/train/loss_scale_test.ts",
];

const { _: files, quick } = parseArgs(Deno.args, { boolean: ["quick"] });
const driver = await findLavapipe();
if (typeof driver === "string") Deno.exit(await runAll([], [`half precision: Mesa's Vulkan is not here (${driver})`]));
const env = quick ? { ...driver.env, FOVEA_QUICK: "1" } : driver.env;
Deno.exit(
  await runAll(
    [{ name: `half precision on ${driver.name}`, files: files.length > 0 ? files.map(String) : FILES, env }],
    [],
  ),
);
