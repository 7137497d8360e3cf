/**
 * Matrix products by blocks: a chunk is a block of the result, whose sums are collected in the thread's scratch and
 * then written out. Where nothing is computed on the way, the last terms' sums go to memory at once. Operands that do
 * not lie as the innermost loops want them are brought into panels, block by block.
 *
 * @module
 */

import { opNamed } from "../../../../../kernels/mod.ts";
import { callOf, storageOf } from "../../../../graph/graph.ts";
import type { FusedStep } from "../../../../graph/fused_step.ts";
import type { WrittenStep } from "../../written.ts";
import { WatModule } from "../module.ts";
import { defineEmit } from "../range.ts";
import { add, at, count, get, int, least, Locals, loop, mul, op, set, when } from "../wat.ts";
import { evenPart } from "./blocks.ts";
import { definePanels, defineTurned } from "./panels.ts";
import { defineDot, defineOuter } from "./micro.ts";

/** Columns, and rows, of a tile whose sums stay in registers. */
const COLUMNS = 8;
const ROWS = 4;

/** Terms that are summed before the sums go back to scratch: a panel of so many stays in the first cache. */
const TERMS = 256;
const DOT_TERMS = 512;

/** Largest block of the result. */
const MOST_ROWS = 256;
const MOST_COLUMNS = 256;

/** Fewer rows than this, and B is read where it lies: a panel would be used too few times. */
const LEAST_FOR_PANELS = 16;

/** Operations of a chunk beyond which blocks are halved while there are few of them. */
const LARGE_CHUNK = 4e6;
const ENOUGH_CHUNKS = 16;

/** With as many rows, panels of B are used so often that making them is cheaper than the slower loop of `dot`. */
const MOST_FOR_DOT = 64;

/** Fewer terms than this, and adding up the lanes takes longer than the terms. */
const LEAST_FOR_DOT = 64;

/** Rows of A whose terms stay in the first cache while columns of B pass. */
const DOT_ROWS = 8;

/** Sizes of the blocks. */
interface Blocks {
  readonly rows: number;
  readonly columns: number;
}

function blocksOf(m: number, n: number, k: number, others: number, tileRows: number): Blocks {
  let rows = evenPart(m, MOST_ROWS, tileRows);
  let columns = evenPart(n, MOST_COLUMNS, COLUMNS);
  const chunks = () => others * Math.ceil(m / rows) * Math.ceil(n / columns);
  while (chunks() < ENOUGH_CHUNKS && 2 * rows * columns * k > LARGE_CHUNK && (columns > 32 || rows > 32)) {
    if (columns > rows) columns = evenPart(columns, columns / 2, COLUMNS);
    else rows = evenPart(rows, rows / 2, tileRows);
  }
  return { rows, columns };
}

/** How a product is computed: with B in panels, by tiles of 4 or of 5 rows; with B where it lies; or by `dot`. */
const WAYS = ["panels 4x8", "panels 5x8", "in place", "dot"] as const;

/**
 * The ways that fit a product's operands, the heuristic's first.
 *
 * @param sizes As the kernel's parameters are.
 */
export function waysOfMatmul({ m, k, aK, bK, bN }: Readonly<Record<string, number>>): (typeof WAYS)[number][] {
  const isAlong = aK === 1 && bK === 1 && bN !== 1;
  const fits = { "panels 4x8": true, "panels 5x8": aK === 1, "in place": bN === 1, "dot": isAlong };
  const rule = isAlong && m < MOST_FOR_DOT && k >= LEAST_FOR_DOT
    ? "dot"
    : bN === 1 && m < LEAST_FOR_PANELS
    ? "in place"
    : "panels 4x8";
  return [rule, ...WAYS.filter((way) => fits[way] && way !== rule)];
}

/**
 * The job of a product, or of its partial sums.
 *
 * @param chosen One of its ways; where there is none, or it does not fit the operands, the heuristic decides.
 */
