/**
 * LayerCAM (Jiang et al., "LayerCAM: exploring hierarchical class activation maps for localization", 2021).
 *
 * @module
 */

import type { Method } from "../method.ts";
import { classActivation } from "./class_activation.ts";

/** ReLU(Σ ReLU(g) · A): each place of a channel counts by its own gradient (equations 6 and 7). */
export const layerCam: Method = classActivation(
  "layer-cam",
  "channels of a layer, each place weighted by its own gradient: sharp in early layers (Jiang 2021)",
  (b, activation, gradient) => b.relu(b.sum(b.mul(b.relu(gradient), activation), [1])),
);
