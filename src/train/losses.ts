/**
 * The losses of the three tasks.
 *
 * Targets may be probabilities, as label smoothing, mixup and CutMix make them: every loss takes them.
 *
 * @module
 */

import type { Tensor } from "../../kernels/op.ts";
import type { Task } from "../data/labels.ts";
import type { GraphBuilder } from "../graph/builder.ts";
import type { Settings } from "../run/settings.ts";

/** Losses by name. */
export type LossName = "cross-entropy" | "bce" | "focal" | "asymmetric" | "poly1";

/** A named loss and its numbers, which are settings of the same names. */
export type LossRule =
  & { readonly loss: LossName }
  & Partial<
    Pick<
      Settings,
      | "focalGamma"
      | "focalAlpha"
      | "asymmetricGammaNeg"
      | "asymmetricGammaPos"
      | "asymmetricClip"
      | "polyEpsilon"
      | "bceTargetThreshold"
      | "bceSum"
    >
  >;

/** Operands of a loss: of N pictures, or with R-Drop of their first passes and then of their second ones. */
export interface LossInputs {
  /** [N, K]. */
  readonly logits: Tensor;
  /** [N, K]: one-hot for classes, 0 or 1 for labels; or probabilities. */
  readonly targets: Tensor;
  /** [N]: 1, or 0 for padding. */
  readonly weight: Tensor;
  /** [K]: weight of each class, or of the positives of each label; default all 1. */
  readonly classWeight?: Tensor;
  /** Share of the target that all classes get alike; of a label, yes and no; default 0. */
  readonly labelSmoothing?: number;
}

/** Operands of a loss that has a name. */
export interface NamedLossInputs extends LossInputs {
  /** Default: `cross-entropy` for classes, `bce` for labels. */
  readonly rule?: LossRule;
  /** [K]: what is added to the logits of each class, in the losses of a softmax; default nothing. */
  readonly logitOffset?: Tensor;
}

/** A loss of the user's own: the mean loss of a batch, a scalar, which is differentiated. */
export type LossFunction = (b: GraphBuilder, inputs: LossInputs) => Tensor;

/** What a loss of each sample is computed from. */
interface Terms extends NamedLossInputs {
  readonly classWeight: Tensor;
  readonly rule: LossRule;
}

/** The losses of a softmax: of one class of several. */
export const SOFTMAX_LOSSES: readonly LossName[] = ["cross-entropy", "focal", "poly1"];

/**
 * Mean loss of a batch, a scalar: softmax cross-entropy for `multiclass`, sigmoid cross-entropy for the others, or the
 * named loss.
 *
 * As PyTorch's `CrossEntropyLoss(weight, label_smoothing)` and `BCEWithLogitsLoss(pos_weight)`, reduced by mean: over
 * samples, of which a softmax's count by the weight of their class, and of labels over these too.
 */
export function taskLoss(b: GraphBuilder, task: Task, inputs: NamedLossInputs): Tensor {
  const { logits, targets, weight, labelSmoothing = 0, logitOffset } = inputs;
  const [batch, classes] = logits.shape;
  const { rule = { loss: task === "multiclass" ? "cross-entropy" : "bce" } } = inputs;
  const classWeight = inputs.classWeight ?? b.broadcastTo(1, [classes]);
  // A label has two answers, each of which gets half of the share: timm's `smooth_dense`.
  const answers = task === "multiclass" ? classes : 2;
  const smooth = labelSmoothing === 0 ? targets : b.add(b.mul(targets, 1 - labelSmoothing), labelSmoothing / answers);
  const terms = { ...inputs, targets: smooth, classWeight, rule };
  if (task !== "multiclass") return weightedMean(b, ofLabels(b, terms), weight);
  // Here the weight of a class is that of its logit.
  if (!SOFTMAX_LOSSES.includes(rule.loss)) return weightedMean(b, ofLabels(b, terms, false), weight);
  // Σ w_c t'_c ℓ(p_c), divided by the weight of the true classes.
  const weighted = b.mul(smooth, classWeight);
  const adjusted = logitOffset ? b.add(logits, logitOffset) : logits;
  const summed = b.sum(b.mul(ofClasses(b, rule, adjusted, weighted), weight), undefined, false);
  const ofTruth = b.reshape(b.sum(b.mul(targets, classWeight), [1]), [batch]);
  return b.div(summed, b.sum(b.mul(ofTruth, weight), undefined, false));
}

/** Mean of what each sample has [N], by their weights [N], a scalar. */
export function weightedMean(b: GraphBuilder, perSample: Tensor, weight: Tensor): Tensor {
  return b.div(b.sum(b.mul(perSample, weight), undefined, false), b.sum(weight, undefined, false));
}

