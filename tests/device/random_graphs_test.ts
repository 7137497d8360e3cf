import type { Device } from "../../src/device/device.ts";
import { runReference } from "../../src/device/reference.ts";
import { devices } from "../kernels/devices.ts";
import { randomGraph } from "./random_graphs.ts";

/** Seeds to try: a few, or those of `RANDOM_GRAPHS=first-last`. */
function seeds(few: number): number[] {
  const [first, last] = (Deno.env.get("RANDOM_GRAPHS") ?? `1-${few}`).split("-").map(Number);
  return Array.from({ length: last - first + 1 }, (_, k) => first + k);
}

type Numbers = Readonly<Record<string, ArrayLike<number>>>;

/** Throws unless each number is within float32's reach of what is wanted. */
function assertNear(got: Numbers, want: Numbers, where: string): void {
  for (const [name, wanted] of Object.entries(want)) {
    const values = got[name];
    const scale = 1 + Math.max(...Array.from(wanted, Math.abs));
    const at = Array.from(wanted).findIndex((value, k) => !(Math.abs(values[k] - value) <= 1e-4 * scale));
    if (at >= 0 || values.length !== wanted.length) {
      throw new Error(
        `${where}: ${name}[${at}] of ${wanted.length} is ${values[at]} of ${values.length}, not ${wanted[at]}`,
      );
    }
  }
}

/** Runs the graph of a seed twice over its states; the second run finds what the first left. */
async function check(device: Device, seed: number): Promise<void> {
  const { graph, inputs, states } = randomGraph(seed);
  using session = device.open();
  for (const [name, values] of Object.entries(states)) session.write(name, values);
  const program = session.compile(graph);
  let old: Numbers = states;
  for (const run of ["first", "second"]) {
    program.run(inputs);
    const outputs = await program.outputs();
    const after = Object.fromEntries(await session.read(Object.keys(states)));
    const want = runReference(graph, { ...inputs, ...old });
    const where = `Seed ${seed}, ${run} run (RANDOM_GRAPHS=${seed}-${seed})`;
    assertNear(outputs, want.outputs, `${where}, outputs`);
    assertNear(after, { ...old, ...Object.fromEntries(want.states) }, `${where}, states`);
    // What is there is what the next run starts from, rounded as it is.
    old = after;
  }
}

for (const { name, present, open } of devices) {
  Deno.test({
    name: `${name} runs random graphs as the float64 reference does`,
    ignore: !present,
    async fn(t) {
      await using device = await open();
      for (const seed of seeds(name === "WebGPU" ? 12 : 40)) {
        await t.step(`seed ${seed}`, () => check(device, seed));
      }
    },
  });
}
