/**
 * Grad-CAM++ (Chattopadhay et al., "Grad-CAM++: generalized gradient-based visual explanations for deep convolutional
 * networks", 2018).
 *
 * @module
 */

import type { Method } from "../method.ts";
import { classActivation } from "./class_activation.ts";

/**
 * ReLU(Σ wₖ Aᵏ) with wₖ = Σᵢⱼ α · ReLU(g), and α = g² / (2g² + ΣA · g³) (equations 5, 19 and 21), where g is the
 * logit's gradient. The paper's score is the exponential of the logit, which multiplies the whole map by one number: it
 * is left out, as everybody does. Where the denominator is 0, so is α.
 */
export const gradCamPlusPlus: Method = classActivation(
  "grad-cam++",
  "as Grad-CAM, with a weight of its own for each place of the gradient (Chattopadhay 2018)",
  (b, activation, gradient) => {
    const square = b.square(gradient);
    const total = b.sum(activation, [2, 3]);
    // Both sides over g², so that the denominator of small gradients does not vanish in float32.
    const rest = b.add(b.mul(total, gradient), 2);
    const isNone = b.maximum(b.equal(rest, 0), b.equal(square, 0));
    const alpha = b.where(isNone, 0, b.div(1, b.where(isNone, 1, rest)));
    const weights = b.sum(b.mul(alpha, b.relu(gradient)), [2, 3]);
    return b.relu(b.sum(b.mul(weights, activation), [1]));
  },
);
