/**
 * Damaged files for the fuzzers: a good file, changed in the ways that files are damaged in: cut, bits flipped, pieces
 * lost, doubled, moved or zeroed, lengths made extreme. The same seed gives the same files.
 *
 * `deno task test` reads a few hundred of them, `deno task test:fuzz` many thousands with another seed a run, which it
 * prints: `FOVEA_FUZZ_SEED=N deno task test:fuzz` repeats it.
 *
 * @module
 */

import { joined } from "../../src/bytes.ts";
import { randomStream } from "../../src/random.ts";

/** Lengths and counts at which readers have gone wrong. */
const EXTREMES = [0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

type Draw = (below: number) => number;
type Change = (bytes: Uint8Array, draw: Draw) => Uint8Array;

/** A piece of the bytes, more often near the start, where headers are. */
function piece({ length }: Uint8Array, draw: Draw): [start: number, end: number] {
  const start = draw(2) === 0 ? draw(Math.min(length, 256)) : draw(length);
  return [start, Math.min(length, start + 1 + draw(draw(2) === 0 ? 8 : 512))];
}

const changes: readonly Change[] = [
  function flip(bytes, draw) {
    for (let flips = 1 + draw(4); flips > 0; flips--) bytes[piece(bytes, draw)[0]] ^= 1 << draw(8);
    return bytes;
  },
  function cut(bytes, draw) {
    return bytes.subarray(0, draw(bytes.length));
  },
  function lose(bytes, draw) {
    const [start, end] = piece(bytes, draw);
    return joined([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  function double(bytes, draw) {
    const [start, end] = piece(bytes, draw);
    return joined([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  function zero(bytes, draw) {
    return bytes.fill(draw(2) * 0xff, ...piece(bytes, draw));
  },
  function move(bytes, draw) {
    const [start, end] = piece(bytes, draw);
    bytes.copyWithin(draw(bytes.length), start, end);
    return bytes;
  },
  function extreme(bytes, draw) {
    if (bytes.length < 4) return bytes;
    const at = Math.min(piece(bytes, draw)[0], bytes.length - 4);
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, EXTREMES[draw(EXTREMES.length)], draw(2) === 0);
    return bytes;
  },
];

/** One damaged file. */
export interface Mutant {
  /** What repeats it: `mutant(good, seed)`. */
  readonly seed: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * A good file, changed one to three times.
 *
 * @param good The file; at least one byte. It is left as it is.
 * @param seed Which changes are made.
 */
export function mutant(good: Uint8Array, seed: number): Mutant {
  const next = randomStream(seed);
  const draw = (below: number) => next() % Math.max(1, below);
  let bytes: Uint8Array = good.slice();
  for (let times = 1 + draw(3); times > 0 && bytes.length > 0; times--) {
    bytes = changes[draw(changes.length)](bytes.slice(), draw);
  }
  return { seed, bytes: bytes.slice() };
}

/**
 * How many mutants of a file are read, and the seed of the first: a few, always the same, in `deno task test`; many,
 * others every time, in `deno task test:fuzz`.
 *
 * @param few How many `deno task test` reads.
 */
export function* mutants(good: Uint8Array, few: number): Generator<Mutant> {
  const isFuzz = Deno.env.get("FOVEA_FUZZ") === "1";
  const given = Deno.env.get("FOVEA_FUZZ_SEED");
  const first = given !== undefined ? Number(given) : isFuzz ? Date.now() % 2 ** 31 : 1;
  if (isFuzz) console.log(`FOVEA_FUZZ_SEED=${first}`);
  for (let i = 0; i < (isFuzz ? 50 * few : few); i++) yield mutant(good, first + i);
}
