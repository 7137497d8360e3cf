import { assertEquals, assertNotEquals } from "@std/assert";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { cut } from "../../src/graph/passes/cut.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/passes/lower.ts";
import { plan } from "../../src/graph/passes/plan.ts";
import { recompute } from "../../src/graph/passes/recompute.ts";
import { halfTensors } from "../../src/graph/passes/precision.ts";
import { fuse } from "../../src/graph/passes/fuse.ts";
import { EVERYTHING } from "./programs.ts";

function graphOf(build: (b: GraphBuilder) => void, precision: "f32" | "f16" = "f16"): Graph {
  const b = new GraphBuilder({ precision });
  build(b);
  return lower(b.graph);
}

/** Ops of the tensors that are stored, by how they are held: states and inputs are left out. */
function stored(graph: Graph): Record<"f16" | "f32", string[]> {
  const { places } = plan(graph, fuse(graph, EVERYTHING), { maxPage: 2 ** 28 });
  const names = (precision: string) =>
    [...places].filter(([, at]) => at.in === "arena" && at.precision === precision).map(([{ op }]) => op).sort();
  return { f16: names("f16"), f32: names("f32") };
}

interface Case {
  readonly name: string;
  readonly build: (b: GraphBuilder) => void;
  readonly f16: readonly string[];
  readonly f32: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: "activations are halved, what is read back is not",
    build: (b) => {
      const x = b.matmul(b.input("x", [8, 8]), b.state("w", [8, 8]));
      b.output("y", b.matmul(b.relu(x), b.state("v", [8, 8])));
    },
    f16: ["relu"],
    f32: ["matmul"],
  },
  {
    name: "statistics are not halved",
    build: (b) => {
      const x = b.matmul(b.input("x", [8, 8]), b.state("w", [8, 8]));
      const scale = b.rsqrt(b.add(b.mean(b.square(x), [1]), 1e-5));
      b.output("y", b.matmul(b.mul(x, scale), x));
    },
    f16: ["matmul", "mul"],
    f32: ["matmul", "rsqrt"],
  },
  {
    name: "a weight's gradient is not halved, an activation's is",
    build: (b) => {
      const [w, v] = [b.state("w", [8, 8]), b.state("v", [8, 8])];
      const y = b.matmul(b.tanh(b.matmul(b.input("x", [8, 8]), w)), v);
      const loss = b.sum(b.square(y));
      const [dw, dv] = differentiate(b, loss, [w, v]);
      b.assign("w", b.sub(w, b.mul(dw, 0.1)));
      b.assign("v", b.sub(v, b.mul(dv, b.sum(b.square(dw)))));
    },
    f16: ["mul", "mul", "tanh"],
    f32: ["matmul", "sum"],
  },
  {
    name: "what only moves keeps its precision",
    build: (b) => {
      const [x, w] = [b.input("x", [8, 8]), b.state("w", [8, 8])];
      const moved = b.matmul(b.permute(x, [1, 0]), b.permute(w, [1, 0]));
      b.output("y", b.matmul(b.permute(moved, [1, 0]), w));
    },
    f16: ["matmul", "permute"],
    f32: ["matmul", "permute", "permute"],
  },
  {
    name: "positions are not rounded",
    build: (b) => {
      const x = b.matmul(b.input("x", [1, 1, 8, 8]), b.state("w", [1, 1, 8, 8]));
      const y = b.op("maxPool2d", [x], { kernel: 2, stride: 1, padding: 0 });
      const [dx] = differentiate(b, b.sum(b.square(y)), [x]);
      b.output("dx", b.matmul(dx, x));
    },
    f16: ["matmul", "maxPool2d", "maxPool2dGrad"],
    f32: ["matmul", "maxPool2dPosition"],
  },
];

Deno.test("halfTensors()", async (t) => {
  for (const { name, build, f16, f32 } of cases) {
    await t.step(name, () => {
      assertEquals(stored(graphOf(build)), { f16: [...f16], f32: [...f32] });
      assertEquals(halfTensors(graphOf(build, "f32")).size, 0);
    });
  }
});

Deno.test("plan() gives halves half the bytes", () => {
  const bytes = (precision: "f32" | "f16") => {
    const graph = graphOf((b) => {
      const x = b.matmul(b.input("x", [64, 64]), b.state("w", [64, 64]));
      b.output("y", b.matmul(x, x));
    }, precision);
    const { pages, lowerBound } = plan(graph, fuse(graph, EVERYTHING), { maxPage: 2 ** 28 });
    return [...pages, lowerBound];
  };
  assertEquals(bytes("f32"), [32768, 32768]);
  assertEquals(bytes("f16"), [16384 + 8192, 16384 + 8192]);
});

Deno.test("plan() lets a result take the place of an operand that is held alike alone", () => {
  const offsets = (precision: "f32" | "f16") => {
    const graph = graphOf((b) => {
      const x = b.matmul(b.input("x", [1, 8, 2, 4]), b.state("w", [1, 8, 4, 4]));
      // 64 numbers: 256 bytes in either precision.
      const sums = b.op("channelWindowSum", [x], { size: 3 });
      b.output("s", b.permute(sums, [3, 2, 1, 0]));
      const product = b.mul(x, sums);
      b.output("y", b.matmul(product, b.permute(product, [0, 1, 3, 2])));
      b.output("z", b.max(x));
    }, precision);
    const { places } = plan(graph, fuse(graph, EVERYTHING), { maxPage: 2 ** 28 });
    const placeOf = (op: string) => [...places].find(([node]) => node.op === op)![1];
    assertEquals(placeOf("mul").bytes, placeOf("channelWindowSum").bytes);
    return [placeOf("channelWindowSum").offset, placeOf("mul").offset];
  };
  const [full, half] = [offsets("f32"), offsets("f16")];
  assertEquals(full[0], full[1]);
  assertNotEquals(half[0], half[1]);
});

Deno.test("lower(), cut() and recompute() keep the precision", () => {
  const b = new GraphBuilder({ precision: "f16" });
  const loss = b.sum(b.matmul(b.input("x", [128, 64]), b.state("w", [64, 64])), undefined, false);
  b.output("loss", loss);
  assertEquals([lower(b.graph), cut(lower(b.graph), 16384), recompute(b.graph, loss)].map((x) => x.precision), [
    ...["f16", "f16", "f16"],
  ]);
});
