import { assert, assertEquals } from "@std/assert";
import type { Tensor } from "../../kernels/op.ts";
import { elementwise } from "../../kernels/elementwise.ts";
import type { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { fuse, type FuseOptions } from "../../src/graph/passes/fuse.ts";
import { liveNodes, storageOf } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/passes/lower.ts";
import { adam } from "../../src/train/optimizers/mod.ts";
import { randomGraph } from "../device/random_graphs.ts";
import { EVERYTHING, fused, MAPS_ONLY, textOf } from "./programs.ts";

const pool = { kernel: 2, stride: 2, padding: 0 };

/** Batch norm in training of a picture, and its output after ReLU. */
function normRelu(b: GraphBuilder): { x: Tensor; gamma: Tensor; beta: Tensor; y: Tensor } {
  const [x, gamma, beta] = [b.input("x", [4, 3, 6, 6]), b.state("gamma", [3]), b.state("beta", [3])];
  return { x, gamma, beta, y: b.relu(b.op("batchNorm", [x, gamma, beta], { eps: 1e-5 })) };
}

interface Case {
  readonly name: string;
  readonly build: (b: GraphBuilder) => void;
  readonly options?: FuseOptions;
  readonly want: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "computes a chain of elementwise ops in one map",
    build: (b) => b.output("y", b.relu(b.mul(b.add(b.input("x", [4, 5]), b.input("row", [5])), 2))),
    want: ["map: row x -> y"],
  },
  {
    // x − mean is computed where it is read: storing it would be one more tensor of the size of x.
    name: "reads x, not x − mean, for batch norm in training",
    build: (b) => b.output("y", normRelu(b).y),
    want: ["sum: x -> mul", "sum(square): gamma mul x -> mul", "map: beta mul mul x -> y"],
  },
  {
    name: "computes batch norm where max pooling reads, and ReLU where it writes",
    build: (b) => b.output("y", b.op("maxPool2d", [normRelu(b).y], pool)),
    want: ["sum: x -> mul", "sum(square): gamma mul x -> mul", "maxPool2d(add): beta mul mul x -> y"],
  },
  {
    name: "adds a bias and applies ReLU where a kernel writes",
    build: (b) =>
      b.output("y", b.relu(b.add(b.op("avgPool2d", [b.input("x", [2, 3, 4, 4])], pool), b.state("w", [3, 1, 1])))),
    want: ["avgPool2d: w x -> y"],
  },
  {
    name: "adds a residual where a kernel writes",
    build: (b) => b.output("y", b.relu(b.add(b.permute(b.input("x", [4, 5]), [1, 0]), b.input("skip", [5, 4])))),
    want: ["permute: skip x -> y"],
  },
  {
    name: "updates a parameter and its moments in one map",
    build: (b) => {
      const shape = [5, 7];
      const [parameter, m, v] = ["w", "m", "v"].map((name) => b.state(name, shape));
      const scalars = Object.fromEntries(Object.keys(adam().scalars(0.1, 0)).map((name) => [name, b.input(name, [])]));
      const grad = b.input("grad", shape);
      const update = adam().update({ b, parameter, grad, moments: { m, v }, scalars, rate: 1, weightDecay: 0.1 });
      b.assign("w", update.parameter);
      b.assign("m", update.moments.m);
      b.assign("v", update.moments.v);
    },
    want: ["map: grad m v w -> m' v' w'"],
  },
  {
    name: "binds neither constants nor scalar inputs, in whatever shape they are used",
    build: (b) => {
      const rate = b.exp(b.mul(b.reshape(b.input("rate", []), [1, 1]), 3));
      b.output("y", b.mul(b.input("x", [4, 5]), b.add(b.broadcastTo(rate, [4, 1]), 2)));
    },
    want: ["map: x -> y"],
  },
  {
    name: "computes a number from a stored one wherever it is used",
    build: (b) => b.output("y", b.mul(b.input("x", [4, 5]), b.sqrt(b.add(b.state("w", []), 1)))),
    want: ["map: w x -> y"],
  },
  {
    name: "stores a number computed from two stored ones, and computes from it what guards an update",
    build: (b) => {
      const scale = b.add(b.state("s1", []), b.state("s2", []));
      const w = b.state("w", [4, 5]);
      b.assign("w", b.where(b.greater(0, scale), w, b.sub(w, b.mul(b.input("grad", [4, 5]), scale))));
    },
    want: ["map: s1 s2 -> add", "map: add grad w -> w'"],
  },
  {
    name: "stores a number drawn at random, which would be another for each element",
    build: (b) => {
      const drawn = b.op("random", [b.input("hi", []), b.input("lo", [])], { shape: [1], stream: 3 });
      b.output("y", b.mul(b.input("x", [4, 5]), b.greater(0.5, drawn)));
    },
    want: ["map:  -> greater", "map: greater x -> y"],
  },
  {
    name: "stores what a kernel without a prologue reads",
    build: (b) => b.output("y", b.sum(b.square(b.input("x", [4, 5])), [1])),
    options: MAPS_ONLY,
    want: ["map: x -> square", "sum: square -> y"],
  },
  {
    name: "keeps a kernel's own value when two read it",
    build: (b) => {
      const total = b.sum(b.input("x", [4, 5]), [1]);
      b.output("y", b.exp(total));
      b.output("z", b.permute(total, [1, 0]));
    },
    want: ["sum: x -> sum", "map: sum -> y", "permute: sum -> z"],
  },
  {
    name: "keeps a kernel's own value when it is wanted itself",
    build: (b) => {
      const total = b.sum(b.input("x", [4, 5]), [1]);
      b.output("total", total);
      b.output("y", b.exp(total));
    },
    want: ["sum: x -> total", "map: total -> y"],
  },
  {
    name: "stores a value that is broadcast where it is read",
    build: (b) => b.output("y", b.mul(b.input("x", [4, 5]), b.exp(b.input("row", [5])))),
    want: ["map: row -> exp", "map: exp x -> y"],
  },
  {
    name: "joins maps of one shape, one reading the other",
    build: (b) => {
      const y = b.exp(b.input("x", [4, 5]));
      b.output("y", y);
      b.output("z", b.mul(y, b.input("w", [4, 5])));
    },
    want: ["map: w x -> y z"],
  },
  {
    name: "does not join maps where one reads the other under another shape",
    build: (b) => {
      const x = b.input("x", [1, 4, 5]);
      const y = b.exp(x);
      b.output("y", y);
      b.output("z", b.add(b.reshape(y, [4, 5]), x));
    },
    want: ["map: x -> y", "map: x y -> z"],
  },
  {
    name: "joins the updates of one parameter, but not those of two that have one gradient",
    build: (b) => {
      const grad = b.sum(b.input("x", [3, 5]), [0], false);
      for (const name of ["v", "w"]) {
        const momentum = b.add(b.mul(b.state(`momentum of ${name}`, [5]), 0.9), grad);
        b.assign(`momentum of ${name}`, momentum);
        b.assign(name, b.sub(b.state(name, [5]), momentum));
      }
    },
    want: [
      "sum: x -> sum",
      "map: momentum of v sum v -> momentum of v' v'",
      "map: momentum of w sum w -> momentum of w' w'",
    ],
  },
  {
    name: "joins sums of tensors of one shape",
    build: (b) => {
      const [x, y] = [b.input("x", [4, 5]), b.input("y", [4, 5])];
      b.output("a", b.sum(x, [1]));
      b.output("b", b.sum(b.mul(x, y), [1]));
    },
    want: ["sum + sum(mul): x y -> a b"],
  },
  {
    name: "does not join sums over other axes, or where one reads the other",
    build: (b) => {
      const x = b.input("x", [4, 4]);
      const rows = b.sum(x, [1]);
      b.output("columns", b.sum(x, [0]));
      b.output("spread", b.sum(b.square(b.sub(x, rows)), [1]));
    },
    want: ["sum: x -> sum", "sum: x -> columns", "sum(square): sum x -> spread"],
  },
  {
    name: "stores what a kernel would read too many tensors for",
    build: (b) => {
      const sum = (first: number) =>
        [1, 2, 3, 4].map((k) => b.input(`x${first + k}`, [4])).reduce((total, x) => b.add(total, x));
      b.output("y", b.concat([sum(0), sum(4)], 0));
    },
    want: ["map: x1 x2 x3 x4 -> add", "concatPair(add): add x5 x6 x7 x8 -> y"],
  },
  {
    name: "writes one tensor a map where a device can write no more",
    build: (b) => {
      const x = b.input("x", [4, 5]);
      b.output("y", b.exp(x));
      b.output("z", b.neg(x));
    },
    options: MAPS_ONLY,
    want: ["map: x -> y", "map: x -> z"],
  },
];

