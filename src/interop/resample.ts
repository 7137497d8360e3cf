/**
 * Interpolation of what is learnt for each position of a grid, to a grid of another size.
 *
 * @module
 */

/** The cubic's parameter a, as PyTorch has it. */
const A = -0.75;

/** Weights of the four neighbours of a point that lies `t` behind the second one (Keys, 1981). */
function cubicWeights(t: number): readonly number[] {
  const near = (x: number) => ((A + 2) * x - (A + 3)) * x * x + 1;
  const far = (x: number) => ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
  return [far(t + 1), near(t), near(1 - t), far(2 - t)];
}

/** The neighbours of each of `to` points on a line of `from`: their indices, held at the ends, and weights. */
function taps(from: number, to: number): { index: number; weight: number }[][] {
  return Array.from({ length: to }, (_, i) => {
    const at = (i + 0.5) * from / to - 0.5;
    const first = Math.floor(at);
    return cubicWeights(at - first).map((weight, k) => ({
      index: Math.min(from - 1, Math.max(0, first - 1 + k)),
      weight,
    }));
  });
}

/**
 * Bicubic interpolation of a square grid, as PyTorch's `interpolate(mode="bicubic", align_corners=False)`.
 *
 * @param values [from, from, width].
 * @param from Side of the grid that there is.
 * @param to Side of the grid that is wanted.
 * @returns [to, to, width].
 */
export function resampleGrid(values: Float32Array, from: number, to: number): Float32Array {
  const width = values.length / from ** 2;
  const out = new Float32Array(to * to * width);
  const lines = taps(from, to);
  for (const [y, rows] of lines.entries()) {
    for (const [x, columns] of lines.entries()) {
      for (let c = 0; c < width; c++) {
        let sum = 0;
        for (const row of rows) {
          for (const column of columns) {
            sum += row.weight * column.weight * values[(row.index * from + column.index) * width + c];
          }
        }
        out[(y * to + x) * width + c] = sum;
      }
    }
  }
  return out;
}
