import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { Tensor } from "../../kernels/op.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { devices } from "../kernels/devices.ts";

const VALUES = {
  x: Float32Array.from({ length: 20 }, (_, k) => k / 7 - 1),
  y: Float32Array.from({ length: 20 }, (_, k) => 2 - k / 5),
  rate: Float32Array.of(0.75),
};

interface Given {
  readonly b: GraphBuilder;
  /** [4, 5]. */
  readonly x: Tensor;
  /** [4, 5]. */
  readonly y: Tensor;
  readonly rate: Tensor;
}

/** Graphs that once went wrong, or could: found by the random ones. */
const cases: readonly [name: string, build: (given: Given) => readonly Tensor[]][] = [
  ["one kernel on operands of several sizes with equal outputs", ({ b, x }) => [
    b.slice(x, [0, 0], [1, 4]),
    b.slice(b.slice(x, [0, 0], [3, 4]), [0, 0], [1, 4]),
    b.mul(x, b.slice(x, [0, 0], [1, 5])),
    b.mul(x, b.slice(x, [0, 0], [4, 1])),
  ]],
  ["a number that is the same everywhere, stored and used in a larger shape", ({ b, x, rate }) => {
    const spread = b.broadcastTo(b.mul(rate, 2), [1]);
    return [spread, b.add(x, b.tanh(spread))];
  }],
  ["a number drawn at random, used in a larger shape", ({ b, x, rate }) => [
    b.mul(x, b.add(b.op("random", [b.mul(rate, 4), 7], { shape: [1], stream: 3 }), 1)),
  ]],
  ["positions, shifted and used in a larger shape", ({ b, x }) => [
    b.mul(x, b.exp(b.op("iota", [], { shape: [1] }))),
  ]],
  ["a scalar input as a matrix, read by a kernel", ({ b, rate }) => [
    b.permute(b.reshape(rate, [1, 1]), [1, 0]),
    b.pad(b.reshape(rate, [1, 1]), [0, 1], [1, 1]),
  ]],
  ["two sums of many tensors in one kernel", ({ b, x }) => {
    const parts = Array.from({ length: 12 }, (_, k) => b.permute(b.mul(x, k / 8), [1, 0]));
    const sum = (terms: readonly Tensor[]) => terms.reduce((total, term) => b.add(total, b.mul(term, term)));
    return [b.concat([sum(parts.slice(0, 6)), sum(parts.slice(6))], 0)];
  }],
  ["a map that reads and writes one tensor in two shapes", ({ b, x }) => {
    const y = b.permute(b.exp(x), [1, 0]);
    return [y, b.add(b.reshape(y, [4, 5]), x), b.permute(b.neg(y), [1, 0])];
  }],
  ["a map that reads another's result without its axis of size 1", ({ b, x }) => {
    const y = b.exp(b.reshape(x, [1, 4, 5]));
    return [y, b.add(b.reshape(y, [4, 5]), b.reshape(x, [1, 4, 5]))];
  }],
  [
    "constants that no literal has",
    ({ b, x }) =>
      [NaN, Infinity, -Infinity, 1e-20, 3e38, 1 / 3, -17].map((value) => b.where(b.greater(x, 0), value, x)),
  ],
  ["a division by an element that is 0", ({ b, x, y }) => [b.div(x, y), b.op("isFinite", [b.div(x, y)])]],
  ["a tensor that is input and output", ({ b, x, rate }) => [x, b.reshape(x, [20]), rate, b.constant(0.3)]],
];

for (const { name: device, present, open } of devices) {
  Deno.test({
    name: `${device} computes`,
    ignore: !present,
    async fn(t) {
      await using opened = await open();
      for (const [name, build] of cases) {
        await t.step(name, async () => {
          using session = opened.open();
          const b = new GraphBuilder();
          const given = { b, x: b.input("x", [4, 5]), y: b.input("y", [4, 5]), rate: b.input("rate", []) };
          build(given).forEach((tensor, k) => b.output(`output ${k}`, tensor));
          const program = session.compile(b.graph);
          program.run(VALUES);
          const got = await program.outputs();
          for (const [key, want] of Object.entries(runReference(b.graph, VALUES).outputs)) {
            assertEquals(got[key].length, want.length);
            want.forEach((value, at) => {
              const rounded = Math.fround(value);
              if (Number.isFinite(rounded)) assertAlmostEquals(got[key][at], rounded, 1e-5 * (1 + Math.abs(rounded)));
              else assertEquals(got[key][at], rounded, `${key}[${at}]`);
            });
          }
        });
      }
    },
  });
}
