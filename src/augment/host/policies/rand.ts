/**
 * RandAugment (Cubuk et al. 2019, "RandAugment: Practical automated data augmentation with a reduced search space") and
 * AugMix (Hendrycks et al. 2019, "AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty"), with
 * timm's operations, levels and strings. Differing from timm's default, pixels are always read bilinear.
 *
 * @module
 */

import { randomBelow, type RandomStream } from "../../../random.ts";
import type { Change } from "../change.ts";
import { blend } from "../colour.ts";
import { chance, gaussian, sign, uniform } from "../draws.ts";
import type { Pixels } from "../picture_view.ts";
import { type OperationName, operations } from "./operations.ts";

/** An operation of timm's. */
export interface Level {
  /** What it is. */
  readonly op: OperationName;
  /** Whether it goes both ways. */
  readonly signed?: true;
  /** The operation's value at a level, 10 of which are the usual most. */
  readonly at?: (level: number, sign: number, side: number) => number;
}

const shear = (op: OperationName): Level => ({ op, signed: true, at: (level, s) => s * level / 10 * 0.3 });
const translate = (op: OperationName): Level => ({
  op,
  signed: true,
  at: (level, s, side) => s * level / 10 * 0.45 * side,
});
const enhance = (op: OperationName): Level => ({ op, at: (level) => level / 10 * 1.8 + 0.1 });
const increasing = (op: OperationName): Level => ({
  op,
  signed: true,
  at: (level, s) => Math.max(0.1, 1 + s * level / 10 * 0.9),
});
const kept = (level: number) => Math.trunc(level / 10 * 4);
const threshold = (level: number) => Math.min(256, Math.trunc(level / 10 * 256));

/** timm's operations by timm's names. */
export const levels: Readonly<Record<string, Level>> = {
  AutoContrast: { op: "autoContrast" },
  Equalize: { op: "equalize" },
  Invert: { op: "invert" },
  Rotate: { op: "rotate", signed: true, at: (level, s) => s * level / 10 * 30 },
  SolarizeAdd: { op: "solarizeAdd", at: (level) => Math.min(128, Math.trunc(level / 10 * 110)) },
  ShearX: shear("shearX"),
  ShearY: shear("shearY"),
  TranslateXRel: translate("translateX"),
  TranslateYRel: translate("translateY"),
  Posterize: { op: "posterize", at: kept },
  PosterizeIncreasing: { op: "posterize", at: (level) => 4 - kept(level) },
  Solarize: { op: "solarize", at: threshold },
  SolarizeIncreasing: { op: "solarize", at: (level) => 256 - threshold(level) },
  Color: enhance("color"),
  ColorIncreasing: increasing("color"),
  Contrast: enhance("contrast"),
  ContrastIncreasing: increasing("contrast"),
  Brightness: enhance("brightness"),
  BrightnessIncreasing: increasing("brightness"),
  Sharpness: enhance("sharpness"),
  SharpnessIncreasing: increasing("sharpness"),
};

/** Of these there is one that is told as it is, and one that is stronger at a higher level. */
const TWICE = ["Posterize", "Solarize", "Color", "Contrast", "Brightness", "Sharpness"];

