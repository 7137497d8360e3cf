/**
 * Writes the WGSL of `convolve` (see `convolve.ts`):
 *
 *     out[n, o, i, j] = Σ over c, r, s of in[n, c, y(i, r), x(j, s)] · taps[c, r, s, o]
 *
 * One invocation computes a tile of output channels × rows × columns of one image. For each input channel it loads the
 * patch of the input under the tile once, with zeros outside of the picture. It loads each tap once, four output
 * channels at a time, and multiplies every pair that meets. A 3×3 window and an 8 × 4×8 tile, for example, are 2,304
 * products for 36 loads. Rows of the picture are read in fours and shifted into place (`readRow`), so no size, padding
 * or stride needs a variant of its own. Of a large window one row is unrolled, and a loop goes over its rows.
 *
 * Layouts: in [N, groups · inChannels, inHeight, inWidth], taps [groups, inChannels, kh, kw, outChannels],
 * out [N, groups · outChannels, outHeight, outWidth].
 * Grid: one invocation a tile; column of tiles fastest, then row, channels, group, image.
 *
 * @module
 */

import { axisOf, phaseOf, stepOf } from "./conv_axis.ts";
import { boundsFor } from "../writing/bounds.ts";
import { type Sides, sidesOf, tileNames } from "../writing/candidates.ts";
import type { ConvTile } from "./conv_window.ts";
import { stagedConvolve } from "./conv_staged.ts";
import { isStrip, stripCandidates, stripConvolve } from "./depthwise.ts";
import type { Target, Wgsl } from "../op.ts";
import { isStaged, LEAST_STAGED_FIRST, stagedByRules, stagedCandidates, withStaged } from "../writing/staged_tile.ts";
import {
  blockedChain,
  compensatedChain,
  COMPILE_COST,
  evenTile,
  LOAD_COST,
  plus,
  range,
  readRow,
  tiledMain,
  tileGrid,
  tilesIn,
  writeOut,
} from "../writing/tile.ts";
import { block, bool, f32, u32, type Value } from "../writing/block.ts";

/** The most an unrolled tile may have. */
interface TileLimits {
  readonly products: number;
  readonly accumulators: number;
}

/**
 * On llvmpipe twice as many products are a twelfth faster, and take twice as long to compile: naive-cnn's first step
 * came after 41 s and comes after 18.
 */
const ON_PROCESSOR: TileLimits = { products: 2500, accumulators: boundsFor({ isSoftware: true }).accumulators };

/** On a GPU the accumulators must stay in registers, and as many again where sums go by blocks. */
const ON_GPU: TileLimits = { products: 1200, accumulators: 64 };

/** The most weights a tile may hold: a load compiles as slowly as dozens of products. */
const MOST_WEIGHTS = 256;

/** The most taps of a window that are unrolled: larger ones would compile for many seconds, or in smaller tiles. */
const MOST_TAPS = 16;

/**
 * Input channels that are added up before they meet the sum of those before them. Of a sum over 1,024 channels, a
 * quarter of the rounding error is left. So fewer ReLUs and maxima fall on the other side than in float64.
 */
const BLOCK = 16;

/**
 * Name of the candidate whose sums are off by a rounding or two (`compensatedChain`), in three times the time: for
 * comparing with float64. Nobody times it.
 */
export const COMPENSATED = "compensated";

/** Most products of its tile, each of which is three operations to compile. */
const MOST_COMPENSATED = 800;

/**
 * Rows of the window that are unrolled: all, or one where a loop goes over them. With a transposed stride they differ
 * too much for that.
 */
const unrolledRows = ({ kernel: [kh, kw], stride, transposed }: ConvTile): number =>
  kh * kw <= MOST_TAPS || (transposed && stride > 1) ? kh : 1;

/** Output channels that are read at once from the taps, where they stand side by side. */
const lanesOf = ({ output: [, o], groups }: ConvTile): 1 | 4 => (o / groups) % 4 === 0 ? 4 : 1;

/** What one invocation computes. */
interface Tile {
  readonly channels: number;
  readonly rows: number;
  readonly columns: number;
}

/** Neighbours of a row that are written at once. */
const writtenAtOnce = ({ output: [, , , width] }: ConvTile, { columns }: Tile): 1 | 4 =>
  width % 4 === 0 && columns % 4 === 0 ? 4 : 1;

/** What a write costs, in products. */
const WRITE_COST = 16;

/** Tiles worth timing. */
const MOST_CANDIDATES = 12;

