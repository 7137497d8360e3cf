import { assertEquals } from "@std/assert";
import type { Attrs, Shape } from "../../kernels/op.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { devices } from "./devices.ts";

/**
 * Where a NaN in x must come out of y: one that vanishes would let a diverged run go on. Comparisons are what loses
 * them, and shader compilers assume that there are none.
 */
const cases: readonly { op: string; shape: Shape; attrs?: Attrs; nanAt: number; shown: readonly number[] }[] = [
  // Windows of 2 × 2 on a 4 × 4 picture: the NaN is the first, then the last that its window looks at.
  { op: "maxPool2d", shape: [1, 1, 4, 4], attrs: { kernel: 2, stride: 2, padding: 0 }, nanAt: 2, shown: [1] },
  { op: "maxPool2d", shape: [1, 1, 4, 4], attrs: { kernel: 2, stride: 2, padding: 0 }, nanAt: 13, shown: [2] },
  { op: "maxPool2d", shape: [1, 1, 4, 4], attrs: { kernel: 3, stride: 1, padding: 0 }, nanAt: 5, shown: [0, 1, 2, 3] },
  { op: "avgPool2d", shape: [1, 1, 4, 4], attrs: { kernel: 2, stride: 2, padding: 0 }, nanAt: 2, shown: [1] },
  { op: "max", shape: [2, 70], attrs: { axes: [1] }, nanAt: 0, shown: [0] },
  { op: "max", shape: [2, 70], attrs: { axes: [1] }, nanAt: 139, shown: [1] },
  { op: "max", shape: [2, 68], attrs: { axes: [1] }, nanAt: 69, shown: [1] },
  { op: "max", shape: [3, 2], attrs: { axes: [0] }, nanAt: 1, shown: [1] },
  { op: "sum", shape: [2, 70], attrs: { axes: [1] }, nanAt: 3, shown: [0] },
  { op: "relu", shape: [7], nanAt: 3, shown: [3] },
  { op: "relu", shape: [8], nanAt: 3, shown: [3] },
  { op: "erf", shape: [7], nanAt: 3, shown: [3] },
  { op: "erf", shape: [8], nanAt: 3, shown: [3] },
  { op: "softmax", shape: [2, 3], nanAt: 1, shown: [0, 1, 2] },
  { op: "logSoftmax", shape: [2, 3], nanAt: 3, shown: [3, 4, 5] },
];

for (const { name, present, open } of devices) {
  Deno.test({
    name: `${name} lets no NaN vanish`,
    ignore: !present,
    async fn(t) {
      await using device = await open();
      using session = device.open();
      for (const { op, shape, attrs, nanAt, shown } of cases) {
        await t.step(`${op} of [${shape.join(", ")}] with a NaN at ${nanAt}`, async () => {
          const b = new GraphBuilder();
          b.output("y", b.op(op, [b.input("x", shape)], attrs));
          const program = session.compile(b.graph);
          const x = Float32Array.from({ length: shape.reduce((a, size) => a * size, 1) }, (_, i) => i % 5);
          x[nanAt] = NaN;
          program.run({ x });
          const { y } = await program.outputs();
          assertEquals([...y.keys()].filter((at) => Number.isNaN(y[at])), shown);
        });
      }
    },
  });
}