const plain: readonly string[] = [
  ...["AutoContrast", "Equalize", "Invert", "Rotate", "Posterize", "Solarize", "SolarizeAdd", "Color", "Contrast"],
  ...["Brightness", "Sharpness", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel"],
];
const increasingOnes = plain.map((name) => TWICE.includes(name) ? `${name}Increasing` : name);

/** timm's weights of `tweights`. */
const WEIGHTS: Readonly<Record<string, number>> = {
  ...{ Rotate: 3, ShearX: 2, ShearY: 2, TranslateXRel: 1, TranslateYRel: 1 },
  ...{ ColorIncreasing: 0.25, SharpnessIncreasing: 0.25, AutoContrast: 0.25 },
  ...{ SolarizeIncreasing: 0.05, SolarizeAdd: 0.05, ContrastIncreasing: 0.05, BrightnessIncreasing: 0.05 },
  ...{ Equalize: 0.05, PosterizeIncreasing: 0.05, Invert: 0.05 },
};

/** How far a picture's operations go. */
export interface Magnitude {
  /** Their level. */
  readonly m: number;
  /** Its standard deviation; above 100 the level is anything from 0 to `m`. */
  readonly mstd: number;
  /** Greatest level. */
  readonly mmax: number;
}

/** What a string says of RandAugment. */
export interface RandSettings extends Magnitude {
  /** Operations of a picture. */
  readonly n: number;
  /** Chance of each. */
  readonly p: number;
  /** Whether 1, to take the operations that are stronger at a higher level. */
  readonly inc: number;
  /** Whether the operations are drawn by timm's weights. */
  readonly weighted: boolean;
}

/** The operations of RandAugment by timm's names, with their weights where they have some. */
export function randOperations({ inc, weighted }: Pick<RandSettings, "inc" | "weighted">): {
  readonly names: readonly string[];
  readonly weights?: readonly number[];
} {
  if (weighted) return { names: Object.keys(WEIGHTS), weights: Object.values(WEIGHTS) };
  return { names: inc === 1 ? increasingOnes : plain };
}

/** The operations of AugMix by timm's names. */
export const augmixOperations: readonly string[] = [
  ...["AutoContrast", "ColorIncreasing", "ContrastIncreasing", "BrightnessIncreasing", "SharpnessIncreasing"],
  ...["Equalize", "Rotate", "PosterizeIncreasing", "SolarizeIncreasing", "ShearX", "ShearY", "TranslateXRel"],
  "TranslateYRel",
];

function levelled(picture: Pixels, name: string, magnitude: Magnitude, next: RandomStream, fill: readonly number[]) {
  const { m, mstd, mmax } = magnitude;
  const drawn = mstd > 100 ? uniform(next, 0, m) : mstd > 0 ? gaussian(next, m, mstd) : m;
  const level = Math.max(0, Math.min(drawn, mmax));
  const { op, signed, at } = levels[name];
  return operations[op](picture, at?.(level, signed ? sign(next) : 1, picture.width) ?? 0, fill);
}

/** RandAugment: `n` operations of a magnitude, each with a chance. */
export function randAugment(settings: RandSettings): Change {
  const { n, p } = settings;
  const { names, weights } = randOperations(settings);
  return (picture, next, { fill }) => {
    // As with timm, weights go with drawing each operation once at most.
    const chosen = weights
      ? drawWeighted(next, weights, n)
      : Array.from({ length: n }, () => randomBelow(next, names.length));
    return chosen.reduce((seen, k) => chance(next, p) ? levelled(seen, names[k], settings, next, fill) : seen, picture);
  };
}

function drawWeighted(next: RandomStream, weights: readonly number[], count: number): number[] {
  const left = weights.map((weight, k) => ({ weight, k }));
  return Array.from({ length: count }, () => {
    let rest = uniform(next, 0, left.reduce((sum, { weight }) => sum + weight, 0));
    const found = left.findIndex(({ weight }) => (rest -= weight) < 0);
    return left.splice(found < 0 ? left.length - 1 : found, 1)[0].k;
  });
}

/** How many operations `tweights` has to draw from. */
export const WEIGHTED = Object.keys(WEIGHTS).length;

/** What a string says of AugMix. */
export interface AugMixSettings extends Magnitude {
  /** Chains. */
  readonly w: number;
  /** Operations of a chain; 0 for 1 to 3 at random. */
  readonly d: number;
}

/** AugMix: chains of operations mixed by random shares, and that with the picture. */
export function augMix(settings: AugMixSettings): Change {
  const { w, d } = settings;
  return (picture, next, { fill }) => {
    // Dirichlet's distribution of ones, by exponential numbers; Beta's of ones is uniform.
    const drawn = Array.from({ length: w }, () => -Math.log(1 - uniform(next)));
    const sum = drawn.reduce((total, one) => total + one, 0);
    const share = uniform(next);
    const mixed = new Float32Array(picture.data.length);
    for (const one of drawn) {
      const depth = d === 0 ? 1 + randomBelow(next, 3) : d;
      let chain = picture;
      for (let k = 0; k < depth; k++) {
        const name = augmixOperations[randomBelow(next, augmixOperations.length)];
        chain = levelled(chain, name, settings, next, fill);
      }
      for (let i = 0; i < mixed.length; i++) mixed[i] += one / sum * chain.data[i];
    }
    // Shares may add up to a hair above 1.
    return blend(picture, { ...picture, data: Uint8Array.from(mixed, (value) => Math.min(255, value)) }, share);
  };
}
