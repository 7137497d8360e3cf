/**
 * The tests of kernels, device, steps and sessions on Dawn: once with the limits that WebGPU promises and once with the
 * adapter's. The driver is the one that `VK_DRIVER_FILES` names, or else SwiftShader; where there is none, no numbers
 * are computed, and Tint compiles the texts on the null backend.
 *
 * ```sh
 * deno task test:dawn                               # two samples of each op
 * deno task test:dawn --all                         # all: many minutes and 16 GB for unrolled kernels in SwiftShader
 * deno task test:dawn tests/kernels/nan_test.ts
 * deno task test:dawn --quick                       # what .ci/run runs; the promised limits are a GPU's then
 * FORCE_GPU=1 deno task test:dawn                   # the adapter is taken for a GPU
 * ```
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { type Driver, findSwiftShader } from "./drivers.ts";
import { loadDawn } from "./package.ts";
import { type Round, runAll } from "./rounds.ts";

const QUICK_FILES = [
  ...["corner", "half", "multi_tensor", "random_graphs", "session", "webgpu"].map((name) =>
    `tests/device/${name}_test.ts`
  ),
  ...["compensated", "dropout", "nan", "random"].map((name) => `tests/kernels/${name}_test.ts`),
  "tests/kernels/webgpu_test.ts",
  "tests/train/step_test.ts",
];

const ALL_FILES = [
  "tests/dawn",
  "tests/device",
  "tests/kernels",
  ...QUICK_FILES.slice(-1),
  "tests/train/ten_steps_test.ts",
];

const preload = new URL("preload.ts", import.meta.url).href;

/** Limits that devices are opened with. */
const LIMITS = { promised: "the promised limits", adapter: "the adapter's limits" } as const;

/** The driver that is asked for, or the one that can be had. */
async function driverOf(): Promise<Driver | string> {
  const files = Deno.env.get("VK_DRIVER_FILES");
  return files ? { name: files, env: {} } : await findSwiftShader();
}

/** What of the tests is run. */
interface Amount {
  readonly isQuick: boolean;
  readonly isAll: boolean;
}

function roundsOn(driver: Driver | string, files: readonly string[], { isQuick, isAll }: Amount): Round[] {
  const quick: Record<string, string> = isAll ? {} : { FOVEA_QUICK: "1" };
  if (typeof driver === "string") {
    const env = { ...quick, DAWN_BACKEND: "null", DAWN_LIMITS: "promised" };
    return [{ name: "Dawn without a driver", files: files.length > 0 ? files : ["tests/dawn"], env, preload }];
  }
  return (["promised", "adapter"] as const).map((limits) => {
    const force = isQuick && limits === "promised" ? { FORCE_GPU: "1" } : undefined;
    const isGpu = force !== undefined || Deno.env.get("FORCE_GPU") === "1";
    return {
      name: `Dawn on ${driver.name} with ${LIMITS[limits]}${isGpu ? ", taken for a GPU" : ""}`,
      files: files.length > 0 ? files : isAll ? ALL_FILES : QUICK_FILES,
      env: { ...driver.env, ...quick, ...force, DAWN_LIMITS: limits },
      preload,
    };
  });
}

const { _: files, quick, all } = parseArgs(Deno.args, { boolean: ["quick", "all"] });
const dawn = await loadDawn();
if (typeof dawn === "string") Deno.exit(await runAll([], [`Dawn: npm's webgpu is not here (${dawn})`]));
const driver = await driverOf();
const skipped = typeof driver === "string" ? [`numbers on Dawn: SwiftShader is not here (${driver})`] : [];
Deno.exit(await runAll(roundsOn(driver, files.map(String), { isQuick: Boolean(quick), isAll: Boolean(all) }), skipped));
