/**
 * Guided backpropagation (Springenberg et al., "Striving for simplicity: the all convolutional net", 2014).
 *
 * @module
 */

import type { Method } from "../method.ts";
import { patternMethod } from "./deconvolution.ts";

/** The gradient of the picture, where a ReLU hands back what is above 0 of both its input and the gradient. */
export const guided: Method = patternMethod(
  "guided",
  "the gradient that ReLUs hand back where both it and their input are above 0 (Springenberg 2014)",
  ({ b, output, grad }) => [b.where(b.greater(output, 0), b.relu(grad), 0)],
);
