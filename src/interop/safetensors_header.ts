/**
 * The header of a safetensors file, read strictly: `JSON.parse` would keep the last of two equal keys, round offsets
 * above 2^53 and let `__proto__` through.
 *
 * @module
 */
import { quote } from "./byte_source.ts";
import { type Dtype, dtypeSize } from "./dtypes.ts";

/** What the header says of a tensor, checked. */
export interface TensorEntry {
  /** Type of the stored values. */
  readonly dtype: Dtype;
  /** Sizes of the axes; none of a scalar. */
  readonly shape: readonly number[];
  /** First byte in the data, and the one after the last. */
  readonly offsets: readonly [begin: number, end: number];
}

/** A header, checked. */
export interface Header {
  /** The tensors by name, in the order of the data, which they fill without overlap or hole. */
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** Texts by key; an object without a prototype. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads and checks a header.
 *
 * @param bytes The JSON text.
 * @param dataLength Bytes after the header: the tensors must fill them without overlap or hole.
 * @returns What it says.
 * @throws {SyntaxError} That says what is wrong, as a clause about the file.
 *
 * @example
 * ```ts
 * import { parseHeader } from "./safetensors_header.ts";
 *
 * const text = '{"bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
 * parseHeader(new TextEncoder().encode(text), 8).entries.get("bias")?.shape; // [2]
 * ```
 */
export function parseHeader(bytes: Uint8Array, dataLength: number): Header {
  const text = decode(bytes);
  if (!text.startsWith("{")) throw new SyntaxError("its header does not start with {");
  let metadata: Record<string, string> = Object.create(null);
  const entries: [string, TensorEntry][] = [];
  for (const [name, value] of new StrictJson(text).parse()) {
    if (name === "__metadata__") metadata = metadataOf(value);
    else entries.push([name, entryOf(name, value)]);
  }
  entries.sort(([, a], [, b]) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1]);
  let end = 0;
  for (const [name, { offsets: [from, to] }] of entries) {
    if (from !== end) {
      throw new SyntaxError(
        `${quote(name)} starts at byte ${from} where ${end} is next: tensors may not overlap or leave holes`,
      );
    }
    end = to;
  }
  if (end !== dataLength) {
    throw new SyntaxError(`its tensors take ${end} bytes and the file has ${dataLength} for them`);
  }
  return { entries: new Map(entries), metadata };
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new SyntaxError("its header is not UTF-8");
  }
}

function metadataOf(value: Json): Record<string, string> {
  if (!(value instanceof Map)) throw new SyntaxError("its __metadata__ is not an object");
  const metadata: Record<string, string> = Object.create(null);
  for (const [key, text] of value) {
    if (typeof text !== "string") throw new SyntaxError(`its metadata ${quote(key)} is not a string`);
    metadata[key] = text;
  }
  return metadata;
}

function entryOf(name: string, value: Json): TensorEntry {
  const wrong = (what: string) => new SyntaxError(`${quote(name)} ${what}`);
  if (!(value instanceof Map)) throw wrong("is not described by an object");
  const dtype = value.get("dtype");
  const shape = value.get("shape");
  const offsets = value.get("data_offsets");
  if (value.size !== 3 || dtype === undefined || shape === undefined || offsets === undefined) {
    throw wrong("must have dtype, shape and data_offsets, and nothing else");
  }
  const size = typeof dtype === "string" ? dtypeSize(dtype) : undefined;
  if (size === undefined) throw wrong(`has the unknown dtype ${quote(String(dtype))}`);
  if (!isCounts(shape)) throw wrong("has a shape that is not a list of whole numbers");
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[1] < offsets[0]) throw wrong("has wrong data_offsets");
  let bytes = size;
  for (const axis of shape) {
    bytes *= axis;
    if (!Number.isSafeInteger(bytes)) throw wrong(`has the impossible shape [${shape.join(", ")}]`);
  }
  const [begin, end] = offsets;
  if (bytes !== end - begin) {
    throw wrong(`of [${shape.join(", ")}] ${dtype} needs ${bytes} bytes and has ${end - begin}`);
  }
  return { dtype: dtype as Dtype, shape, offsets: [begin, end] };
}

function isCounts(value: Json): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === "number");
}

/** What a header may hold; numbers are whole, from 0 to 2^53 − 1. */
type Json = string | number | Json[] | Map<string, Json>;

/** Deepest nesting: root, tensor, list. */
const MAX_DEPTH = 3;

/** Longest list; no tensor has so many axes, and a hostile header could ask for much memory with one. */
const MAX_ITEMS = 64;

/** Reads the part of JSON that headers use; refuses the same key twice. */
class StrictJson {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** The object that the text starts with; nothing but space may follow. */
  parse(): Map<string, Json> {
    const root = this.#object(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#error("something follows the header's object");
    return root;
  }

  #value(depth: number): Json {
    this.#space();
    const next = this.#text[this.#at];
    if (next === '"') return this.#string();
    if (next !== "{" && next !== "[") return this.#count();
    if (depth === MAX_DEPTH) throw this.#error("it is nested too deeply");
    return next === "{" ? this.#object(depth) : this.#list(depth);
  }

  #object(depth: number): Map<string, Json> {
    const object = new Map<string, Json>();
    this.#sequence("}", () => {
      this.#space();
      const key = this.#string();
      if (key === "__proto__") throw this.#error("the key __proto__ is not allowed");
      if (object.has(key)) throw this.#error(`the key ${quote(key)} is there twice`);
      this.#expect(":");
      object.set(key, this.#value(depth + 1));
    });
    return object;
  }

  #list(depth: number): Json[] {
    const list: Json[] = [];
    this.#sequence("]", () => {
      if (list.length === MAX_ITEMS) throw this.#error(`a list has more than ${MAX_ITEMS} items`);
      list.push(this.#value(depth + 1));
    });
    return list;
  }

  /** Items between brackets, with commas between them. */
  #sequence(close: string, item: () => void): void {
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === close) {
      this.#at++;
      return;
    }
    for (;;) {
      item();
      this.#space();
      const next = this.#text[this.#at++];
      if (next === close) return;
      if (next !== ",") throw this.#error(`, or ${close} is missing`);
    }
  }

  #string(): string {
    if (this.#text[this.#at] !== '"') throw this.#error("a string is missing");
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === "\\" ? 2 : 1;
    const source = this.#text.slice(this.#at, end + 1);
    this.#at = end + 1;
    try {
      const text: string = JSON.parse(source);
      // Half of a surrogate pair has no UTF-8.
      if (text.isWellFormed()) return text;
    } catch {
      // Told below.
    }
    throw this.#error("a string is malformed");
  }

  #count(): number {
    const pattern = /0|[1-9][0-9]*/y;
    pattern.lastIndex = this.#at;
    const [digits] = pattern.exec(this.#text) ?? [];
    const count = Number(digits);
    if (digits === undefined || !Number.isSafeInteger(count)) throw this.#error("a whole number below 2^53 is missing");
    this.#at += digits.length;
    return count;
  }

  #space(): void {
    while (this.#at < this.#text.length && " \t\n\r".includes(this.#text[this.#at])) this.#at++;
  }

  #expect(char: string): void {
    this.#space();
    if (this.#text[this.#at++] !== char) throw this.#error(`${char} is missing`);
  }

  #error(what: string): SyntaxError {
    return new SyntaxError(`its header is wrong at character ${this.#at}: ${what}`);
  }
}
