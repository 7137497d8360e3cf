/**
 * Uniform random numbers as a pure function of (key, stream, index). Nothing is stored between draws. The backward pass
 * draws the same number again, and a resumed run continues as if it had never stopped.
 *
 * The specification, in 32-bit unsigned integers:
 *
 * ```text
 * mix(x)  =  x ^= x >> 16;  x *= 0x7feb352d;  x ^= x >> 15;  x *= 0x846ca68b;  x ^= x >> 16
 * key     =  hi << 16 | lo
 * state   =  mix(mix(mix(mix(key) ^ stream) ^ index) ^ key ^ stream)
 * uniform =  (state >> 8) / 2^24                                         in [0, 1), exact in float32
 * ```
 *
 * `mix` is the hash `lowbias32` (C. Wellons, "Prospecting for hash functions", 2018), a bijection. The last round sees
 * key and stream again, so that two streams whose third round starts from near values do not hold the same
 * numbers in another order.
 *
 * It stands here three times: WGSL, TypeScript, and JavaScript for gpu.js. In gpu.js's `webasm` mode every variable
 * is a float32, so the last one keeps 16-bit halves and no product reaches 2^24. All three agree bit for bit.
 *
 * On the device (seed, step) gives the key, a layer's path the stream, and the element the index. Initial weights are
 * of (seed, parameter's name, element), in `src/nn/init.ts`; orders and augmentation of (seed, epoch, sample), in
 * `src/random.ts`.
 *
 * @module
 */

/**
 * The generator in WGSL: `fn randomUniform(index: u32, stream: u32, hi: u32, lo: u32) -> f32`. `hi` and `lo` are the
 * halves of the key, each below 65,536.
 */
export const randomWgsl = `
fn randomMix(value: u32) -> u32 {
  var x = value;
  x = (x ^ (x >> 16u)) * 0x7feb352du;
  x = (x ^ (x >> 15u)) * 0x846ca68bu;
  return x ^ (x >> 16u);
}

fn randomUniform(index: u32, stream: u32, hi: u32, lo: u32) -> f32 {
  let key = (hi << 16u) | lo;
  let state = randomMix(randomMix(randomMix(randomMix(key) ^ stream) ^ index) ^ key ^ stream);
  return f32(state >> 8u) * 0x1p-24;
}
`;

/** Bits 0–15 of `low` times a 32-bit constant of which `m0` and `m1` are the lowest bytes. */
function randomTimesLow(low: number, m0: number, m1: number): number {
  return (((low * m0) & 65535) + ((low * m1) & 255) * 256) & 65535;
}

/** Bits 16–31 of (high, low) times the constant with bytes `m0` (lowest) to `m3`. */
function randomTimesHigh(
  high: number,
  low: number,
  m0: number,
  m1: number,
  m2: number,
  m3: number,
): number {
  const p = low * m0;
  const q = low * m1;
  const carry = (((p & 65535) + (q & 255) * 256) >> 16) + (p >> 16) + (q >> 8);
  const cross = ((low * m2) & 65535) + ((low * m3) & 255) * 256 + ((high * m0) & 65535) + ((high * m1) & 255) * 256;
  return (carry + cross) & 65535;
}

/** {@link randomUniform} on 16-bit halves, in gpu.js's subset. */
function randomUniformHalves(index: number, stream: number, hi: number, lo: number): number {
  let high = 0;
  let low = 0;
  for (let round = 0; round < 4; round++) {
    if (round === 1) {
      high = high ^ (stream >> 16);
      low = low ^ (stream & 65535);
    } else if (round === 2) {
      high = high ^ (index >> 16);
      low = low ^ (index & 65535);
    } else {
      high = high ^ hi;
      low = low ^ lo;
    }
    if (round === 3) {
      high = high ^ (stream >> 16);
      low = low ^ (stream & 65535);
    }
    low = low ^ high; // x ^= x >> 16
    high = randomTimesHigh(high, low, 45, 53, 235, 127); // x *= 0x7feb352d
    low = randomTimesLow(low, 45, 53);
    low = low ^ (((high << 1) | (low >> 15)) & 65535); // x ^= x >> 15
    high = high ^ (high >> 15);
    high = randomTimesHigh(high, low, 139, 166, 108, 132); // x *= 0x846ca68b
    low = randomTimesLow(low, 139, 166);
    low = low ^ high; // x ^= x >> 16
  }
  return (high * 256 + (low >> 8)) / 16777216;
}

/**
 * The generator for gpu.js kernels: sources of the functions that together give `randomUniform(index, stream, hi, lo)`.
 * Pass each to `gpu.addFunction` (gpu.js loses the variables of functions nested in a kernel); in plain JavaScript,
 * declare them before the kernel. `index` is below 2^31 where it is `this.thread.x` itself and below 2^24 where it went
 * through a variable (a float32 in `webasm`); `stream` is below 2^24.
 */
export const randomJs: readonly string[] = [
  randomTimesLow.toString(),
  randomTimesHigh.toString(),
  randomUniformHalves.toString().replace("randomUniformHalves", "randomUniform"),
];

/** The `mix` of the specification: a bijection of the unsigned 32-bit integers. */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * The generator on the host.
 *
 * @param index Element of the drawn tensor, below 2^32.
 * @param stream Which tensor of the step: two draws with different streams are independent.
 * @param hi Upper half of the key, below 65,536.
 * @param lo Lower half of the key, below 65,536.
 * @returns A multiple of 2^-24 in [0, 1).
 * @example
 * ```ts
 * import { randomKey, randomUniform } from "./random.ts";
 * const [hi, lo] = randomKey(1, 0);
 * const first = randomUniform(0, 7, hi, lo);
 * console.assert(first >= 0 && first < 1);
 * ```
 */
export function randomUniform(index: number, stream: number, hi: number, lo: number): number {
  return uniformsOf(stream, hi, lo)(index);
}

/** {@link randomUniform} as a function of the index: what does not depend on it is computed once. */
export function uniformsOf(stream: number, hi: number, lo: number): (index: number) => number {
  const key = hi * 65536 + lo;
  const start = mix(mix(key) ^ stream);
  const end = key ^ stream;
  return (index) => (mix(mix(start ^ index) ^ end) >>> 8) / 16777216;
}

/**
 * The key of one training step, as two halves that a float32 holds exactly. Within a seed no two of the first 2^32
 * steps share a key.
 *
 * @param seed The run's seed, an integer from 0 to 2^53 − 1.
 * @param step Count of steps (or micro-steps) before this one.
 * @returns `[hi, lo]`, each below 65,536.
 * @throws RangeError when seed or step is not such an integer.
 */
export function randomKey(seed: number, step: number): [hi: number, lo: number] {
  for (const [name, value] of [["seed", seed], ["step", step]] as const) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`Cannot make a random key: ${name} is ${value}; give an integer from 0 to 2^53 - 1`);
    }
  }
  const high = Math.floor(seed / 2 ** 32);
  const key = mix(mix(mix(high) ^ (seed >>> 0)) ^ (step >>> 0));
  return [key >>> 16, key & 65535];
}
