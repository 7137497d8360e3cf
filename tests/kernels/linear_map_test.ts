import { assert, assertAlmostEquals } from "@std/assert";
import { linearMap, type Matrix, transposed } from "../../kernels/conv/linear_map.ts";
import { filterings } from "../../kernels/conv/tile_transforms.ts";

/** Runs the WGSL of a product, which is JavaScript too. */
function run(matrix: Matrix, vector: readonly number[]): number[] {
  const { lines, results } = linearMap("y", matrix, vector.map((_, k) => `x${k}`));
  const inputs = vector.map((value, k) => `let x${k} = ${value};`);
  return new Function(`${[...inputs, ...lines].join("\n")}\nreturn [${results.join(", ")}];`)();
}

const matrices: Record<string, Matrix> = {
  "zeros and signs": [[0, -1, 0], [0, 0, 0], [-1, -2, 3]],
  "two alike rows of one number": [[0, 2], [0, -2]],
  ...Object.fromEntries(
    Object.values(filterings).flatMap(({ tile, a, g, bt }) =>
      Object.entries({ a, g, bt }).flatMap(([name, matrix]) => [
        [`${name} of F(${tile}, 3)`, matrix],
        [`${name} of F(${tile}, 3), transposed`, transposed(matrix)],
      ])
    ),
  ),
};

Deno.test("linearMap() multiplies", async (t) => {
  for (const [name, matrix] of Object.entries(matrices)) {
    await t.step(name, () => {
      const vector = matrix[0].map((_, k) => Math.sin(3 * k + 1));
      const wanted = matrix.map((row) => row.reduce((sum, factor, k) => sum + factor * vector[k], 0));
      run(matrix, vector).forEach((value, k) => assertAlmostEquals(value, wanted[k], 1e-12));
    });
  }
});

Deno.test("linearMap() computes what pairs of rows or columns share once", () => {
  const { bt } = filterings[4];
  const products = (matrix: Matrix) => matrix.flat().filter((factor) => factor !== 0 && Math.abs(factor) !== 1).length;
  for (const matrix of [bt, transposed(bt)]) {
    const { lines } = linearMap("y", matrix, matrix[0].map((_, k) => `x${k}`));
    assert(lines.join("").split("*").length - 1 < products(matrix));
  }
});

Deno.test("the transforms of Winograd's filterings give a convolution", () => {
  for (const { tile, a, g, bt } of Object.values(filterings)) {
    const x = Array.from({ length: tile + 2 }, (_, k) => Math.cos(k + 1));
    const w = [0.3, -1.1, 0.7];
    const [u, v] = [run(g, w), run(bt, x)];
    run(transposed(a), u.map((value, k) => value * v[k])).forEach((value, i) =>
      assertAlmostEquals(value, w[0] * x[i] + w[1] * x[i + 1] + w[2] * x[i + 2], 1e-12)
    );
  }
});
