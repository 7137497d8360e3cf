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

import { defineSpaced } from "../copy.ts";
import type { WatModule } from "../module.ts";
import { add, count, get, int, literal, loop, mul, op, parameters, set, when } from "../wat.ts";

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

/**
 * Defines `stage(to, from, channels, i0, rows, planeBytes)`: brings channels, which lie one after the other from `from`
 * on, into planes for output rows i0 to i0 + rows.
 *
 * @param around What is around the pictures.
 */
export function defineStage(module: WatModule, window: Window, planes: Planes, around = 0): string {
  const { inHeight, inWidth, kernelHeight, kernelWidth, stride, padding, transposed } = window;
  const { phases, width, extraRows } = planes;
  const spread = transposed ? stride : 1;
  const spaced = defineSpaced(module);
  const fill = (to: string) =>
    around === 0
      ? `(memory.fill ${to} (i32.const 0) ${number("width", 4 * width)})`
      : `(call $${defineFilled(module, around)} ${to} ${number("width", 4 * width)})`;
  const number = (name: string, value: number) => module.arg(value, `stage ${name}`);
  /** Columns of a plane that lie in the picture: the first, the column of the picture there, and how many. */
  const columns = (phase: number) => {
    const origin = transposed ? padding - (kernelWidth - 1) : phase - padding;
    const inside = (z: number) => {
      const at = transposed ? z + origin : z * stride + origin;
      return at >= 0 && at % spread === 0 && at / spread < inWidth ? at / spread : undefined;
    };
    const all = Array.from({ length: width }, (_, z) => ({ z, column: inside(z) }))
      .filter(({ column }) => column !== undefined);
    return { first: all[0]?.z ?? 0, column: all[0]?.column ?? 0, length: all.length };
  };
  const originY = transposed ? padding - (kernelHeight - 1) : -padding;
  const rowOf = (phase: number) =>
    transposed
      ? add(get("i0"), get("y"), number("originY", originY))
      : add(mul(add(get("i0"), get("y")), int(stride)), number(`originY ${phase}`, originY + phase));
  const body = (fr: number): string[] => [
    set("row", rowOf(fr)),
    set(
      "isIn",
      op(
        "i32.and",
        op("i32.ge_s", get("row"), int(0)),
        spread === 1 ? int(1) : op("i32.eqz", op("i32.rem_s", get("row"), int(spread))),
      ),
    ),
    ...spread === 1 ? [] : [set("row", op("i32.div_s", get("row"), int(spread)))],
    set("isIn", op("i32.and", get("isIn"), op("i32.lt_s", get("row"), number("inHeight", inHeight)))),
    ...Array.from({ length: phases }, (_, fs) => {
      const { first, column, length } = columns(fs);
      const to = add(
        get("to"),
        mul(get("planeBytes"), int(fr * phases + fs)),
        mul(get("y"), number("width", 4 * width)),
      );
      const source = add(
        get("from"),
        op("i32.shl", add(mul(get("row"), number("inWidth", inWidth)), number(`column ${fs}`, column)), int(2)),
      );
      return [
        ...length === width ? [] : [fill(to)],
        when(get("isIn"), [
          `(call $${spaced} ${add(to, number(`first ${fs}`, 4 * first))} ${int(4 * spread)} ${source} ${
            int(4 * (transposed ? 1 : stride))
          } ${number(`length ${fs}`, length)})`,
        ], length === width ? [fill(to)] : []),
      ].join("\n");
    }),
  ];
  return module.define(
    "stage",
    `(func $stage ${parameters("to", "from", "channels", "i0", "rows", "planeBytes")}
(local $c i32) (local $y i32) (local $row i32) (local $isIn i32)
${
      count("c", int(0), get("channels"), [
        count("y", int(0), add(get("rows"), number("extraRows", extraRows)), [
          ...Array.from({ length: phases }, (_, fr) => body(fr)).flat(),
        ]),
        set("to", add(get("to"), mul(get("planeBytes"), int(phases ** 2)))),
        set("from", add(get("from"), number("picture", 4 * inHeight * inWidth))),
      ])
    })`,
  );
}

/** Defines `filled(to, bytes)`: so many bytes of one number. */
function defineFilled(module: WatModule, value: number): string {
  return module.define(
    "filled",
    `(func $filled ${parameters("to", "bytes")} (local $end i32)
${set("end", add(get("to"), get("bytes")))}
${
      loop("fill", op("i32.lt_u", get("to"), get("end")), [
        op("f32.store", get("to"), `(f32.const ${literal(value)})`),
        set("to", add(get("to"), int(4))),
      ])
    })`,
  );
}

/**
 * Defines `unstage(to, from, planeBytes)`: a picture from its planes, which have `rows` rows; what none of them has is
 * 0.
 */
export function defineUnstage(module: WatModule, window: Window, planes: Planes, rows: number): string {
  const { inHeight, inWidth, stride, padding } = window;
  const { phases, width } = planes;
  const spaced = defineSpaced(module);
  const columns = Array.from({ length: phases }, (_, phase) => {
    const first = (phase - padding % phases + phases) % phases;
    const place = Math.floor((first + padding) / stride);
    const length = Math.max(0, Math.min(Math.ceil((inWidth - first) / stride), width - place));
    return { first, place, length };
  });
  const isCovered = columns.reduce((sum, { length }) => sum + length, 0) === inWidth;
  const clear = `(memory.fill ${get("to")} (i32.const 0) ${int(4 * inWidth)})`;
  return module.define(
    "unstage",
    `(func $unstage ${parameters("to", "from", "planeBytes")} (local $y i32) (local $row i32) (local $source i32)
${
      count("y", int(0), int(inHeight), [
        ...isCovered ? [] : [clear],
        set("row", op("i32.div_u", add(get("y"), int(padding)), int(stride))),
        when(op("i32.lt_u", get("row"), int(rows)), [
          set(
            "source",
            add(
              get("from"),
              mul(get("planeBytes"), mul(op("i32.rem_u", add(get("y"), int(padding)), int(stride)), int(phases))),
              mul(get("row"), int(4 * width)),
            ),
          ),
          ...columns.map(({ first, place, length }) =>
            `(call $${spaced} ${add(get("to"), int(4 * first))} ${int(4 * stride)} ${
              add(get("source"), int(4 * place))
            } (i32.const 4) ${int(length)})
${set("source", add(get("source"), get("planeBytes")))}`
          ),
        ], isCovered ? [clear] : []),
        set("to", add(get("to"), int(4 * inWidth))),
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
