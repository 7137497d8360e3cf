/**
 * Pictures brought into scratch with their zeros around them, so that every tap of a window is read at a fixed distance
 * from the window's first: a convolution is then a product whose second operand is never written.
 *
 * Element (y, z) of a plane belongs to output row i0 + y and column z. Where windows move by `stride`, a channel has
 * stride² planes, each with every `stride`-th row and column. A gradient with respect to the input sees its pictures
 * `spread` apart, with zeros between.
 *
 * @module
 */

import { apart, defineSpaced, transposeVectors, VECTOR_LOCALS } from "../copy.ts";
import type { WatModule } from "../module.ts";
import { add, at, count, four, get, int, loop, mul, op, parameters, set, when } from "../wat.ts";

/** A convolution's window over pictures of [inHeight, inWidth]. */
export interface Window {
  readonly inHeight: number;
  readonly inWidth: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly stride: number;
  readonly padding: number;
  readonly transposed: boolean;
}

/** How a channel lies in scratch. */
export interface Planes {
  /** Planes of a channel are phases². */
  readonly phases: number;
  /** Numbers of a row of a plane. */
  readonly width: number;
  /** Rows of a plane, beyond those of the output that it is for. */
  readonly extraRows: number;
  /** Bytes of a plane for so many rows of the output. */
  planeBytes(rows: number): number;
}

/** How the channels of a window's pictures lie in scratch. */
export function planesOf({ outWidth, kernelHeight, kernelWidth, stride, transposed }: Window): Planes {
  const phases = transposed ? 1 : stride;
  const width = outWidth + Math.floor((kernelWidth - 1) / phases);
  const extraRows = Math.floor((kernelHeight - 1) / phases);
  return { phases, width, extraRows, planeBytes: (rows) => 16 * Math.ceil((rows + extraRows) * width / 4) };
}

/** Taps that a turn of the table's loop does not know: bytes from a window's first number to each tap of a channel. */
export function tapOffsets(window: Window, planes: Planes, planeBytes: number): number[] {
  const { kernelHeight, kernelWidth, transposed } = window;
  const { phases, width } = planes;
  const along = (tap: number, size: number) => {
    const place = transposed ? size - 1 - tap : tap;
    return { phase: place % phases, step: Math.floor(place / phases) };
  };
  return Array.from({ length: kernelHeight * kernelWidth }, (_, tap) => {
    const row = along(Math.floor(tap / kernelWidth), kernelHeight);
    const column = along(tap % kernelWidth, kernelWidth);
    return (row.phase * phases + column.phase) * planeBytes + 4 * (row.step * width + column.step);
  });
}

/** Columns of a picture that lie in one of the planes of a row: the first, its place in the plane, and how many. */
interface Columns {
  readonly column: number;
  readonly place: number;
  readonly length: number;
}

/** The columns of each plane of a row. */
function columnsOf(
  { inWidth, kernelWidth, stride, padding, transposed }: Window,
  { phases, width }: Planes,
): Columns[] {
  const spread = transposed ? stride : 1;
  return Array.from({ length: phases }, (_, phase) => {
    const origin = transposed ? padding - (kernelWidth - 1) : phase - padding;
    const found: { column: number; place: number }[] = [];
    for (let place = 0; place < width; place++) {
      const at = transposed ? place + origin : place * stride + origin;
      if (at >= 0 && at % spread === 0 && at / spread < inWidth) found.push({ column: at / spread, place });
    }
    return { column: found[0]?.column ?? 0, place: found[0]?.place ?? 0, length: found.length };
  });
}

/**
 * Moves a row between picture and planes: local `picture` is where the picture's row begins, local `planes` where the
 * row of the first of its planes does.
 */
