/**
 * Matrix products beside the peers'.
 *
 * @module
 */

import type { Shape } from "../../kernels/op.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { fixedTiles, secondsByFixedTile } from "../fixed_tiles.ts";
import type { Item } from "../item.ts";
import { pytorch, secondsIn, silences, tfjs } from "../peers.ts";
import { deviceSecondsOf, prepare, squareSide } from "../programs.ts";
import { percent } from "../table.ts";

/** ViT-B/32's products at 50 tokens × batch 8: [rows, inner, columns]. */
const vit: readonly (readonly [number, number, number])[] = [[400, 768, 2304], [400, 768, 768], [400, 768, 3072], [
  400,
  3072,
  768,
]];

export const matmul: Item = {
  name: "matmul",
  async run({ device, isGpu }) {
    const side = squareSide(isGpu);
    const time = async (a: Shape, b: Shape) => {
      const builder = new GraphBuilder();
      builder.output("c", builder.matmul(builder.state("a", a), builder.state("b", b)));
      using prepared = await prepare(device, builder.graph);
      return await deviceSecondsOf(prepared, 9);
    };
    const square = { what: "matmul", name: "-", size: side, batch: 1, runs: 5 } as const;
    const answers = {
      "tfjs webgpu": await tfjs("webgpu", square),
      "tfjs wasm": await tfjs("wasm", square),
      PyTorch: await pytorch(square),
    };
    const rate = (m: number, k: number, n: number, seconds: number | undefined) =>
      seconds === undefined ? undefined : 2 * m * k * n / seconds / 1e9;
    const own = await time([side, side], [side, side]);
    const best = rate(side, side, side, own)!;
    const rows = [
      [`Fovea ${side}³`, 1000 * own, best, "1.0"],
      ...Object.entries(answers).map(([who, answer]) => {
        const seconds = secondsIn(answer);
        return [
          `${who} ${side}³`,
          seconds && 1000 * seconds,
          rate(side, side, side, seconds),
          seconds && (seconds / own).toFixed(2),
        ];
      }),
    ];
    const refused: string[] = [];
    for (const tile of fixedTiles) {
      const name = `a fixed tile of ${tile.rows}×${tile.columns} a thread, ${tile.from}, ${side}³`;
      try {
        const seconds = await secondsByFixedTile(tile, side, 5);
        rows.push([name, 1000 * seconds, rate(side, side, side, seconds), (seconds / own).toFixed(2)]);
      } catch (error) {
        refused.push(`${name} is left out: ${(error as Error).message}.`);
      }
    }
    for (const [m, k, n] of vit) {
      const achieved = rate(m, k, n, await time([m, k], [k, n]))!;
      rows.push([`Fovea ${m}×${k}×${n}`, 2 * m * k * n / achieved / 1e6, achieved, percent(achieved / best)]);
    }
    return {
      title: "Matrix products",
      columns: ["product", "ms", "GFLOP/s", "time against Fovea's square, or share of its rate"],
      rows,
      notes: [
        "Wanted: 5 times tfjs `webgpu`; no more than the best fixed tile's time; the products of ViT-B/32 at 80% of the square's rate.",
        ...refused,
        ...silences(answers),
      ],
    };
  },
};
