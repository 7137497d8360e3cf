/**
 * Mirror images: half of the pictures change left and right.
 *
 * @module
 */

import { randomBelow } from "../../random.ts";
import type { PictureView } from "./picture_view.ts";
import { type HostTransformation, placementStream } from "./transformation.ts";

/** A picture with left and right changed. */
export function mirrored(picture: PictureView): PictureView {
  const { width, start, acrossBy } = picture;
  return { ...picture, start: start + (width - 1) * acrossBy, acrossBy: -acrossBy };
}

/** A picture, or with the same chance its mirror image. */
export const mirror: HostTransformation = {
  name: "mirror",
  apply: (picture, key) => randomBelow(placementStream(key), 2) === 1 ? mirrored(picture) : picture,
};