function moveRow(module: WatModule, window: Window, layout: Planes, planeBytes: number, toPlanes: boolean): string[] {
  const { phases } = layout;
  const columns = columnsOf(window, layout);
  const [first, last] = [
    Math.max(...columns.map(({ place }) => place)),
    Math.min(...columns.map(({ place, length }) => place + length)),
  ];
  const columnAt = (phase: number, place: number) => columns[phase].column + (place - columns[phase].place) * phases;
  const move = (phase: number, column: number, place: number, picture = get("picture"), planes = get("planes")) => {
    const [one, other] = [`offset=${4 * column}`, `offset=${phase * planeBytes + 4 * place}`];
    return toPlanes
      ? op("f32.store", other, planes, op("f32.load", one, picture))
      : op("f32.store", one, picture, op("f32.load", other, planes));
  };
  const others = columns.flatMap(({ place, length }, phase) =>
    Array.from({ length }, (_, k) => place + k).filter((at) => at < first || at >= last).map((at) => ({ phase, at }))
  );
  if (phases === 1 || last <= first || others.length > MOST_SINGLE * phases) {
    const spaced = defineSpaced(module);
    const apart = 4 * (window.transposed ? window.stride : 1);
    return columns.map(({ column, place, length }, phase) => {
      const picture = `${add(get("picture"), int(4 * column))} ${int(4 * phases)}`;
      const planes = `${add(get("planes"), int(phase * planeBytes + 4 * place))} ${int(apart)}`;
      return `(call $${spaced} ${toPlanes ? `${planes} ${picture}` : `${picture} ${planes}`} ${int(length)})`;
    });
  }
  const shuffled = phases === 2 ? apart(!toPlanes) : phases === 4 ? transposeVectors() : undefined;
  const vectors = columns.map((_, k) => {
    const [one, other] = [op("v128.load", `offset=${16 * k}`, get("from")), `offset=${k * planeBytes}`];
    return toPlanes ? { load: one, store: op("v128.store", other, get("at"), get(`v${k}`)) } : {
      load: op("v128.load", other, get("at")),
      store: op("v128.store", `offset=${16 * k}`, get("from"), get(`v${k}`)),
    };
  });
  // Four columns of every plane at a time, then one.
  return [
    ...others.map(({ phase, at }) => move(phase, columnAt(phase, at), at)),
    set("from", add(get("picture"), int(4 * columnAt(0, first)))),
    set("at", add(get("planes"), int(4 * first))),
    set("end", add(get("at"), int(4 * (last - first)))),
    ...shuffled
      ? [
        loop("fours", op("i32.le_u", add(get("at"), int(16)), get("end")), [
          ...vectors.map(({ load }, k) => set(`v${k}`, load)),
          ...shuffled,
          ...vectors.map(({ store }) => store),
          set("from", add(get("from"), int(16 * phases))),
          set("at", add(get("at"), int(16))),
        ]),
      ]
      : [],
    loop("columns", op("i32.lt_u", get("at"), get("end")), [
      ...columns.map((_, phase) => move(phase, columnAt(phase, first) - columnAt(0, first), 0, get("from"), get("at"))),
      set("from", add(get("from"), int(4 * phases))),
      set("at", add(get("at"), int(4))),
    ]),
  ];
}

/** Columns of a plane that are moved by themselves: those that not all planes of a row have. */
const MOST_SINGLE = 4;

/**
 * Defines `stage(to, from, channels, i0, rows)`: brings channels, which lie one after the other from `from` on, into
 * planes for output rows i0 to i0 + rows.
 *
 * @param around What is around the pictures.
 */
