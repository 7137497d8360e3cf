/**
 * Reads pickles that build plain values, and can do nothing else (Python's `pickletools` documents the opcodes).
 *
 * A pickle is a program for a small stack machine, and Python's own reader lets it call any function. Here the
 * functions are those of a table that the caller hands over: TypeScript functions that build values. Any other name of
 * Python's, what calling it would give, and what is set in that, becomes an {@link Inert} record, which does nothing:
 * trainers keep their settings, paths and figures beside the weights. Whoever needs such a value refuses it by name.
 *
 * Memory is bounded by the pickle's length: every opcode pushes at most one value, nothing is copied but by an opcode
 * each, and opcodes are counted. Values are never walked through recursively.
 *
 * @module
 */

import { quote } from "./byte_source.ts";

/**
 * What a pickle holds: null, boolean, number, bigint (beyond 2^53), string, `Uint8Array`, an array for a list, a frozen
 * one for a tuple, a `Map` for a dictionary, or what the caller's functions made.
 */
export type Pickled = unknown;

/** A name of Python's that a pickle may use. */
export interface PickleGlobal {
  /** Such as `collections.OrderedDict`. */
  readonly name: string;
  /** What calling it gives; without it, it is a value that cannot be called. */
  readonly call?: (args: readonly Pickled[]) => Pickled;
  /** Stays in the place of the name itself. */
  readonly value?: Pickled;
  /** Whether a value that it made may be given a state, which is passed over. */
  readonly takesState?: boolean;
}

/**
 * A name of Python's that is not known here, or what would have been made by it. Nothing of it was run: it only keeps
 * what it would have been made of.
 */
export class Inert {
  /** Such as `argparse.Namespace`. */
  readonly name: string;
  /** Arguments, items and states, each as it came: nothing is copied. */
  readonly parts: Pickled[];

  /** Keeps the name and what would have been taken. */
  constructor(name: string, parts: Pickled[] = []) {
    this.name = name;
    this.parts = parts;
  }
}

/**
 * A value for a message. What holds others is not written out: a list that has the same list twice, that another one
 * twice, and so on, is a text of gigabytes in a pickle of a hundred bytes.
 */
export function shown(value: Pickled): string {
  if (value instanceof Inert) return quote(value.name);
  if (typeof value === "object" && value !== null) return "that is no text";
  return typeof value === "string" ? quote(value) : String(value);
}

/** What a pickle may use. */
export interface PickleContext {
  /** The names that mean something, by `module.name`; others give {@link Inert} records. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** The value of a persistent id: torch's storages. Without it, persistent ids are refused. */
  readonly persistent?: (id: Pickled) => Pickled;
}

/** Most opcodes of a pickle: some twenty thousand tensors. */
const MAX_OPCODES = 1_000_000;

/** Most bytes of a whole number. */
const MAX_LONG = 1024;

/** Most containers that are open at one time. */
const MAX_DEPTH = 64;

/** A mark on the stack: where the values of a container begin. */
const MARK = Symbol("mark");

/**
 * Reads one pickle.
 *
 * @param bytes What holds it.
 * @param start Where it begins.
 * @param context What it may use.
 * @returns Its value, and the offset of the byte after it.
 * @throws {SyntaxError} That says what is wrong, as a clause about the file.
 *
 * @example
 * ```ts
 * import { unpickle } from "./pickle.ts";
 *
 * unpickle(Uint8Array.of(0x80, 2, 0x4b, 7, 0x2e), 0, { globals: new Map() }); // { value: 7, end: 5 }
 * ```
 */
export function unpickle(bytes: Uint8Array, start: number, context: PickleContext): { value: Pickled; end: number } {
  return new Unpickler(bytes, start, context).run();
}

class Unpickler {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #context: PickleContext;
  readonly #memo = new Map<number, Pickled>();
  /** Values that take a state without effect. */
  readonly #stateful = new WeakSet<object>();
  #stack: Pickled[] = [];
  #depth = 0;
  #at: number;

