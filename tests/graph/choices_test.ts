import { assertEquals, assertNotEquals } from "@std/assert";
import type { Call } from "../../kernels/op.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { bucketOf, Choices } from "../../src/graph/choices.ts";
import { cut } from "../../src/graph/passes/cut.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/passes/lower.ts";

const call = (rows: number): Call => ({
  inputs: [[rows, 768], [768, 50]],
  output: [rows, 50],
  attrs: { transposeA: false, transposeB: true },
});

Deno.test("bucketOf() rounds large sizes and keeps small ones", () => {
  assertEquals(bucketOf("matmul", call(400)), "matmul 448x768 768x56 448x56 transposeB");
  assertEquals(bucketOf("matmul", call(440)), bucketOf("matmul", call(400)));
  assertNotEquals(bucketOf("matmul", call(449)), bucketOf("matmul", call(400)));
  const small = [15, 16].map((rows) => bucketOf("matmul", call(rows)));
  assertNotEquals(small[0], small[1]);
});

Deno.test("bucketOf() tells attributes apart, and leaves out those that are sizes", () => {
  const sum = (attrs: Call["attrs"]) => bucketOf("sum", { inputs: [[4, 8]], output: [1, 8], attrs });
  assertEquals(sum({ axes: [0] }), "sum 4x8 1x8");
  assertEquals(
    sum({ stride: 2, padding: 1, transposed: true, again: false }),
    "sum 4x8 1x8 padding=1 stride=2 transposed",
  );
});

Deno.test("choices of later lists win, and are in alphabetical order", () => {
  const { entries } = new Choices({ b: "1", a: "1" }, { b: "2" });
  assertEquals(JSON.stringify(entries), '{"a":"1","b":"2"}');
});

/** A product whose sum is long. */
function product(): Graph {
  const b = new GraphBuilder();
  b.output("y", b.matmul(b.state("a", [32, 640]), b.state("b", [640, 16])));
  return b.graph;
}

const opsOf = (graph: Graph): string[] => graph.nodes.map(({ op }) => op).filter((op) => op !== "state");

Deno.test("lower() takes the composition that is chosen, and else what the heuristic says", () => {
  const bucket = "matmul 32x640 640x16 32x16";
  const lowered = (...lists: Record<string, string>[]) => opsOf(lower(product(), { choices: new Choices(...lists) }));
  assertEquals(lowered(), ["matmul"]);
  assertEquals(lowered({ [bucket]: "split 4" }), ["matmulPartial", "sum", "reshape"]);
  // A candidate of the kernel is no matter of lowering's.
  assertEquals(lowered({ [bucket]: "16x8" }), ["matmul"]);
});

Deno.test("cut() computes parts as they are chosen", () => {
  const choices = new Choices({ "matmul 16x640 640x16 16x16": "split 2" });
  assertEquals(
    opsOf(cut(lower(product(), { choices }), 40 * 1024, choices)).filter((op) => op === "matmulPartial").length,
    2,
  );
});
