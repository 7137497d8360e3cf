import { assertEquals, assertThrows } from "@std/assert";
import { TARGET } from "../../src/device/gpujs/context.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { compile, type CompiledProgram, type CompileTarget } from "../../src/graph/compile.ts";
import { describeStep } from "../../src/graph/fused_step.ts";
import { overlap, type PagePlace } from "../../src/graph/place.ts";

/** x·w + b through a ReLU, and a step of w. */
function graph() {
  const b = new GraphBuilder();
  const w = b.state("w", [64, 8]);
  const y = b.relu(b.add(b.matmul(b.input("x", [16, 64]), w), b.state("b", [8])));
  b.output("y", y);
  b.output("flat", b.reshape(y, [128]));
  b.assign("w", b.sub(w, b.mul(b.input("rate", []), w)));
  b.assign("v", b.permute(b.exp(w), [1, 0]));
  return b.graph;
}

const sizes = { maxBuffer: 2 ** 28, maxBinding: 2 ** 27 };

const targets: Readonly<Record<string, { readonly target: CompileTarget; readonly steps: readonly string[] }>> = {
  "WebGPU": { target: webGpuTarget(sizes), steps: ["matmul +2", "permute +1", "map of 2"] },
  "gpu.js": { target: TARGET, steps: ["matmul", "map of 2", "map of 1", "permute", "map of 2"] },
};

const names = ({ steps }: CompiledProgram) => steps.map((step) => describeStep(step).name).sort();

Deno.test("compile() gives the steps, places and names of a run, without a device", async (t) => {
  for (const [name, { target, steps }] of Object.entries(targets)) {
    await t.step(name, () => {
      const program = compile(graph(), target);
      assertEquals(names(program), [...steps].sort());
      assertEquals([...program.inputs], [["x", 1024]]);
      assertEquals(program.scalars, ["rate"]);
      assertEquals(Object.fromEntries(program.states), { w: 512, b: 8, v: 512 });
      const [y] = program.outputs.get("y")!;
      const [flat] = program.outputs.get("flat")!;
      assertEquals([y.length, flat.length, flat.place], [128, 128, y.place]);
      for (const { reads, writes } of program.steps) {
        for (const node of [...reads, ...writes]) assertEquals(program.places.has(node), true, node.op);
      }
      assertEquals(names(compile(graph(), target)), names(program), "it is a function of its arguments");
    });
  }
});

Deno.test("compile() cuts what is larger than the target takes, and gives an output's parts in order", () => {
  const b = new GraphBuilder();
  b.output("y", b.exp(b.input("x", [8, 256])));
  const target = { ...targets.WebGPU.target, maxTensor: 4096 };
  const parts = compile(b.graph, target).outputs.get("y")!;
  assertEquals(parts.map(({ length }) => length), [1024, 1024]);
  assertEquals(parts.map(({ node }) => node.inputs[0].attrs.start), [0, 1024]);
  assertThrows(
    () => compile(b.graph, { ...target, maxBuffer: 4096 }),
    RangeError,
    "the input x of [8, 256] takes 8192 bytes, and a buffer at most 4096",
  );
});

Deno.test("overlap() sees a shared byte of one page", () => {
  const at = (page: number, offset: number, bytes: number): PagePlace => ({ in: "arena", page, offset, bytes });
  const cases: readonly (readonly [PagePlace, PagePlace, boolean])[] = [
    [at(0, 0, 256), at(0, 256, 256), false],
    [at(0, 0, 257), at(0, 256, 256), true],
    [at(0, 0, 1024), at(0, 256, 256), true],
    [at(0, 0, 256), at(1, 0, 256), false],
    [at(0, 0, 256), { ...at(0, 0, 256), in: "statePage" }, false],
  ];
  for (const [a, b, want] of cases) assertEquals([overlap(a, b), overlap(b, a)], [want, want]);
});