/** Products of one input channel in a tile. */
function productsIn(conv: ConvTile, { channels, rows, columns }: Tile): number {
  return (channels * rows * columns * unrolledRows(conv) * conv.kernel[1]) / stepOf(conv) ** 2;
}

/** Numbers of the picture under a tile. */
function patchOf(conv: ConvTile, { rows, columns }: Tile): number {
  const [y, x] = [axisOf(conv, rows, unrolledRows(conv)), axisOf(conv, columns, conv.kernel[1])];
  return y.positions.length * x.positions.length;
}

/** What all tiles of the picture cost, in products. */
function costOf(conv: ConvTile, tile: Tile): number {
  const { output: [n, o, height, width], inChannels, groups, kernel: [kh, kw] } = conv;
  const { channels, rows, columns } = tile;
  const unrolled = unrolledRows(conv);
  const { positions } = axisOf(conv, columns, kw);
  const span = positions.at(-1)! - positions[0] + 1;
  const phase = phaseOf(conv, columns);
  const fours = Math.ceil((span + (phase ?? 3)) / 4);
  // Rows that begin anywhere are shifted into place, by one and by two.
  const each = LOAD_COST * fours + (phase === undefined ? 2 : 1) * span;
  const loads = axisOf(conv, rows, unrolled).positions.length * each +
    LOAD_COST * channels * unrolled * kw / lanesOf(conv);
  const writes = WRITE_COST * channels * rows * columns / writtenAtOnce(conv, tile);
  const tiles = n * groups * Math.ceil(o / groups / channels) * Math.ceil(height / rows) * Math.ceil(width / columns);
  const work = loads + productsIn(conv, tile);
  return tiles * (inChannels * (kh / unrolled) * work + writes) + COMPILE_COST * work;
}

/** Channels of a tile that has at most so many, whole fours where taps are read so. */
function channelsOf(conv: ConvTile, mostChannels: number): number {
  const { output: [, o], groups, kernel: [, kw] } = conv;
  const lanes = lanesOf(conv);
  const most = Math.min(mostChannels, Math.floor(MOST_WEIGHTS / (unrolledRows(conv) * kw)));
  return lanes * evenTile(o / groups / lanes, Math.max(1, Math.floor(most / lanes)));
}

/** Tiles of at most so many channels, the cheapest first; none where the window or the stride is too large. */
function tilesOf(conv: ConvTile, { isSoftware }: Target, mostChannels: number): Tile[] {
  const channels = channelsOf(conv, mostChannels);
  if (channels * unrolledRows(conv) * conv.kernel[1] > MOST_WEIGHTS) return [];
  const step = stepOf(conv);
  const limits = isSoftware ? ON_PROCESSOR : ON_GPU;
  const { held } = boundsFor({ isSoftware });
  const sides = range(8).map((k) => (k + 1) * step).filter((side) => side <= Math.max(8, step));
  return sides.flatMap((rows) => sides.map((columns): Tile => ({ channels, rows, columns })))
    .filter((tile) =>
      productsIn(conv, tile) <= limits.products && accumulatorsOf(tile) <= limits.accumulators &&
      accumulatorsOf(tile) + patchOf(conv, tile) <= held
    )
    .map((tile) => ({ tile, cost: costOf(conv, tile) }))
    .sort((a, b) => a.cost - b.cost)
    .map(({ tile }) => tile);
}

/**
 * Accumulators by the heuristic on a GPU that is no card: as many as 4×4 of a product, and as many again where sums go
 * by blocks.
 */
const FEW_ACCUMULATORS = 16;

const accumulatorsOf = ({ channels, rows, columns }: Tile): number => channels * rows * columns;

/**
 * The tile by the heuristic: up to 8 channels, or else 4, and the rectangle that is cheapest over the whole picture. On
 * a small GPU 4 channels and few accumulators. None where the window or the stride is too large.
 */
function tileOf(conv: ConvTile, target: Target): Tile | undefined {
  const tiles = tilesOf(conv, target, 4);
  if (target.isSoftware || target.gpuKind === "discrete") return tilesOf(conv, target, 8)[0] ?? tiles[0];
  const fewest = Math.min(...tiles.map(accumulatorsOf));
  return tiles.find((tile) => accumulatorsOf(tile) <= Math.max(FEW_ACCUMULATORS, fewest));
}

const sidesOfTile = ({ channels, rows, columns }: Tile): Sides => [channels, rows, columns];

