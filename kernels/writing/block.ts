/**
 * Writes WGSL block by block: what is opened by a call is closed when the call is done. What has a name is a handle
 * with a type, so that an index is not taken for a number.
 *
 * @example
 * ```ts
 * import { block, u32 } from "./block.ts";
 *
 * block((w) => {
 *   const start = w.let("start", u32("tile * 4u"));
 *   w.for("k", { to: u32("p.k") }, (k) => w.line(`sum += load0(${start} + ${k});`));
 * });
 * // let start = tile * 4u;
 * // for (var k = 0u; k < p.k; k++) {
 * // sum += load0(start + k);
 * // }
 * ```
 *
 * @module
 */

/** Types of what is named. */
export type ValueType = "u32" | "f32" | "vec4f" | "bool";

/** A value in WGSL: a name or an expression, which a text takes as it is. */
export class Value<T extends ValueType = ValueType> {
  readonly type: T;
  readonly #text: string;

  constructor(type: T, text: string) {
    this.type = type;
    this.#text = text;
  }

  /** Its WGSL. */
  toString(): string {
    return this.#text;
  }
}

/** WGSL of an index. */
export const u32 = (text: string | number): Value<"u32"> =>
  new Value("u32", typeof text === "number" ? `${text}u` : text);

/** WGSL of a number. */
export const f32 = (text: string): Value<"f32"> => new Value("f32", text);

/** WGSL of four numbers. */
export const vec4f = (text: string): Value<"vec4f"> => new Value("vec4f", text);

/** WGSL of a condition. */
export const bool = (text: string): Value<"bool"> => new Value("bool", text);

/** From where to where a loop goes. */
export interface Span {
  /** Default 0. */
  readonly from?: Value<"u32">;
  /** The first that is not taken. */
  readonly to: Value<"u32">;
  /** Steps by which the index grows; without them it counts. */
  readonly by?: number;
}

/** Writes the lines of one block. */
export class Block {
  readonly lines: string[] = [];

  /** Statements as they are. */
  line(...lines: readonly string[]): void {
    this.lines.push(...lines);
  }

  /** Names a value. */
  let<T extends ValueType>(name: string, value: Value<T>): Value<T> {
    this.line(`let ${name} = ${value};`);
    return new Value(value.type, name);
  }

  /** Names a value that will change. */
  var<T extends ValueType>(name: string, value: Value<T>): Value<T> {
    this.line(`var ${name} = ${value};`);
    return new Value(value.type, name);
  }

  /** Gives a variable another value. */
  set<T extends ValueType>(variable: Value<T>, value: Value<NoInfer<T>>): void {
    this.line(`${variable} = ${value};`);
  }

  /** Adds to a variable. */
  add<T extends Exclude<ValueType, "bool">>(variable: Value<T>, value: Value<NoInfer<T>>): void {
    this.line(`${variable} += ${value};`);
  }

  /** A loop; `body` is given its index. */
  for(name: string, { from = u32(0), to, by }: Span, body: (index: Value<"u32">) => void): void {
    this.#enclose(
      `for (var ${name} = ${from}; ${name} < ${to}; ${by === undefined ? `${name}++` : `${name} += ${by}u`}) {`,
      () => body(u32(name)),
    );
  }

  /** What is done where a condition holds. */
  if(condition: Value<"bool">, body: () => void): void {
    this.#enclose(`if (${condition}) {`, body);
  }

  /** What is done where a condition holds that may be known when the text is written: `true` needs no question. */
  ifNeeded(condition: Value<"bool"> | true, body: () => void): void {
    if (condition === true) body();
    else this.if(condition, body);
  }

  /** A block whose names are its own. */
  scope(body: () => void): void {
    this.#enclose("{", body);
  }

  #enclose(opening: string, body: () => void): void {
    this.line(opening);
    body();
    this.line("}");
  }
}

/** The lines that `write` writes. */
export function block(write: (w: Block) => void): string[] {
  const w = new Block();
  write(w);
  return w.lines;
}