Deno.test("fuse()", async (t) => {
  for (const { name, build, options, want } of cases) {
    await t.step(name, () => {
      const { graph, steps } = fused(build, options);
      assertEquals(steps.map((step) => textOf(step, graph)), [...want]);
    });
  }
});

Deno.test("fuse() stores nothing of the picture's size for the backward pass of batch norm, ReLU and pooling but its gradients", () => {
  const { steps } = fused((b) => {
    const { x, gamma, beta, y } = normRelu(b);
    const loss = b.sum(b.square(b.op("avgPool2d", [y], pool)), undefined, false);
    differentiate(b, loss, [x, gamma, beta]).forEach((grad, k) => b.output(`grad${k}`, grad));
  });
  const large = steps.flatMap(({ writes }) => writes).filter(({ shape }) => `${shape}` === "4,3,6,6");
  // The gradient of batch norm's output, and that of x.
  assertEquals(large.length, 2);
});

/** Every seed's graph under every device's options. */
const programs = Array.from({ length: 150 }, (_, k) => k + 1).flatMap((seed) =>
  [EVERYTHING, MAPS_ONLY, { ...EVERYTHING, maxBindings: 5 }, { ...EVERYTHING, maxJoined: 16 }].map((options) => {
    const graph = lower(randomGraph(seed).graph);
    return { where: `seed ${seed}, ${JSON.stringify(options)}`, options, graph, steps: fuse(graph, options) };
  })
);