/**
 * Σ_c t_c ℓ(p_c) of each sample [N], where p is the softmax.
 *
 * - `cross-entropy`: −ln p.
 * - `focal`: −(1 − p)^γ ln p (Lin et al., "Focal loss for dense object detection", 2017).
 * - `poly1`: −ln p + ε (1 − p) (Leng et al., "PolyLoss", 2022, section 4).
 *
 * @param targets [N, K]: class weights are in them.
 */
function ofClasses(b: GraphBuilder, rule: LossRule, logits: Tensor, targets: Tensor): Tensor {
  const { loss, focalGamma = 2, polyEpsilon = 1 } = rule;
  if (loss === "cross-entropy") return b.op("crossEntropy", [logits, targets]);
  const logP = b.op("logSoftmax", [logits]);
  const missing = b.sub(1, b.exp(logP));
  if (loss === "focal") return b.sum(b.mul(targets, b.mul(power(b, missing, focalGamma), b.neg(logP))), [1], false);
  const more = b.mul(b.sum(b.mul(targets, missing), [1], false), polyEpsilon);
  return b.add(b.op("crossEntropy", [logits, targets]), more);
}

/**
 * Loss of each sample [N], where each logit x has a label of its own, of probability p = σ(x). With t its target, w its
 * weight and p_t = t p + (1 − t)(1 − p):
 *
 * - `bce`: ℓ = −w t ln p − (1 − t) ln(1 − p); the mean over labels, as all but `asymmetric`.
 * - `focal`: α_t (1 − p_t)^γ ℓ, α_t = t α + (1 − t)(1 − α), as torchvision's `sigmoid_focal_loss`.
 * - `poly1`: ℓ + ε (1 − p_t).
 * - `asymmetric`: (1 − p_t)^γ_t ℓ, γ_t = t γ₊ + (1 − t) γ₋, where max(p − m, 0) stands for p beside 1 − t; the sum over
 *   labels, as timm's `AsymmetricLossMultiLabel` (Ridnik et al., "Asymmetric loss for multi-label classification",
 *   2021).
 *
 * @param ofPositives Does the class weight count for the positives alone?
 */
function ofLabels(b: GraphBuilder, { logits, classWeight, rule, ...terms }: Terms, ofPositives = true): Tensor {
  const { loss, focalGamma = 2, focalAlpha = 0.25, polyEpsilon = 1, bceTargetThreshold, bceSum = false } = rule;
  const { asymmetricGammaNeg = 4, asymmetricGammaPos = 1, asymmetricClip = 0.05 } = rule;
  const isHard = loss === "bce" && bceTargetThreshold !== undefined;
  const t = isHard ? b.greater(terms.targets, bceTargetThreshold) : terms.targets;
  const overLabels = (perLabel: Tensor, isSum: boolean) => {
    const weighted = ofPositives ? perLabel : b.mul(perLabel, classWeight);
    return isSum ? b.sum(weighted, [1], false) : b.mean(weighted, [1], false);
  };
  const ofOnes = ofPositives ? classWeight : b.broadcastTo(1, classWeight.shape);
  const plain = () => b.op("sigmoidCrossEntropy", [logits, t, ofOnes]);
  if (loss === "bce") return overLabels(plain(), bceSum);
  const rest = b.sub(1, t);
  const p = b.sigmoid(logits);
  const clipped = loss === "asymmetric" && asymmetricClip > 0 ? b.relu(b.sub(p, asymmetricClip)) : p;
  // 1 − p_t, without a difference that loses digits.
  const missing = b.add(b.mul(t, b.sigmoid(b.neg(logits))), b.mul(rest, clipped));
  if (loss === "poly1") return overLabels(b.add(plain(), b.mul(missing, polyEpsilon)), false);
  if (loss === "focal") {
    const alpha = b.add(b.mul(t, focalAlpha), b.mul(rest, 1 - focalAlpha));
    return overLabels(b.mul(b.mul(alpha, power(b, missing, focalGamma)), plain()), false);
  }
  const gamma = b.add(b.mul(t, asymmetricGammaPos), b.mul(rest, asymmetricGammaNeg));
  const positive = b.mul(b.mul(t, classWeight), b.op("softplus", [b.neg(logits)]));
  const negative = clipped === p ? b.op("softplus", [logits]) : b.neg(b.log(b.sub(1, clipped)));
  return overLabels(b.mul(power(b, missing, gamma), b.add(positive, b.mul(rest, negative))), true);
}

/** x below which a power of it is taken as if it were this: its gradient is then 0, and never 0 times infinity. */
const LEAST = 1e-12;

/** x^exponent, for x from 0 on. */
function power(b: GraphBuilder, x: Tensor, exponent: Tensor | number): Tensor {
  return b.exp(b.mul(b.log(b.maximum(x, LEAST)), exponent));
}