export function defineStage(module: WatModule, window: Window, planes: Planes, planeBytes: number, around = 0): string {
  const { inHeight, inWidth, outHeight, kernelHeight, stride, padding, transposed } = window;
  const { phases, width, extraRows } = planes;
  const spread = transposed ? stride : 1;
  const number = (name: string, value: number) => module.arg(value, `stage ${name}`);
  const channelBytes = phases ** 2 * planeBytes;
  const isCovered = spread === 1 && padding === 0 && (outHeight + extraRows) * phases <= inHeight &&
    columnsOf(window, planes).every(({ length }) => length === width);
  const clear = around === 0
    ? `(memory.fill ${get("to")} (i32.const 0) ${int(channelBytes)})`
    : `(call $${defineFilled(module, around)} ${get("to")} ${int(channelBytes)})`;
  const originY = transposed ? padding - (kernelHeight - 1) : -padding;
  const isSpread = spread === 1 ? int(1) : op("i32.eqz", op("i32.rem_s", get("row"), int(spread)));
  return module.define(
    "stage",
    `(func $stage ${parameters("to", "from", "channels", "i0", "rows")}
(local $c i32) (local $y i32) (local $phase i32) (local $row i32) (local $picture i32) (local $planes i32)
(local $at i32) (local $end i32) (local $first i32) ${VECTOR_LOCALS}
${
      count("c", int(0), get("channels"), [
        ...isCovered ? [] : [clear],
        set("first", get("from")),
        count("y", int(0), add(get("rows"), number("extraRows", extraRows)), [
          count("phase", int(0), int(phases), [
            set(
              "row",
              add(mul(add(get("i0"), get("y")), int(phases)), get("phase"), number("originY", originY)),
            ),
            when(op("i32.and", op("i32.ge_s", get("row"), int(0)), isSpread), [
              ...spread === 1 ? [] : [set("row", op("i32.div_s", get("row"), int(spread)))],
              when(op("i32.lt_s", get("row"), number("inHeight", inHeight)), [
                set("picture", at(get("first"), mul(get("row"), number("inWidth", inWidth)))),
                set(
                  "planes",
                  add(
                    get("to"),
                    mul(get("phase"), int(phases * planeBytes)),
                    mul(get("y"), number("width", 4 * width)),
                  ),
                ),
                ...moveRow(module, window, planes, planeBytes, true),
              ]),
            ]),
          ]),
        ]),
        set("to", add(get("to"), int(channelBytes))),
        set("from", add(get("first"), number("picture", 4 * inHeight * inWidth))),
      ])
    })`,
  );
}

/** Defines `filled(to, bytes)`: so many bytes of one number, in whole vectors. */
function defineFilled(module: WatModule, value: number): string {
  return module.define(
    "filled",
    `(func $filled ${parameters("to", "bytes")} (local $end i32)
${set("end", add(get("to"), get("bytes")))}
${
      loop("fill", op("i32.lt_u", get("to"), get("end")), [
        op("v128.store", get("to"), four(value)),
        set("to", add(get("to"), int(16))),
      ])
    })`,
  );
}

/**
 * Defines `unstage(to, from)`: a picture from its planes, which have `rows` rows; what none of them has is 0.
 */
export function defineUnstage(
  module: WatModule,
  window: Window,
  planes: Planes,
  planeBytes: number,
  rows: number,
): string {
  const { inHeight, inWidth, stride, padding } = window;
  const { phases, width } = planes;
  const covered = columnsOf(window, planes).reduce((sum, { length }) => sum + length, 0);
  const clear = `(memory.fill ${get("picture")} (i32.const 0) ${int(4 * inWidth)})`;
  return module.define(
    "unstage",
    `(func $unstage ${parameters("picture", "first")} (local $y i32) (local $row i32) (local $planes i32)
(local $from i32) (local $at i32) (local $end i32) ${VECTOR_LOCALS}
${
      count("y", int(0), int(inHeight), [
        ...covered === inWidth ? [] : [clear],
        set("row", op("i32.div_u", add(get("y"), int(padding)), int(stride))),
        when(op("i32.lt_u", get("row"), int(rows)), [
          set(
            "planes",
            add(
              get("first"),
              mul(op("i32.rem_u", add(get("y"), int(padding)), int(stride)), int(phases * planeBytes)),
              mul(get("row"), int(4 * width)),
            ),
          ),
          ...moveRow(module, window, planes, planeBytes, false),
        ], covered === inWidth ? [clear] : []),
        set("picture", add(get("picture"), int(4 * inWidth))),
      ])
    })`,
  );
}

/**
 * Defines `table(to, channels, channelBytes)`: the bytes from a window's first number to each tap, channel by channel.
 */
export function defineTable(module: WatModule, offsets: readonly number[]): string {
  return module.define(
    "table",
    `(func $table ${parameters("to", "channels", "channelBytes")} (local $c i32) (local $first i32)
${
      count("c", int(0), get("channels"), [
        set("first", mul(get("c"), get("channelBytes"))),
        ...offsets.map((offset, tap) =>
          op("i32.store", `offset=${4 * tap}`, get("to"), add(get("first"), module.arg(offset, `tap ${tap}`)))
        ),
        set("to", add(get("to"), int(4 * offsets.length))),
      ])
    })`,
  );
}
