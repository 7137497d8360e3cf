/**
 * A vision transformer that is small enough to be stored: patches of 8, so that pictures of 64 have 8×8 of them.
 *
 * @module
 */

import type { OwnModel } from "../../src/models/own.ts";
import { visionTransformer } from "../../src/models/vit.ts";

/** 43 thousand parameters. */
export const smallVit = {
  name: "vit-faces",
  build: ({ channels, classes }) =>
    visionTransformer({ patch: 8, width: 32, depth: 4, heads: 4, hidden: 64, channels, classes }),
} satisfies OwnModel;