Deno.test("fuse() gives steps that read what is there and write what is wanted, once", () => {
  for (const { where, graph, steps } of programs) {
    const there = new Set(liveNodes(graph).filter(({ op }) => op === "input" || op === "state"));
    for (const { reads, writes } of steps) {
      for (const read of reads) assert(there.has(read), `${where}: node ${read.id} is read before it is written`);
      for (const write of writes) assert(!there.has(write), `${where}: node ${write.id} is written twice`);
      for (const write of writes) there.add(write);
    }
    const wanted = [...Object.values(graph.outputs), ...graph.assignments.map(({ value }) => value)];
    for (const node of wanted) assert(there.has(storageOf(node)), `${where}: node ${node.id} is not written`);
  }
});

Deno.test("fuse() keeps to what a device can bind and write", () => {
  for (const { where, options, steps } of programs) {
    for (const { kernels, reads, writes } of steps) {
      const [kernel] = kernels.map((use) => use.kernel);
      const bound = reads.length + writes.length;
      assert(
        bound <= Math.max(options.maxBindings, options.maxJoined),
        `${where}: ${kernel?.op ?? "a map"} binds ${bound}`,
      );
      assert(options.manyWrites || writes.length === 1, `${where}: ${writes.length} writes`);
      assert(options.prologues || kernels.every(({ prologue }) => prologue.size === 0), `${where}: a prologue`);
      assert(options.epilogues || !kernel || writes[0] === kernel, `${where}: an epilogue`);
    }
  }
});

Deno.test("fuse() cuts a sum of many tensors into maps that can be bound", () => {
  const { steps } = fused((b) => {
    const terms = Array.from({ length: 30 }, (_, k) => b.input(`x${k}`, [4]));
    b.output("sum", terms.slice(1).reduce((sum, term) => b.add(sum, term), terms[0]));
  });
  assertEquals(new Set(steps.flatMap(({ reads }) => reads.filter(({ op }) => op === "input"))).size, 30);
  for (const { reads } of steps) assert(reads.length <= 7);
  assertEquals(steps.length, 5);
});

Deno.test("fuse() cuts a long chain, which no compiler would take at once", () => {
  const { steps } = fused((b) => {
    let x: Tensor = b.input("x", [4]);
    for (let k = 0; k < 200; k++) x = b.tanh(b.add(x, 1));
    b.output("y", x);
  }, { ...EVERYTHING, manyWrites: false });
  const length = (node: Tensor, reads: ReadonlySet<unknown>): number => {
    const { op, inputs } = node as unknown as { op: string; inputs: Tensor[] };
    if (!elementwise.has(op)) return 0;
    return 1 + inputs.filter((input) => !reads.has(input)).reduce((sum, input) => sum + length(input, reads), 0);
  };
  for (const { roots, reads } of steps) assert(length(roots[0], new Set(reads)) <= 64);
  assertEquals(steps.length, 7);
});
