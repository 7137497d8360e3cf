/**
 * AutoAugment (Cubuk et al. 2018, "AutoAugment: Learning Augmentation Strategies from Data") and TrivialAugment (Müller
 * and Hutter 2021, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation"), with torchvision's
 * magnitudes. Differing from torchvision's defaults, pixels are read bilinear and what lies outside is filled with the
 * mean colour.
 *
 * @module
 */

import { randomBelow, type RandomStream } from "../../../random.ts";
import type { Change } from "../change.ts";
import { chance, sign } from "../draws.ts";
import { type OperationName, operations } from "./operations.ts";

/** An operation of torchvision's policies: what it is, whether it goes both ways, how far at a share of the most. */
interface Entry {
  readonly op: OperationName;
  readonly signed?: true;
  /** The operation's value. */
  readonly at?: (share: number, side: number, sign: number) => number;
}

/** How far operations go at most. */
interface Widest {
  readonly shear: number;
  /** Pixels, of pictures of a side. */
  readonly translate: (side: number) => number;
  readonly degrees: number;
  readonly enhance: number;
  /** Bits that posterize drops. */
  readonly bits: number;
}

/** torchvision's `_augmentation_space`, by its names. */
function spaceOf({ shear, translate, degrees, enhance, bits }: Widest): Readonly<Record<string, Entry>> {
  const factor = (op: OperationName): Entry => ({ op, signed: true, at: (share, _, s) => 1 + s * enhance * share });
  const by = (op: OperationName, most: (side: number) => number): Entry => ({
    op,
    signed: true,
    at: (share, side, s) => s * most(side) * share,
  });
  // Pixels that torchvision moves to the right, Pillow's map reads from the left.
  const moved = (op: OperationName): Entry => ({
    op,
    signed: true,
    at: (share, side, s) => -s * Math.trunc(translate(side) * share),
  });
  return {
    ShearX: by("shearX", () => shear),
    ShearY: by("shearY", () => shear),
    TranslateX: moved("translateX"),
    TranslateY: moved("translateY"),
    Rotate: by("rotate", () => degrees),
    Brightness: factor("brightness"),
    Color: factor("color"),
    Contrast: factor("contrast"),
    Sharpness: factor("sharpness"),
    Posterize: { op: "posterize", at: (share) => 8 - Math.round(bits * share) },
    Solarize: { op: "solarize", at: (share) => 255 * (1 - share) },
    AutoContrast: { op: "autoContrast" },
    Equalize: { op: "equalize" },
    Invert: { op: "invert" },
  };
}

/** AutoAugment's operations; magnitudes are 0 to 9. */
export const autoSpace = spaceOf({
  ...{ shear: 0.3, translate: (side) => 150 / 331 * side, degrees: 30, enhance: 0.9, bits: 4 },
});

const { Invert: _, ...withoutInvert } = spaceOf({
  ...{ shear: 0.99, translate: () => 32, degrees: 135, enhance: 0.99, bits: 6 },
});

/** TrivialAugment's operations, of its wide set; magnitudes are 0 to 30. */
export const trivialSpace: Readonly<Record<string, Entry>> = { Identity: { op: "identity" }, ...withoutInvert };

/** Two operations: the chance of each, and its magnitude where it has one. */
export type SubPolicy = readonly (readonly [name: string, chance: number, magnitude: number | null])[];

