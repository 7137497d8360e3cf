/**
 * Functions of four floats at once, as polynomials after Cephes (S. Moshier), in float32. What they are off by is
 * stated in `tests/device/wasm/functions_test.ts`.
 *
 * @module
 */

import { get, op, set } from "./wat.ts";
import type { WatModule } from "./module.ts";

const f = (name: string, ...args: string[]): string => op(`f32x4.${name}`, ...args);
const i = (name: string, ...args: string[]): string => op(`i32x4.${name}`, ...args);
const pick = (ifTrue: string, ifFalse: string, mask: string): string => op("v128.bitselect", ifTrue, ifFalse, mask);

/** c0 xⁿ + … + cn, by Horner's rule. */
const polynomial = (m: WatModule, x: string, factors: readonly number[]): string =>
  factors.slice(1).reduce((sum, factor) => m.madd(sum, x, m.four(factor)), m.four(factors[0]));

const unary = (name: string, locals: string, body: readonly string[]): string =>
  `(func $${name} (param $x v128) (result v128) ${locals}
${body.join("\n")})`;

/**
 * e^x = 2^n e^r, r = x − n ln 2 in [−½ ln 2, ½ ln 2]. ln 2 is subtracted in two parts. Above 88.72 infinite; below
 * −87.34 nothing; 2^n is made of two factors, since n may be 128.
 */
const exp = (m: WatModule): string =>
  unary("exp", "(local $n v128) (local $r v128) (local $p v128) (local $half v128)", [
    // Beyond these the result is what it is at them; NaN passes both.
    set("r", pick(m.four(89), get("x"), f("gt", get("x"), m.four(89)))),
    set("r", pick(m.four(-88), get("r"), f("lt", get("r"), m.four(-88)))),
    set("n", f("nearest", f("mul", get("r"), m.four(1.44269504088896341)))),
    set("r", f("sub", get("r"), f("mul", get("n"), m.four(0.693359375)))),
    set("r", f("sub", get("r"), f("mul", get("n"), m.four(-2.12194440e-4)))),
    set(
      "p",
      polynomial(m, get("r"), [
        ...[1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1],
        5.0000001201e-1,
      ]),
    ),
    set("p", f("add", f("add", f("mul", f("mul", get("p"), get("r")), get("r")), get("r")), m.four(1))),
    set("n", i("trunc_sat_f32x4_s", get("n"))),
    set("half", op("i32x4.shr_s", get("n"), "(i32.const 1)")),
    set("p", f("mul", get("p"), powerOf(m, get("half")))),
    set("p", f("mul", get("p"), powerOf(m, i("sub", get("n"), get("half"))))),
    pick(m.four(0), get("p"), f("lt", get("x"), m.four(-87.3365478515625))),
  ]);

/** 2^n of whole numbers between −126 and 127. */
function powerOf(m: WatModule, n: string): string {
  return op("i32x4.shl", i("add", n, m.fourInts(127)), "(i32.const 23)");
}

/** ln x = n ln 2 + ln m, m in [√½, √2). Of 0 −∞, of ∞ itself; below 0 NaN. */
const log = (m: WatModule): string =>
  unary("log", "(local $n v128) (local $m v128) (local $p v128) (local $z v128) (local $low v128)", [
    set("m", op("v128.or", op("v128.and", get("x"), m.fourInts(0x007fffff)), m.fourInts(0x3f000000))),
    set("n", i("sub", op("i32x4.shr_u", get("x"), "(i32.const 23)"), m.fourInts(126))),
    set("n", f("convert_i32x4_s", get("n"))),
    set("low", f("lt", get("m"), m.four(Math.SQRT1_2))),
    set("n", f("sub", get("n"), op("v128.and", get("low"), m.four(1)))),
    set("m", f("sub", f("add", get("m"), op("v128.and", get("low"), get("m"))), m.four(1))),
    set("z", f("mul", get("m"), get("m"))),
    set(
      "p",
      polynomial(m, get("m"), [
        ...[7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1],
        ...[-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1],
      ]),
    ),
    set("p", f("mul", f("mul", get("p"), get("m")), get("z"))),
    set("p", f("add", get("p"), f("mul", get("n"), m.four(-2.12194440e-4)))),
    set("p", f("sub", get("p"), f("mul", get("z"), m.four(0.5)))),
    set("p", f("add", f("add", get("m"), get("p")), f("mul", get("n"), m.four(0.693359375)))),
    // The ends; numbers below 2^−126 count as 0.
    set("p", pick(m.four(-Infinity), get("p"), f("lt", get("x"), m.four(2 ** -126)))),
    set("p", pick(get("x"), get("p"), f("eq", get("x"), m.four(Infinity)))),
    set("p", pick(m.four(NaN), get("p"), f("lt", get("x"), m.four(0)))),
    pick(get("x"), get("p"), f("ne", get("x"), get("x"))),
  ]);

/** Near 0 a polynomial, further out 1 − 2 / (e^2x + 1). */
const tanh = (m: WatModule): string =>
  unary("tanh", "(local $z v128) (local $near v128) (local $far v128) (local $size v128)", [
    set("size", f("abs", get("x"))),
    set("z", f("mul", get("x"), get("x"))),
    set(
      "near",
      polynomial(m, get("z"), [
        -5.70498872745e-3,
        2.06390887954e-2,
        -5.37397155531e-2,
        1.33314422036e-1,
        -3.33332819422e-1,
      ]),
    ),
    set("near", f("add", f("mul", f("mul", get("near"), get("z")), get("x")), get("x"))),
    set("far", `(call $exp ${f("add", get("size"), get("size"))})`),
    set("far", f("sub", m.four(1), f("div", m.four(2), f("add", get("far"), m.four(1))))),
    // The sign of x.
    set("far", op("v128.or", get("far"), op("v128.and", get("x"), m.fourInts(0x80000000)))),
    pick(get("near"), get("far"), f("lt", get("size"), m.four(0.625))),
  ]);

/** x ^= x >> 16, x *= 0x7feb352d, x ^= x >> 15, x *= 0x846ca68b, x ^= x >> 16: `kernels/random.ts`. */
const randomMix = (m: WatModule): string =>
  unary("randomMix", "", [
    ...[[16, 0x7feb352d], [15, 0x846ca68b]].map(([shift, factor]) =>
      set(
        "x",
        i("mul", op("v128.xor", get("x"), op("i32x4.shr_u", get("x"), `(i32.const ${shift})`)), m.fourInts(factor)),
      )
    ),
    op("v128.xor", get("x"), op("i32x4.shr_u", get("x"), "(i32.const 16)")),
  ]);

const texts: Readonly<
  Record<string, { readonly text: (module: WatModule) => string; readonly calls?: readonly string[] }>
> = {
  exp: { text: exp },
  log: { text: log },
  tanh: { text: tanh, calls: ["exp"] },
  randomMix: { text: randomMix },
};

/** Text of a call of a function of one vector, which is added to the module. */
export function call(module: WatModule, name: string, x: string): string {
  const { text, calls = [] } = texts[name];
  for (const inner of calls) module.define(inner, texts[inner].text(module));
  module.define(name, text(module));
  return `(call $${name} ${x})`;
}
