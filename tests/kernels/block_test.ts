import { assertEquals } from "@std/assert";
import { type Block, block, bool, f32, u32, vec4f } from "../../kernels/writing/block.ts";

const cases: readonly { readonly name: string; readonly write: (w: Block) => void; readonly lines: string }[] = [
  {
    name: "names are handles, which texts take as they are",
    write(w) {
      const start = w.let("start", u32("tile * 4u"));
      const sum = w.var("sum", f32("0.0"));
      w.add(sum, f32(`load0(${start})`));
      w.set(sum, f32(`-${sum}`));
    },
    lines: "let start = tile * 4u; | var sum = 0.0; | sum += load0(start); | sum = -sum;",
  },
  {
    name: "loops count, or grow by steps, and close what they open",
    write: (w) =>
      w.for("i", { to: u32("p.m") }, (i) => {
        w.for("k", { from: i, to: u32(8), by: 4 }, (k) => w.line(`f(${i}, ${k});`));
      }),
    lines: "for (var i = 0u; i < p.m; i++) { | for (var k = i; k < 8u; k += 4u) { | f(i, k); | } | }",
  },
  {
    name: "a condition that is known when the text is written is not asked",
    write(w) {
      const v = w.let("v", vec4f("load1(0u)"));
      w.ifNeeded(true, () => w.line(`emit(0u, ${v});`));
      w.ifNeeded(bool("x < p.n"), () => w.line(`emit(1u, ${v});`));
      w.scope(() => w.let("v", u32(0)));
    },
    lines: "let v = load1(0u); | emit(0u, v); | if (x < p.n) { | emit(1u, v); | } | { | let v = 0u; | }",
  },
];

Deno.test("block() writes nested WGSL", async (t) => {
  for (const { name, write, lines } of cases) {
    await t.step(name, () => assertEquals(block(write), lines.split(" | ")));
  }
});

Deno.test("block()'s handles have types: an index is not taken for a number", () => {
  block((w) => {
    const sum = w.var("sum", f32("0.0"));
    // @ts-expect-error an index is no number
    w.set(sum, u32(1));
    // @ts-expect-error a number is no condition
    w.if(sum, () => {});
  });
});