/** The policies that were learnt, by their data set. */
export const autoPolicies: Readonly<Record<"imagenet" | "cifar10", readonly SubPolicy[]>> = {
  imagenet: [
    "Posterize 0.4 8, Rotate 0.6 9",
    "Solarize 0.6 5, AutoContrast 0.6",
    "Equalize 0.8, Equalize 0.6",
    "Posterize 0.6 7, Posterize 0.6 6",
    "Equalize 0.4, Solarize 0.2 4",
    "Equalize 0.4, Rotate 0.8 8",
    "Solarize 0.6 3, Equalize 0.6",
    "Posterize 0.8 5, Equalize 1.0",
    "Rotate 0.2 3, Solarize 0.6 8",
    "Equalize 0.6, Posterize 0.4 6",
    "Rotate 0.8 8, Color 0.4 0",
    "Rotate 0.4 9, Equalize 0.6",
    "Equalize 0.0, Equalize 0.8",
    "Invert 0.6, Equalize 1.0",
    "Color 0.6 4, Contrast 1.0 8",
    "Rotate 0.8 8, Color 1.0 2",
    "Color 0.8 8, Solarize 0.8 7",
    "Sharpness 0.4 7, Invert 0.6",
    "ShearX 0.6 5, Equalize 1.0",
    "Color 0.4 0, Equalize 0.6",
    "Equalize 0.4, Solarize 0.2 4",
    "Solarize 0.6 5, AutoContrast 0.6",
    "Invert 0.6, Equalize 1.0",
    "Color 0.6 4, Contrast 1.0 8",
    "Equalize 0.8, Equalize 0.6",
  ].map(read),
  cifar10: [
    "Invert 0.1, Contrast 0.2 6",
    "Rotate 0.7 2, TranslateX 0.3 9",
    "Sharpness 0.8 1, Sharpness 0.9 3",
    "ShearY 0.5 8, TranslateY 0.7 9",
    "AutoContrast 0.5, Equalize 0.9",
    "ShearY 0.2 7, Posterize 0.3 7",
    "Color 0.4 3, Brightness 0.6 7",
    "Sharpness 0.3 9, Brightness 0.7 9",
    "Equalize 0.6, Equalize 0.5",
    "Contrast 0.6 7, Sharpness 0.6 5",
    "Color 0.7 7, TranslateX 0.5 8",
    "Equalize 0.3, AutoContrast 0.4",
    "TranslateY 0.4 3, Sharpness 0.2 6",
    "Brightness 0.9 6, Color 0.2 8",
    "Solarize 0.5 2, Invert 0.0",
    "Equalize 0.2, AutoContrast 0.6",
    "Equalize 0.2, Equalize 0.6",
    "Color 0.9 9, Equalize 0.6",
    "AutoContrast 0.8, Solarize 0.2 8",
    "Brightness 0.1 3, Color 0.7 0",
    "Solarize 0.4 5, AutoContrast 0.9",
    "TranslateY 0.9 9, TranslateY 0.7 9",
    "AutoContrast 0.9, Solarize 0.8 3",
    "Equalize 0.8, Invert 0.1",
    "TranslateY 0.7 9, AutoContrast 0.9",
  ].map(read),
};

function read(line: string): SubPolicy {
  return line.split(", ").map((part) => {
    const [name, chance, magnitude] = part.split(" ");
    return [name, Number(chance), magnitude === undefined ? null : Number(magnitude)] as const;
  });
}

/** One sub-policy of the 25, each picture its own. */
export function autoAugment(policy: keyof typeof autoPolicies): Change {
  const policies = autoPolicies[policy];
  return (picture, next, { fill }) => {
    const steps = policies[randomBelow(next, policies.length)];
    return steps.reduce((seen, [name, p, magnitude]) => {
      const drawn = valueOf(autoSpace[name], (magnitude ?? 0) / 9, picture.width, next);
      return chance(next, p) ? operations[autoSpace[name].op](seen, drawn, fill) : seen;
    }, picture);
  };
}

/** One operation at a magnitude, both drawn at random, each as likely as the others. */
export const trivialAugment: Change = (picture, next, { fill }) => {
  const entries = Object.values(trivialSpace);
  const entry = entries[randomBelow(next, entries.length)];
  const share = randomBelow(next, 31) / 30;
  return operations[entry.op](picture, valueOf(entry, share, picture.width, next), fill);
};

function valueOf({ signed, at }: Entry, share: number, side: number, next: RandomStream): number {
  const direction = signed ? sign(next) : 1;
  return at?.(share, side, direction) ?? 0;
}
