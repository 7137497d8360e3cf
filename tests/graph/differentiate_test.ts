import { assertEquals, assertThrows } from "@std/assert";
import type { Shape, Tensor } from "../../kernels/op.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { runReference } from "../../src/device/reference.ts";

interface Case {
  readonly name: string;
  /** The loss, from x = [1, 2, 3] of shape [3] and w of [2, 3] = [[1, −1, 2], [0, 3, −2]]. */
  readonly loss: (b: GraphBuilder, x: Tensor, w: Tensor) => Tensor;
  readonly dx: readonly number[];
  readonly dw: readonly number[];
}

const VALUES = { x: [1, 2, 3], w: [1, -1, 2, 0, 3, -2] };
const SHAPES: Readonly<Record<string, Shape>> = { x: [3], w: [2, 3] };
const zeros = [0, 0, 0, 0, 0, 0];

/** Worked out by hand. */
const cases: readonly Case[] = [
  {
    name: "sums over every use of a tensor",
    loss: (b, x) => b.sum(b.add(b.mul(x, x), b.mul(x, 3)), undefined, false),
    dx: [5, 7, 9],
    dw: zeros,
  },
  {
    name: "sums over what broadcasting repeated",
    loss: (b, x, w) => b.sum(b.mul(x, w)),
    dx: [1, 2, 0],
    dw: [1, 2, 3, 1, 2, 3],
  },
  {
    name: "takes one path through a tensor that is used by many",
    loss: (b, x) => {
      const y = b.mul(x, 2);
      return b.sum(b.add(b.add(y, y), b.mul(y, y)));
    },
    dx: [12, 20, 28],
    dw: zeros,
  },
  {
    name: "passes through reshape, permute, slice and pad",
    loss: (b, x, w) => {
      const column = b.permute(b.slice(b.reshape(w, [3, 2]), [0, 1], [3, 1]), [1, 0]);
      return b.sum(b.mul(b.pad(b.reshape(column, [3]), [0], [0]), x));
    },
    // w as [[1, −1], [2, 0], [3, −2]]: its second column times x.
    dx: [-1, 0, -2],
    dw: [0, 1, 0, 2, 0, 3],
  },
  {
    name: "stops at comparisons",
    loss: (b, x) => b.sum(b.mul(x, b.greater(x, 1.5))),
    dx: [0, 1, 1],
    dw: zeros,
  },
  {
    name: "gives each half of where its part",
    loss: (b, x, w) => b.sum(b.where(b.greater(w, 0), b.mul(w, 5), x)),
    dx: [1, 1, 1],
    dw: [5, 0, 5, 0, 5, 0],
  },
];

Deno.test("differentiate()", async (t) => {
  for (const { name, loss, dx, dw } of cases) {
    await t.step(name, () => {
      const b = new GraphBuilder();
      const [x, w] = [b.input("x", SHAPES.x), b.input("w", SHAPES.w)];
      const grads = differentiate(b, loss(b, x, w), [x, w]);
      grads.forEach((grad, k) => b.output(["dx", "dw"][k], grad));
      assertEquals(grads.map(({ shape }) => shape), [SHAPES.x, SHAPES.w]);
      const { outputs } = runReference(b.graph, VALUES);
      assertEquals({ dx: [...outputs.dx], dw: [...outputs.dw] }, { dx: [...dx], dw: [...dw] });
    });
  }
});

Deno.test("differentiate() gives the gradient of a tensor on the way, and of the loss itself", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [3]);
  const y = b.square(x);
  const loss = b.sum(b.mul(y, 4), undefined, false);
  const [dy, dloss] = differentiate(b, loss, [y, loss]);
  b.output("dy", dy);
  b.output("dloss", dloss);
  const { outputs } = runReference(b.graph, VALUES);
  assertEquals([...outputs.dy], [4, 4, 4]);
  assertEquals([...outputs.dloss], [1]);
});

Deno.test("differentiate() does no work for tensors that need no gradient", () => {
  const b = new GraphBuilder();
  const [x, w] = [b.input("x", [3]), b.input("w", [2, 3])];
  const loss = b.sum(b.mul(b.mul(x, 2), w));
  const before = b.graph.nodes.length;
  differentiate(b, loss, [w]);
  // The seed (a constant and its spread over the sum) and the product with 2x; nothing towards x.
  const added = b.graph.nodes.slice(before).map(({ op }) => op);
  assertEquals(added, ["constant", "broadcastTo", "broadcastTo", "mul"]);
});

Deno.test("differentiate() refuses a loss of several elements", () => {
  const b = new GraphBuilder();
  const x = b.input("x", [3]);
  assertThrows(() => differentiate(b, b.neg(x), [x]), TypeError, "Cannot differentiate [3]: a loss has one element");
});
