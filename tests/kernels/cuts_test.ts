import { assert, assertEquals } from "@std/assert";
import { registry } from "../../kernels/mod.ts";
import type { Cut, Op, Tensor } from "../../kernels/op.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { samplesOf, type Trial } from "./trials.ts";

const PARTS = 2;

/** Can a trial be cut in two this way? */
function halves({ shapes }: Trial, way: Cut): boolean {
  const axes = way.inputs.flatMap((axis, k) => axis === undefined ? [] : [shapes[k][axis]]);
  return axes.every((size) => size % PARTS === 0);
}

/** The call as it is, and in parts put together, by the float64 reference. */
function bothWays({ op, shapes, attrs, given }: Trial, way: Cut) {
  const b = new GraphBuilder();
  const xs = shapes.map((shape, k) => b.input(`x${k}`, shape));
  const part = (x: Tensor, axis: number | undefined, k: number): Tensor => {
    if (axis === undefined) return x;
    const size = x.shape.map((count, other) => other === axis ? count / PARTS : count);
    return b.slice(x, size.map((count, other) => other === axis ? k * count : 0), size);
  };
  const parts = [0, 1].map((k) =>
    b.op(op.name, xs.map((x, i) => part(x, way.inputs[i], k)), { ...attrs, ...way.attrs?.(k, PARTS) })
  );
  b.output("whole", b.op(op.name, xs, attrs));
  b.output(
    "parts",
    typeof way.output === "number"
      ? b.concat(parts, way.output)
      : parts.reduce((sum, value) => way.output === "sum" ? b.add(sum, value) : b.maximum(sum, value)),
  );
  return runReference(b.graph, given).outputs;
}

function waysOf(op: Op): { trial: Trial; way: Cut }[] {
  return samplesOf(op).flatMap((trial) => {
    const output = op.shape(trial.shapes, trial.attrs);
    const ways = op.cuts!({ inputs: trial.shapes, output, attrs: trial.attrs });
    return ways.filter((way) =>
      halves(trial, way) && (typeof way.output !== "number" || output[way.output] % PARTS === 0)
    )
      .map((way) => ({ trial, way }));
  });
}

Deno.test("a call in parts gives what the whole call gives, in each way that an op declares", async (t) => {
  for (const op of registry.values()) {
    if (!op.cuts) continue;
    await t.step(op.name, () => {
      const ways = waysOf(op);
      assert(ways.length > 0, `no sample of ${op.name} can be cut in two`);
      for (const { trial, way } of ways) {
        const { whole, parts } = bothWays(trial, way);
        const where = `${trial.label}, inputs along ${way.inputs.join(", ")}`;
        assertEquals(parts.length, whole.length, where);
        const scale = 1 + whole.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const at = whole.findIndex((value, k) => !(Math.abs(parts[k] - value) <= 1e-10 * scale));
        assert(at < 0, `${where}: element ${at} is ${parts[at]}, not ${whole[at]}`);
      }
    });
  }
});
