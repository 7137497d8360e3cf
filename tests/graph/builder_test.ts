import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { Tensor } from "../../kernels/op.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";

/** A builder with two inputs of [2, 3], one of [3] and a scalar. */
function setUp() {
  const b = new GraphBuilder();
  return { b, x: b.input("x", [2, 3]), y: b.input("y", [2, 3]), row: b.input("row", [3]), rate: b.input("rate", []) };
}

type Build = (given: ReturnType<typeof setUp>) => Tensor;

const same: readonly [name: string, first: Build, second: Build][] = [
  ["an op on the same inputs", ({ b, x, y }) => b.add(x, y), ({ b, x, y }) => b.add(x, y)],
  ["a constant", ({ b }) => b.constant(2), ({ b }) => b.constant(2)],
  ["not-a-number", ({ b }) => b.constant(NaN), ({ b }) => b.constant(0 / 0)],
  ["an input", ({ x }) => x, ({ b }) => b.input("x", [2, 3])],
  ["a state", ({ b }) => b.state("w", [4]), ({ b }) => b.state("w", [4])],
  ["axes in another order", ({ b, x }) => b.sum(x, [0, 1]), ({ b, x }) => b.sum(x, [1, 0])],
  ["axes counted from the last", ({ b, x }) => b.sum(x, [1]), ({ b, x }) => b.sum(x, [-1])],
  ["all axes and no axes named", ({ b, x }) => b.max(x, [0, 1]), ({ b, x }) => b.max(x)],
  ["a mean without its axis", ({ b, x }) => b.mean(x, [1], false), ({ b, x }) => b.mean(x, [-1], false)],
  ["a reshape of a reshape", ({ b, x }) => b.reshape(b.reshape(x, [6]), [3, 2]), ({ b, x }) => b.reshape(x, [3, 2])],
  ["a reshape back", ({ b, x }) => b.reshape(b.reshape(x, [6]), [2, 3]), ({ x }) => x],
  ["adding 0", ({ b, x }) => b.add(0, b.add(x, 0)), ({ x }) => x],
  ["subtracting 0", ({ b, x }) => b.sub(x, 0), ({ x }) => x],
  ["multiplying by 1", ({ b, x }) => b.mul(1, b.mul(x, 1)), ({ x }) => x],
  ["dividing by 1", ({ b, x }) => b.div(x, 1), ({ x }) => x],
  ["summing axes of size 1", ({ b, x }) => b.sum(b.reshape(x, [1, 6]), [0], false), ({ b, x }) => b.reshape(x, [6])],
  ["summing to the same shape", ({ b, x }) => b.sumTo(x, [2, 3]), ({ x }) => x],
  ["broadcasting to the same shape", ({ b, x }) => b.broadcastTo(x, [2, 3]), ({ x }) => x],
];

const different: readonly [name: string, first: Build, second: Build][] = [
  ["operands in another order", ({ b, x, y }) => b.sub(x, y), ({ b, x, y }) => b.sub(y, x)],
  ["attributes", ({ b, x }) => b.sum(x, [0]), ({ b, x }) => b.sum(x, [1])],
  ["a scalar and one element", ({ b }) => b.state("s", []), ({ b }) => b.reshape(b.state("s", []), [1])],
  ["infinity and not-a-number", ({ b }) => b.constant(Infinity), ({ b }) => b.constant(NaN)],
  ["the two infinities", ({ b }) => b.constant(Infinity), ({ b }) => b.constant(-Infinity)],
  ["the two zeros", ({ b }) => b.constant(0), ({ b }) => b.constant(-0)],
  ["an input and a state of one name", ({ x }) => x, ({ b }) => b.state("x", [2, 3])],
];

Deno.test("GraphBuilder gives equal calls one node, and no node to what changes nothing", async (t) => {
  for (const [name, first, second] of same) {
    await t.step(name, () => {
      const given = setUp();
      assertStrictEquals(first(given), second(given));
    });
  }
});

Deno.test("GraphBuilder tells apart what differs in", async (t) => {
  for (const [name, first, second] of different) {
    await t.step(name, () => {
      const given = setUp();
      assertNotStrictEquals(first(given), second(given));
    });
  }
});