export function writeMatmul(step: FusedStep, relaxed: boolean, chosen?: string): WrittenStep {
  const [{ kernel }] = step.kernels;
  const sizes = opNamed(kernel.op).kernel!.params(callOf(kernel));
  const { m, n, k, batches, aM, aK, bK, bN, splits = 1, perSplit = k } = sizes;
  const module = new WatModule(relaxed);
  const ways = waysOfMatmul(sizes);
  const way = ways.find((name) => name === chosen) ?? ways[0];
  const tileRows = way === "panels 5x8" ? 5 : ROWS;
  const blocks = blocksOf(m, n, Math.min(k, perSplit), batches * splits, tileRows);
  const [rowBlocks, columnBlocks] = [Math.ceil(m / blocks.rows), Math.ceil(n / blocks.columns)];
  const number = (name: string, value: number) => module.arg(value, name);
  const a = module.arg({ tensor: storageOf(kernel.inputs[0]) }, "a");
  const b = module.arg({ tensor: storageOf(kernel.inputs[1]) }, "b");
  const locals = new Locals();
  locals.add("i32", "rest", "m0", "m1", "n0", "n1", "batch", "split", "k0", "k1", "kEnd", "a0", "b0", "i", "j", "wide");
  const isStraight = way !== "dot" && step.roots.length === 0 && splits === 1 && n % COLUMNS === 0 &&
    (aK === 1 || m % ROWS === 0);
  /** A row of sums is not a whole number of pages long, so that rows do not share places in caches. */
  const cStep = 4 * (blocks.columns + COLUMNS);
  const cBytes = cStep * (blocks.rows + tileRows);
  const inScratch: Sums = {
    at: (i, j) =>
      add(
        get("scratch"),
        mul(op("i32.sub", i, get("m0")), int(cStep)),
        op("i32.shl", op("i32.sub", j, get("n0")), int(2)),
      ),
    step: int(cStep),
  };
  const inPlace = (): Sums => ({
    at: (i, j) =>
      at(
        module.arg({ tensor: step.writes[0] }, "out"),
        add(mul(add(mul(get("batch"), number("m", m)), i), number("n", n)), j),
      ),
    step: number("row", 4 * n),
  });
  const form = {
    a,
    b,
    aM,
    aK,
    bK,
    bN,
    m,
    n,
    k,
    blocks,
    tileRows,
    way,
    cStep,
    sums: inScratch,
    result: isStraight ? inPlace() : inScratch,
    panels: cBytes,
    isPartial: splits > 1,
  };
  const decode = [
    set("n0", mul(op("i32.rem_u", get("chunk"), number("columnBlocks", columnBlocks)), int(blocks.columns))),
    set("rest", op("i32.div_u", get("chunk"), number("columnBlocks", columnBlocks))),
    set("m0", mul(op("i32.rem_u", get("rest"), number("rowBlocks", rowBlocks)), int(blocks.rows))),
    set("rest", op("i32.div_u", get("rest"), number("rowBlocks", rowBlocks))),
    set("batch", op("i32.rem_u", get("rest"), number("batches", batches))),
    set("split", op("i32.div_u", get("rest"), number("batches", batches))),
    set("m1", least(add(get("m0"), int(blocks.rows)), number("m", m))),
    set("n1", least(add(get("n0"), int(blocks.columns)), number("n", n))),
    set("a0", at(a, mul(get("batch"), number("aBatch", sizes.aBatch)))),
    set("b0", at(b, mul(get("batch"), number("bBatch", sizes.bBatch)))),
    set("k0", least(mul(get("split"), number("perSplit", perSplit)), number("k", k))),
    set("kEnd", least(add(get("k0"), number("perSplit", perSplit)), number("k", k))),
  ];
  const write = () =>
    count("i", get("m0"), get("m1"), [
      // The row's place in [splits, batches, m, n].
      set("rest", add(mul(outerRow(number("batches", batches), number("m", m)), number("n", n)), get("n0"))),
      `(call $${defineEmit(module, step)} ${get("rest")} ${add(get("rest"), op("i32.sub", get("n1"), get("n0")))} ${
        inScratch.at(get("i"), get("n0"))
      })`,
    ]);
  const body = way === "dot" ? dotBody(module, form, locals) : outerBody(module, form, locals);
  return {
    jobs: [
      module.job(rowBlocks * columnBlocks * batches * splits, `${locals}`, [
        ...decode,
        ...body,
        ...isStraight ? [] : [write()],
      ]),
    ],
  };
}