/**
 * `8x4x8`: channels, rows and columns of a tile; the rules' first, then the cheapest of 16, 8 and 4 channels. On a GPU
 * also `staged …` (`conv_staged.ts`), which alone are left for large windows and strides. Where each channel is
 * convolved by itself, `strip …` come before them (`depthwise.ts`).
 */
export function convCandidates(conv: ConvTile, target: Target): string[] {
  const { output: [n, o, height, width], groups, transposed, stride } = conv;
  const strips = stripCandidates(conv, target);
  const tile = tileOf(conv, target);
  if (!tile) return strips.length > 0 ? strips : [...LEAST_STAGED_FIRST];
  const [channels, pixels] = [o / groups, n * height * width];
  const others = [8, 16, 4].flatMap((most) => tilesOf(conv, target, most).slice(0, MOST_CANDIDATES / 2));
  const [rules, ...registers] = tileNames(sidesOfTile(tile), others.map(sidesOfTile));
  // Staged, a transposed stride multiplies the zeros between its pixels too.
  const byRules = transposed && stride > 1 ? undefined : stagedByRules(channels, pixels, groups, target);
  const staged = stagedCandidates(channels, pixels, target);
  return [...strips, ...withStaged(byRules, staged, [rules, ...registers.slice(0, MOST_CANDIDATES)])];
}

/** The tile called so, of whole fours of channels and whole strides where this convolution needs them. */
function tileNamed(conv: ConvTile, name: string): Tile {
  const whole = (side: number, unit: number) => unit * Math.ceil(side / unit);
  const [channels, rows, columns] = sidesOf(name, 3);
  const step = stepOf(conv);
  return { channels: whole(channels, lanesOf(conv)), rows: whole(rows, step), columns: whole(columns, step) };
}

/** The kernel for these sizes, with the tile that the heuristic chooses or the one called `candidate`. */
export function convTile(conv: ConvTile, target: Target, candidate = convCandidates(conv, target)[0]): Wgsl {
  if (isStaged(candidate)) return stagedConvolve(conv, candidate);
  if (isStrip(candidate)) return stripConvolve(conv, candidate);
  if (candidate !== COMPENSATED) return registerTile(conv, tileNamed(conv, candidate));
  const tile = tilesOf(conv, target, 4).find((tile) => productsIn(conv, tile) <= MOST_COMPENSATED);
  const least = { channels: channelsOf(conv, 4), rows: stepOf(conv), columns: stepOf(conv) };
  return registerTile(conv, tile ?? least, true);
}