const shapes: readonly [name: string, build: Build, shape: readonly number[]][] = [
  ["broadcasting", ({ b, x, row }) => b.add(b.reshape(x, [2, 1, 3]), row), [2, 1, 3]],
  ["a sum that keeps its axes", ({ b, x }) => b.sum(x, [1]), [2, 1]],
  ["a sum that does not", ({ b, x }) => b.sum(x, [1], false), [2]],
  ["a mean over all axes", ({ b, x }) => b.mean(x, undefined, false), []],
  ["a mean over the last axis", ({ b, x }) => b.mean(x, [-1], false), [2]],
  ["a sum of what was broadcast", ({ b, x }) => b.sumTo(x, [3]), [3]],
  ["a sum to a scalar", ({ b, x }) => b.sumTo(x, []), []],
  ["a permutation", ({ b, x }) => b.permute(x, [1, 0]), [3, 2]],
  ["a slice", ({ b, x }) => b.slice(x, [1, 0], [1, 2]), [1, 2]],
  ["zeros around", ({ b, x }) => b.pad(x, [1, 0], [0, 2]), [3, 5]],
  ["tensors joined", ({ b, x, y }) => b.concat([x, y, x], 0), [6, 3]],
  ["a scalar input as a matrix", ({ b, rate }) => b.reshape(rate, [1, 1]), [1, 1]],
];

Deno.test("GraphBuilder gives the shape of", async (t) => {
  for (const [name, build, shape] of shapes) await t.step(name, () => assertEquals(build(setUp()).shape, shape));
});

const refused: readonly [name: string, build: (given: ReturnType<typeof setUp>) => unknown, message: string][] = [
  ["shapes that do not fit", ({ b, x }) => b.add(x, b.input("z", [4, 5])), "Cannot add [2, 3] and [4, 5]: axis 0"],
  ["an axis that is not there", ({ b, x }) => b.sum(x, [2]), "Cannot sum axis 2 of [2, 3]: axes go from 0 to 1"],
  ["a reshape to another size", ({ b, x }) => b.reshape(x, [4]), "Cannot reshape [2, 3] to [4]: 6 elements are not 4"],
  ["a broadcast that shrinks", ({ b, x }) => b.broadcastTo(x, [3]), "Cannot broadcast [2, 3] to [3]"],
  ["an op that is not there", ({ b, x }) => b.op("conv7d", [x]), "No op is called conv7d"],
  ["a tensor of another graph", ({ x }) => new GraphBuilder().neg(x), "Cannot use a tensor of another graph"],
  ["one input in two shapes", ({ b }) => b.input("x", [3, 2]), "Cannot use [3, 2] as input x: it has the shape [2, 3]"],
  ["one state in two shapes", ({ b }) => [b.state("w", []), b.state("w", [1])], "Cannot use [1] as state w"],
  ["a new value of another shape", ({ b, x }) => {
    b.state("w", [3]);
    b.assign("w", x);
  }, "Cannot use [2, 3] as state w: it has the shape [3]"],
];

Deno.test("GraphBuilder refuses", async (t) => {
  for (const [name, build, message] of refused) {
    await t.step(name, () => void assertThrows(() => build(setUp()), TypeError, message));
  }
});

Deno.test("output() and assign() copy what no step of the run writes", () => {
  const { b, x, rate } = setUp();
  const state = b.state("w", [2, 3]);
  const bare = { input: x, view: b.reshape(x, [6]), scalar: rate, constant: b.constant(1), state };
  for (const [name, tensor] of Object.entries(bare)) b.output(name, tensor);
  b.assign("v", state);
  const { outputs, assignments } = b.graph;
  for (const node of [...Object.values(outputs), assignments[0].value]) assertEquals(node.op, "broadcastTo");
  const computed = b.neg(x);
  b.output("computed", computed);
  assert(b.graph.outputs.computed === computed, "what is computed is not copied");
});

Deno.test("assign() of a state replaces an earlier one", () => {
  const { b, x, y } = setUp();
  b.assign("w", b.neg(x));
  const last = b.neg(y);
  b.assign("w", last);
  assertEquals(b.graph.assignments, [{ state: "w", value: last as never }]);
});