/** Which of all rows of the result row `i` is. */
const outerRow = (batches: string, m: string): string =>
  add(mul(add(mul(get("split"), batches), get("batch")), m), get("i"));

/** Where sums are collected. */
interface Sums {
  /** Address of the sum of a row and a column of the result. */
  at(row: string, column: string): string;
  /** Bytes from row to row. */
  readonly step: string;
}

interface Form {
  readonly a: string;
  readonly b: string;
  readonly aM: number;
  readonly aK: number;
  readonly bK: number;
  readonly bN: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly blocks: Blocks;
  readonly tileRows: number;
  readonly way: string;
  /** Bytes of a row of sums in scratch. */
  readonly cStep: number;
  readonly sums: Sums;
  /** Where they are put once they are whole. */
  readonly result: Sums;
  /** Where panels lie in scratch. */
  readonly panels: number;
  readonly isPartial: boolean;
}

/** Fills the sums with 0, as many rows as tiles touch. */
const clear = (bytes: number): string => `(memory.fill ${get("scratch")} (i32.const 0) (i32.const ${bytes}))`;

function outerBody(module: WatModule, form: Form, locals: Locals): string[] {
  const { aM, aK, bK, bN, m, k, blocks, tileRows, way, cStep, sums, result, panels, isPartial } = form;
  const isRows = aK === 1;
  const isDirect = way === "in place";
  const bPanels = panels;
  const aPanels = bPanels + 4 * TERMS * blocks.columns;
  const step = (name: string, floats: number) => module.arg(4 * floats, name);
  const terms = op("i32.sub", get("k1"), get("k0"));
  const width = op("i32.sub", get("n1"), get("n0"));
  const from = (base: string, k: number, kStep: string, other: string, oStep: string) =>
    add(get(base), mul(get("k0"), k === 1 ? int(4) : kStep), mul(get(other), oStep));
  const aFrom = (row: string) => from("a0", aK, step("aK", aK), row, step("aM", aM));
  const bFrom = (column: string) => from("b0", bK, step("bK", bK), column, step("bN", bN));
  /** One address where sums are whole, and another where terms are left. */
  const whole = (there: string, here: string) =>
    there === here || k <= TERMS ? there : op("select", there, here, op("i32.eq", get("k1"), get("kEnd")));
  const tile = (rows: number): string => {
    const name = defineOuter(module, { a: isRows ? "rows" : "panel", b: "strided", rows, columns: COLUMNS });
    const own = op("i32.sub", get("i"), get("m0"));
    const column = op("i32.sub", get("j"), get("n0"));
    return `(call $${name} ${
      [
        isRows ? aFrom("i") : add(get("scratch"), int(aPanels), mul(mul(own, terms), int(4))),
        step("aM", aM),
        isDirect ? bFrom("j") : add(get("scratch"), int(bPanels), mul(mul(column, terms), int(4))),
        isDirect ? step("bK", bK) : int(4 * COLUMNS),
        ...[sums.at(get("i"), get("j")), sums.step],
        ...[whole(result.at(get("i"), get("j")), sums.at(get("i"), get("j"))), whole(result.step, sums.step)],
        terms,
        get("isFirst"),
      ].join(" ")
    })`;
  };
  locals.add("i32", "isFirst", "mWhole");
  // Rows of A are read where they lie, and none behind the last.
  const rest = isRows ? m % tileRows : 0;
  const panelsOf = (name: string, to: number, source: string, stepText: string, wide: string) =>
    `(call $${name} ${[add(get("scratch"), int(to)), source, stepText, terms, wide].join(" ")})`;
  return [
    set("isFirst", int(1)),
    set("mWhole", op("i32.sub", get("m1"), get("m0"))),
    ...rest > 0 ? [set("mWhole", op("i32.sub", get("mWhole"), op("i32.rem_u", get("mWhole"), int(tileRows))))] : [],
    set("mWhole", add(get("mWhole"), get("m0"))),
    // The last of partial sums may have no terms.
    ...isPartial ? [when(op("i32.ge_u", get("k0"), get("kEnd")), [clear(cStep * blocks.rows)])] : [],
    loop("sum", op("i32.lt_u", get("k0"), get("kEnd")), [
      set("k1", least(add(get("k0"), int(TERMS)), get("kEnd"))),
      ...isDirect ? [] : [
        bN === 1
          ? panelsOf(definePanels(module, COLUMNS), bPanels, bFrom("n0"), step("bK", bK), width)
          : panelsOf(defineTurned(module), bPanels, bFrom("n0"), step("bN", bN), width),
      ],
      ...isRows ? [] : [
        panelsOf(definePanels(module, ROWS), aPanels, aFrom("m0"), step("aK", aK), op("i32.sub", get("m1"), get("m0"))),
      ],
      count("j", get("n0"), get("n1"), [
        count("i", get("m0"), get("mWhole"), [tile(tileRows)], tileRows),
        ...rest > 0 ? [when(op("i32.lt_u", get("i"), get("m1")), [tile(rest)])] : [],
      ], COLUMNS),
      set("isFirst", int(0)),
      set("k0", get("k1")),
    ]),
  ];
}

