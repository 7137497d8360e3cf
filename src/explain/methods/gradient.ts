/**
 * The gradient times the picture (Simonyan et al., "Deep inside convolutional networks", 2013; Shrikumar et al., 2016).
 *
 * @module
 */

import type { Method } from "../method.ts";
import { overChannels, pictureGradients } from "./backward.ts";

/** Σ over the channels of x · ∂y/∂x, where x is the picture as the model takes it: 0 is the mean colour. */
export const gradient: Method = {
  name: "gradient",
  summary: "the class's gradient by the picture, times the picture (Simonyan 2013, Shrikumar 2016)",
  uses: [],
  isSigned: true,
  lacks: () => undefined,
  explain: async (probe, { image, select }) => {
    const slopes = await pictureGradients(probe, image, select);
    return overChannels(probe, slopes, (slope, i) => slope * image[i]);
  },
};
