/**
 * Random crops: a part of the stored square, from anywhere.
 *
 * @module
 */

import { randomBelow } from "../../random.ts";
import { cutOut } from "./picture_view.ts";
import { type HostTransformation, placementStream } from "./transformation.ts";

/** A part of the picture; every place has the same chance. */
export const crop: HostTransformation = {
  name: "crop",
  crops: true,
  frames: true,
  apply(picture, key, size) {
    const next = placementStream(key);
    next(); // mirror's
    const left = randomBelow(next, picture.width - size + 1);
    return cutOut(picture, left, randomBelow(next, picture.height - size + 1), size);
  },
};