  constructor(bytes: Uint8Array, start: number, context: PickleContext) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = start;
    this.#context = context;
  }

  run(): { value: Pickled; end: number } {
    for (let count = 0; count < MAX_OPCODES; count++) {
      const code = this.#u8();
      if (code === STOP) {
        const value = this.#pop();
        if (this.#stack.length > 0) throw this.#error("values are left over");
        return { value, end: this.#at };
      }
      const step = steps.get(code);
      if (!step) throw this.#error(`the opcode 0x${code.toString(16).padStart(2, "0")} is none that weights need`);
      step(this);
    }
    throw this.#error(`it has more than ${MAX_OPCODES} opcodes`);
  }

  push(value: Pickled): void {
    this.#stack.push(value);
  }

  mark(): void {
    if (++this.#depth > MAX_DEPTH) throw this.#error("it is nested too deeply");
    this.push(MARK);
  }

  /** Takes the values since the last mark, and the mark. */
  sinceMark(): Pickled[] {
    const at = this.#stack.lastIndexOf(MARK);
    if (at < 0) throw this.#error("a mark is missing");
    this.#depth--;
    return this.#stack.splice(at).slice(1);
  }

  /** Replaces the last `count` values by a tuple of them. */
  tuple(count: number): void {
    this.push(Object.freeze(Array.from({ length: count }, () => this.#pop()).reverse()));
  }

  append(items: readonly Pickled[]): void {
    const list = this.top();
    if (list instanceof Inert) return void list.parts.push(items);
    if (!Array.isArray(list) || Object.isFrozen(list)) throw this.#error("something is appended to what is no list");
    for (const item of items) list.push(item);
  }

  setItems(items: readonly Pickled[]): void {
    const dictionary = this.top();
    if (dictionary instanceof Inert) return void dictionary.parts.push(items);
    if (!(dictionary instanceof Map)) throw this.#error("something is set in what is no dictionary");
    if (items.length % 2 === 1) throw this.#error("a key has no value");
    for (let i = 0; i < items.length; i += 2) {
      if (dictionary.has(items[i])) throw this.#error(`the key ${shown(items[i])} is there twice`);
      dictionary.set(items[i], items[i + 1]);
    }
  }

  put(index: number): void {
    this.#memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.#memo.size);
  }

  get(index: number): void {
    if (!this.#memo.has(index)) throw this.#error(`it uses its value ${index} before it is there`);
    this.push(this.#memo.get(index));
  }

  /** A name of Python's. */
  global(module: string, name: string): void {
    const found = this.#context.globals.get(`${module}.${name}`);
    this.push(found ? found.value ?? found : new Inert(`${module}.${name}`));
  }

  stackGlobal(): void {
    const [name, module] = [this.#pop(), this.#pop()];
    if (typeof name !== "string" || typeof module !== "string") throw this.#error("a name is no text");
    this.global(module, name);
  }

  reduce(): void {
    const [args, callee] = [this.#pop(), this.#pop()];
    if (!Array.isArray(args)) throw this.#error("something is called that is no function");
    this.call(callee, args);
  }

  /** Calls a known name; of another there is a record. Keywords come with some of Python's classes. */
  call(callee: Pickled, args: Pickled[], keywords?: Pickled): void {
    if (callee instanceof Inert) {
      return this.push(new Inert(callee.name, keywords === undefined ? [args] : [args, keywords]));
    }
    const { call, takesState = false } = (callee ?? {}) as Partial<PickleGlobal>;
    const hasKeywords = keywords !== undefined && !(keywords instanceof Map && keywords.size === 0);
    if (typeof call !== "function" || hasKeywords) throw this.#error("something is called that is no function");
    const value = call(args);
    if (takesState && typeof value === "object" && value !== null) this.#stateful.add(value);
    this.push(value);
  }

  /** The class before the arguments is called with them. */
  object(keywords?: Pickled): void {
    const args = this.#pop();
    if (!Array.isArray(args)) throw this.#error("the arguments of a class are no tuple");
    this.call(this.#pop(), args, keywords);
  }

  /** A class and its arguments. */
  old([callee, ...args]: Pickled[]): void {
    this.call(callee, args);
  }

  build(): void {
    const state = this.#pop();
    const target = this.top();
    if (target instanceof Inert) return void target.parts.push(state);
    if (typeof target !== "object" || target === null || !this.#stateful.has(target)) {
      throw this.#error("a state is given to what has none");
    }
  }

  persistent(): void {
    if (!this.#context.persistent) throw this.#error("a persistent id has no place here");
    this.push(this.#context.persistent(this.#pop()));
  }

  pop(): Pickled {
    return this.#pop();
  }

  u8(): number {
    return this.#u8();
  }

  u16(): number {
    return this.#view.getUint16(this.#skip(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#skip(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#skip(4), true);
  }

  /** A frame's length, which nothing here needs. */
  frame(): void {
    this.#skip(8);
  }

  f64(): number {
    return this.#view.getFloat64(this.#skip(8), false);
  }

  protocol(): void {
    const protocol = this.#u8();
    if (protocol < 2 || protocol > 5) throw this.#error(`protocol ${protocol} is none of 2 to 5`);
  }

  /** Bytes of a long number: more than any that is kept beside weights would only take time. */
  longSize(): number {
    const size = this.i32();
    if (size < 0 || size > MAX_LONG) throw this.#error(`a whole number has ${size} bytes`);
    return size;
  }

  /** A whole number of any length, two's complement, little-endian. */
  long(length: number): number | bigint {
    const at = this.#skip(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = value << 8n | BigInt(this.#bytes[at + i]);
    const signed = BigInt.asIntN(8 * length, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  /** A length of 64 bits. */
  u64(): number {
    const length = this.#view.getBigUint64(this.#skip(8), true);
    if (length > BigInt(this.#bytes.length)) throw this.#cut();
    return Number(length);
  }

  text(length: number): string {
    return this.#decode(this.bytes(length));
  }

  bytes(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** A text that ends with a newline. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw this.#cut();
    const text = this.#decode(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return text;
  }

  #decode(bytes: Uint8Array): string {
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw this.#error("a text is not UTF-8");
    }
  }

  /** The last value, which stays. */
  top(): Pickled {
    const top = this.#stack.at(-1);
    if (this.#stack.length === 0 || top === MARK) throw this.#error("a value is missing");
    return top;
  }

  #pop(): Pickled {
    const top = this.top();
    this.#stack.pop();
    return top;
  }

  #u8(): number {
    return this.#bytes[this.#skip(1)];
  }

  /** Goes on by `length` bytes; gives where they begin. */
  #skip(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw this.#cut();
    this.#at += length;
    return at;
  }

  #cut(): SyntaxError {
    return this.#error("it is cut, or too long");
  }

  #error(what: string): SyntaxError {
    return new SyntaxError(`its pickle is wrong at byte ${this.#at}: ${what}`);
  }
}

const STOP = 0x2e;

/** Opcodes of protocols 2 to 5, but for those of registries and of buffers beside the pickle, by code. */
const steps: ReadonlyMap<number, (u: Unpickler) => void> = new Map<number, (u: Unpickler) => void>([
  [0x80, (u) => u.protocol()], // PROTO
  [0x95, (u) => u.frame()], // FRAME
  [0x28, (u) => u.mark()], // MARK
  [0x30, (u) => u.pop()], // POP
  [0x4e, (u) => u.push(null)], // NONE
  [0x88, (u) => u.push(true)], // NEWTRUE
  [0x89, (u) => u.push(false)], // NEWFALSE
  [0x4b, (u) => u.push(u.u8())], // BININT1
  [0x4d, (u) => u.push(u.u16())], // BININT2
  [0x4a, (u) => u.push(u.i32())], // BININT
  [0x8a, (u) => u.push(u.long(u.u8()))], // LONG1
  [0x8b, (u) => u.push(u.long(u.longSize()))], // LONG4
  [0x47, (u) => u.push(u.f64())], // BINFLOAT
  [0x58, (u) => u.push(u.text(u.u32()))], // BINUNICODE
  [0x8c, (u) => u.push(u.text(u.u8()))], // SHORT_BINUNICODE
  [0x55, (u) => u.push(u.text(u.u8()))], // SHORT_BINSTRING, of Python 2
  [0x54, (u) => u.push(u.text(u.u32()))], // BINSTRING, of Python 2
  [0x43, (u) => u.push(u.bytes(u.u8()))], // SHORT_BINBYTES
  [0x42, (u) => u.push(u.bytes(u.u32()))], // BINBYTES
  [0x8d, (u) => u.push(u.text(u.u64()))], // BINUNICODE8
  [0x8e, (u) => u.push(u.bytes(u.u64()))], // BINBYTES8
  [0x96, (u) => u.push(u.bytes(u.u64()))], // BYTEARRAY8
  [0x8f, (u) => u.push(new Inert("builtins.set"))], // EMPTY_SET
  [0x90, (u) => u.append(u.sinceMark())], // ADDITEMS
  [0x91, (u) => u.push(new Inert("builtins.frozenset", [u.sinceMark()]))], // FROZENSET
  [0x32, (u) => u.push(u.top())], // DUP
  [0x31, (u) => u.sinceMark()], // POP_MARK
  [0x7d, (u) => u.push(new Map())], // EMPTY_DICT
  [0x5d, (u) => u.push([])], // EMPTY_LIST
  [0x29, (u) => u.tuple(0)], // EMPTY_TUPLE
  [0x85, (u) => u.tuple(1)], // TUPLE1
  [0x86, (u) => u.tuple(2)], // TUPLE2
  [0x87, (u) => u.tuple(3)], // TUPLE3
  [0x74, (u) => u.push(Object.freeze(u.sinceMark()))], // TUPLE
  [0x61, (u) => u.append([u.pop()])], // APPEND
  [0x65, (u) => u.append(u.sinceMark())], // APPENDS
  [0x73, (u) => u.setItems([u.pop(), u.pop()].reverse())], // SETITEM
  [0x75, (u) => u.setItems(u.sinceMark())], // SETITEMS
  [0x71, (u) => u.put(u.u8())], // BINPUT
  [0x72, (u) => u.put(u.u32())], // LONG_BINPUT
  [0x94, (u) => u.memoize()], // MEMOIZE
  [0x68, (u) => u.get(u.u8())], // BINGET
  [0x6a, (u) => u.get(u.u32())], // LONG_BINGET
  [0x63, (u) => u.global(u.line(), u.line())], // GLOBAL
  [0x93, (u) => u.stackGlobal()], // STACK_GLOBAL
  [0x52, (u) => u.reduce()], // REDUCE
  [0x81, (u) => u.object()], // NEWOBJ
  [0x92, (u) => u.object(u.pop())], // NEWOBJ_EX
  [0x6f, (u) => u.old(u.sinceMark())], // OBJ, of Python 2
  [0x62, (u) => u.build()], // BUILD
  [0x51, (u) => u.persistent()], // BINPERSID
]);