function dotBody(module: WatModule, form: Form, locals: Locals): string[] {
  const { aM, bN, m, blocks, cStep, sums } = form;
  locals.add("i32", "mBlock", "mLast", "mWhole", "next");
  const step = (name: string, floats: number) => module.arg(4 * floats, name);
  const rest = m % ROWS;
  const tile = (rows: number): string => {
    const column = (j: string) => add(get("b0"), op("i32.shl", get("k0"), int(2)), mul(j, step("bN", bN)));
    return `(call $${defineDot(module, rows)} ${
      [
        add(get("a0"), op("i32.shl", get("k0"), int(2)), mul(get("i"), step("aM", aM))),
        step("aM", aM),
        column(get("j")),
        column(get("next")),
        sums.at(get("i"), get("j")),
        sums.step,
        op("i32.sub", get("k1"), get("k0")),
      ].join(" ")
    })`;
  };
  return [
    clear(cStep * blocks.rows),
    loop("sum", op("i32.lt_u", get("k0"), get("kEnd")), [
      set("k1", least(add(get("k0"), int(DOT_TERMS)), get("kEnd"))),
      count("mBlock", get("m0"), get("m1"), [
        set("mLast", least(add(get("mBlock"), int(DOT_ROWS)), get("m1"))),
        set("mWhole", add(get("mBlock"), op("i32.and", op("i32.sub", get("mLast"), get("mBlock")), int(-ROWS)))),
        count("j", get("n0"), get("n1"), [
          // Where the last column has no other beside it, it is taken twice.
          set("next", least(add(get("j"), int(1)), op("i32.sub", get("n1"), int(1)))),
          count("i", get("mBlock"), get("mWhole"), [tile(ROWS)], ROWS),
          ...rest > 0 ? [when(op("i32.lt_u", get("i"), get("mLast")), [tile(rest)])] : [],
        ], 2),
      ], DOT_ROWS),
      set("k0", get("k1")),
    ]),
  ];
}
