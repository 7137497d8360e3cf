/**
 * Named augmentations: terms, and what is mixed of several pictures.
 *
 * @module
 */

/** What a recipe mixes of several pictures; 0 is without. */
export interface PresetMixing {
  /** α of mixup's Beta(α, α). */
  readonly mixup: number;
  /** α of CutMix's. */
  readonly cutmix: number;
}

/** A named augmentation. */
export interface Preset {
  /** The terms, as they are written in the setting. */
  readonly terms: string;
  /** What the recipe mixes: what the settings `mixup` and `cutmix` are, unless they are given. */
  readonly mixing?: PresetMixing;
}

/**
 * AugReg's table (Steiner et al. 2021, "How to train your ViT?", 3.3): RandAugment of two operations, and mixup. Their
 * magnitudes go beyond 10, as in TensorFlow's RandAugment.
 */
const augreg = (m: number, mixup: number): Preset => ({
  terms: `rrc-s0.05:1,flip,rand-m${m}-n2-mmax20`,
  mixing: { mixup, cutmix: 0 },
});

/** "ResNet strikes back" (Wightman et al. 2021), table 2. */
const strikesBack = (m: number, mixup: number): Preset => ({
  terms: `rrc,flip,rand-m${m}-n2-mstd0.5-inc1`,
  mixing: { mixup, cutmix: 1 },
});

/** Presets by name. */
export const presets: Readonly<Record<string, Preset>> = {
  "none": { terms: "" },
  "flip": { terms: "flip" },
  "crop-flip": { terms: "crop,flip" },
  "light1": augreg(0, 0),
  "light2": augreg(10, 0.2),
  "medium1": augreg(15, 0.2),
  "medium2": augreg(15, 0.5),
  "strong1": augreg(20, 0.5),
  "strong2": augreg(20, 0.8),
  "alexnet": { terms: "crop,flip,lighting-s0.1" },
  "timm-a1": strikesBack(7, 0.2),
  "timm-a2": strikesBack(7, 0.1),
  "timm-a3": strikesBack(6, 0.1),
  // Touvron et al. 2020, "Training data-efficient image transformers & distillation through attention", table 9.
  "deit": {
    terms: "rrc,flip,rand-m9-n2-mstd0.5-inc1,erase-p0.25-pixel",
    mixing: { mixup: 0.8, cutmix: 1 },
  },
};
