import type { Device } from "../../src/device/device.ts";
import { runReference } from "../../src/device/reference.ts";
import type { Precision } from "../../src/graph/graph.ts";
import { isLong } from "../amount.ts";
import { devices, type DeviceUnderTest, hasHalf, isSoftware, openAsGpu } from "../kernels/devices.ts";
import { randomGraph } from "./random_graphs.ts";

/** Seeds where every graph is compiled: a second each. */
const COMPILED = isLong ? 24 : 8;

/** Seeds to try: a few, or those of `RANDOM_GRAPHS=first-last`. */
function seeds(few: number): number[] {
  const [first, last] = (Deno.env.get("RANDOM_GRAPHS") ?? `1-${few}`).split("-").map(Number);
  return Array.from({ length: last - first + 1 }, (_, k) => first + k);
}

type Numbers = Readonly<Record<string, ArrayLike<number>>>;

/** How far from what is wanted a number may be: within reach of the numbers that are stored on the way. */
const TOLERANCE: Readonly<Record<Precision, number>> = { f32: 1e-4, f16: 1e-2 };

/** Throws unless each number is near to what is wanted. */
function assertNear(got: Numbers, want: Numbers, where: string, tolerance: number): void {
  for (const [name, wanted] of Object.entries(want)) {
    const values = got[name];
    const scale = 1 + Math.max(...Array.from(wanted, Math.abs));
    const at = Array.from(wanted).findIndex((value, k) => !(Math.abs(values[k] - value) <= tolerance * scale));
    if (at >= 0 || values.length !== wanted.length) {
      throw new Error(
        `${where}: ${name}[${at}] of ${wanted.length} is ${values[at]} of ${values.length}, not ${wanted[at]}`,
      );
    }
  }
}

/** Runs the graph of a seed twice over its states; the second run finds what the first left. */
async function check(device: Device, seed: number, precision: Precision): Promise<void> {
  const { graph: built, inputs, states } = randomGraph(seed);
  const graph = { ...built, precision };
  using session = device.open();
  // States that were written before are where they are; others lie side by side, and maps to them share dispatches.
  const isBefore = seed % 4 === 0;
  const write = () => Object.entries(states).forEach(([name, values]) => session.write(name, values));
  if (isBefore) write();
  const program = session.compile(graph);
  if (!isBefore) write();
  let old: Numbers = states;
  for (const run of ["first", "second"]) {
    program.run(inputs);
    const outputs = await program.outputs();
    const after = Object.fromEntries(await session.read(Object.keys(states)));
    const want = runReference(graph, { ...inputs, ...old });
    const where = `Seed ${seed}, ${precision}, ${run} run (RANDOM_GRAPHS=${seed}-${seed})`;
    assertNear(outputs, want.outputs, `${where}, outputs`, TOLERANCE[precision]);
    const wanted = { ...old, ...Object.fromEntries(want.states) };
    assertNear(after, wanted, `${where}, states`, TOLERANCE[precision]);
    // What is there is what the next run starts from, rounded as it is.
    old = after;
  }
}

/** With a GPU's kernels, read-only bindings and two arenas. */
const asGpu: DeviceUnderTest = { name: "WebGPU as on a GPU", present: isSoftware, open: openAsGpu };

for (const { name, present, open } of [...devices, asGpu]) {
  Deno.test({
    name: `${name} runs random graphs as the float64 reference does`,
    ignore: !present,
    async fn(t) {
      await using device = await open();
      for (const seed of seeds(name.startsWith("WebGPU") ? COMPILED : 40)) {
        await t.step(`seed ${seed}`, () => check(device, seed, "f32"));
      }
    },
  });
}

Deno.test({
  name: "WebGPU runs random graphs in half precision near to the float64 reference",
  ignore: !hasHalf,
  async fn(t) {
    await using device = await devices[0].open();
    for (const seed of seeds(COMPILED)) await t.step(`seed ${seed}`, () => check(device, seed, "f16"));
  },
});
