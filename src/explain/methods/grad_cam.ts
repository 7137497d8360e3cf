/**
 * Grad-CAM (Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization",
 * 2017).
 *
 * @module
 */

import type { Method } from "../method.ts";
import { classActivation } from "./class_activation.ts";

/** ReLU(Σ αₖ Aᵏ): αₖ is the mean over the map of the logit's gradient by channel k (equations 1 and 2). */
export const gradCam: Method = classActivation(
  "grad-cam",
  "channels of a layer, weighted by the mean of the class's gradient (Selvaraju 2017)",
  (b, activation, gradient) => b.relu(b.sum(b.mul(b.mean(gradient, [2, 3]), activation), [1])),
);