function registerTile(conv: ConvTile, tile: Tile, isCompensated = false): Wgsl {
  const { output: [n, o, height, width], inChannels, groups, kernel: [kh, kw], stride, transposed } = conv;
  const { channels } = tile;
  const rows = unrolledRows(conv);
  const y = axisOf(conv, tile.rows, rows);
  const x = axisOf(conv, tile.columns, kw);
  const lanes = lanesOf(conv);
  const tapOf = (c: number, tap: number) => `w${Math.floor(c / lanes)}_${tap}${lanes === 4 ? `[${c % 4}]` : ""}`;
  const phase = phaseOf(conv, tile.columns);
  const written = writtenAtOnce(conv, tile);
  const inBlocks = !isCompensated && inChannels >= 4 * BLOCK;
  // What finished blocks add up to, or what additions have rounded off.
  const hasRest = inBlocks || isCompensated;
  const origin = transposed ? `/ ${stride}u` : `* ${stride}u`;
  const outputs = range(channels).flatMap((c) =>
    range(tile.rows).flatMap((i) => range(tile.columns).map((j) => ({ c, i, j, name: `c${c}_${i}_${j}` })))
  );
  const productsOf = (c: number, i: number, j: number) =>
    range(rows * kw).flatMap((tap): [string, string][] => {
      const [a, b] = [y.meet(i, Math.floor(tap / kw)), x.meet(j, tap % kw)];
      return a < 0 || b < 0 ? [] : [[`x${a}_${b}`, tapOf(c, tap)]];
    });
  const before = [
    `let o0 = oTile * ${channels}u;`,
    `let i0 = iTile * ${tile.rows}u;`,
    `let j0 = jTile * ${tile.columns}u;`,
    `let yStart = i0 ${origin};`,
    `let xStart = j0 ${origin};`,
    // Before the picture a position wraps to a huge number: one comparison covers both sides.
    ...x.positions.flatMap((position, b) => [
      `let x${b} = ${plus("xStart", position)};`,
      `let hasX${b} = x${b} < p.inWidth;`,
    ]),
    ...outputs.map(({ name }) => `var ${name} = 0.0;`),
    ...(hasRest ? outputs.map(({ name }) => `var ${name}Rest = 0.0;`) : []),
    ...(isCompensated ? ["let one = f32(p.one);"] : []),
  ];
  /** Where a row of taps begins, in the pictures and in the weights. */
  const rowOfTaps = (r: Value<"u32">): string[] => [
    ...y.positions.flatMap((position, a) => [
      `let y${a} = ${plus(`yStart ${transposed ? "-" : "+"} ${r}`, position)};`,
      `let hasY${a} = y${a} < p.inHeight;`,
      `let row${a} = y${a} * p.inWidth;`,
    ]),
    // The place of the tile's channels at the first tap, in units of `lanes`; the next tap is `step` further.
    `let step = p.outChannels / ${lanes}u;`,
    ...range(channels / lanes).map((q) =>
      `var taps${q} = (group * p.inChannels * ${kh}u + ${r}) * ${kw}u * step + min(${
        plus("o0", q * lanes)
      }, p.outChannels - ${lanes}u) / ${lanes}u;`
    ),
    `var plane = (n * p.groups + group) * p.inChannels * p.inHeight * p.inWidth;`,
  ];
  /** The patch of an input channel, its taps, and all their products. */
  const channelOfTaps = [
    ...y.positions.flatMap((_, a) => {
      const row = readRow(
        `r${a}`,
        "load0",
        `plane + row${a} + x0`,
        x.positions.map((at) => at - x.positions[0]),
        phase,
      );
      return [
        ...row.lines,
        ...x.positions.map((at, b) =>
          `  let x${a}_${b} = select(0.0, ${row.at(at - x.positions[0])}, hasY${a} && hasX${b});`
        ),
      ];
    }),
    ...range(channels / lanes).flatMap((q) => [
      ...range(rows * kw).map((tap) => `  let w${q}_${tap} = load1(taps${q} + ${tap}u * step);`),
      ...outputs.filter(({ c }) => Math.floor(c / lanes) === q).flatMap(({ c, i, j, name }) =>
        isCompensated
          ? compensatedChain(name, `${name}Rest`, productsOf(c, i, j), "one")
          : [`  ${name} = ${blockedChain(name, productsOf(c, i, j))};`]
      ),
      `  taps${q} += ${kh * kw}u * step;`,
    ]),
    "  plane += p.inHeight * p.inWidth;",
  ];
  const body = block((w) => {
    w.line(...before);
    const overRow = (r: Value<"u32">) => {
      w.line(...rowOfTaps(r));
      w.for("c", { to: u32("p.inChannels") }, (c) => {
        w.line(...channelOfTaps);
        if (!inBlocks) return;
        w.if(bool(`${c} % ${BLOCK}u == ${BLOCK - 1}u`), () => {
          for (const { name } of outputs) w.line(`${name}Rest += ${name}; ${name} = 0.0;`);
        });
      });
    };
    if (rows < kh) w.for("r", { to: u32(kh) }, overRow);
    else overRow(w.let("r", u32(0)));
    if (hasRest) { for (const { name } of outputs) w.add(f32(name), f32(`${name}Rest`)); }
    w.line(
      ...writeOut(
        outputs.map(({ name }) => name),
        [tile.rows * tile.columns, tile.columns],
        written,
        (index, value) =>
          `{
        let i = ${index};
        let o = o0 + i / ${tile.rows * tile.columns}u;
        let row = i0 + (i / ${tile.columns}u) % ${tile.rows}u;
        let column = j0 + i % ${tile.columns}u;
        if (o < p.outChannels && row < p.outHeight && column < p.outWidth) {
          let plane = (n * p.groups + group) * p.outChannels + o;
          emit(((plane * p.outHeight + row) * p.outWidth + column) / ${written}u, ${value});
        }
      }`,
      ),
    );
  });
  const tiles = n * groups * Math.ceil(o / groups / channels) * Math.ceil(height / tile.rows) *
    Math.ceil(width / tile.columns);
  return {
    code: tiledMain([
      ["jTile", tilesIn("p.outWidth", tile.columns)],
      ["iTile", tilesIn("p.outHeight", tile.rows)],
      ["oTile", tilesIn("p.outChannels", channels)],
      ["group", "p.groups"],
      ["n", "p.images"],
    ], body),
    reads: ["vec4f", lanes === 4 ? "vec4f" : "f32"],
    writes: written === 4 ? "vec4f" : "f32",
    grid: tileGrid(tiles),
  };
}
