/**
 * What the report times, and how long it may take.
 *
 * @module
 */

/** Sizes of a report. */
export interface Sizes {
  /** For people. */
  readonly name: string;
  /** Of the square product. */
  readonly side: number;
  /** Ways to compute it that are tried of each family. */
  readonly ways: number;
  /** Numbers that are copied. */
  readonly elements: number;
  readonly imageSize: number;
  readonly batch: number;
  /** Networks whose steps are timed. */
  readonly networks: readonly string[];
  /** Those of them whose convolutions are timed one by one. */
  readonly convolutions: readonly string[];
  /** Seconds in which the ways of a network's calls are tuned. */
  readonly tuneSeconds: number;
  /** Minutes after which nothing more is timed. */
  readonly minutes: number;
}

/** For a card. */
export const CARD: Sizes = {
  ...{ name: "full", side: 4096, ways: 99, elements: 2 ** 26, imageSize: 224, batch: 64 },
  networks: ["resnet50", "resnet152", "vgg16", "vit-b32", "swin-t"],
  convolutions: ["resnet50", "vgg16"],
  ...{ tuneSeconds: 20, minutes: 10 },
};

/** For a card, or for a small one, in a few minutes. */
export const QUICK: Sizes = {
  ...{ name: "quick", side: 2048, ways: 3, elements: 2 ** 24, imageSize: 224, batch: 16 },
  ...{ networks: ["resnet50", "vit-b32"], convolutions: ["resnet50"] },
  ...{ tuneSeconds: 5, minutes: 3 },
};

/** For a software adapter: they tell that the command works, and nothing of its speed. */
export const TINY: Sizes = {
  ...{ name: "tiny", side: 128, ways: 1, elements: 2 ** 16, imageSize: 32, batch: 2 },
  ...{ networks: ["lenet", "vit-ti16"], convolutions: ["lenet"] },
  ...{ tuneSeconds: 1, minutes: 3 },
};

/** The least that calls every part but convolutions, for a test: a processor takes seconds to compile each tile. */
export const LEAST: Sizes = {
  ...TINY,
  ...{ name: "least", ways: 0, networks: ["lenet"], convolutions: [], tuneSeconds: 0.1 },
};
