import { assert, assertEquals } from "@std/assert";
import { resampleGrid } from "../../src/interop/resample.ts";

const cases: { before: number; after: number; values: number[] }[] = JSON.parse(
  await Deno.readTextFile(new URL("../../fixtures/interop/bicubic.json", import.meta.url)),
);

for (const { before, after, values } of cases) {
  Deno.test(`resampleGrid() gives PyTorch's bicubic values from ${before}×${before} to ${after}×${after}`, () => {
    const grid = Float32Array.from({ length: before * before * 2 }, (_, i) => Math.sin(i ** 1.5));
    const got = resampleGrid(grid, before, after);
    assertEquals(got.length, values.length);
    const worst = Math.max(...values.map((value, i) => Math.abs(value - got[i])));
    assert(worst < 3e-6, `off by ${worst}`);
  });
}
