/**
 * Deconvolution (Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014, section 2.1).
 *
 * @module
 */

import type { Vjp } from "../../../kernels/op.ts";
import type { Method } from "../method.ts";
import type { MethodName } from "../method_names.ts";
import { overChannels, pictureGradients } from "./backward.ts";

/**
 * A method that goes back to the picture with another rule for ReLU: its map is the sum of sizes over the channels, and
 * what comes back looks like a picture.
 *
 * @param relu The rule.
 */
export function patternMethod(name: MethodName, summary: string, relu: Vjp): Method {
  return {
    ...{ name, summary, uses: [], isSigned: false },
    lacks: ({ hasRelu }) => hasRelu ? undefined : "it has no ReLU, whose gradient it would change",
    explain: async (probe, { image, select }) => {
      const pattern = await pictureGradients(probe, image, select, { name, relu });
      return { ...overChannels(probe, pattern, Math.abs), pattern };
    },
  };
}

/**
 * The way back through a deconvnet: convolutions transposed, maxima put where they were, and a ReLU hands back what is
 * above 0 of the gradient, whatever its input was.
 */
export const deconvolution: Method = patternMethod(
  "deconvolution",
  "the way back through a deconvnet, whose ReLUs pass what is above 0 (Zeiler and Fergus 2014)",
  ({ b, grad }) => [b.relu(grad)],
);
