/**
 * Mirror images: pictures that change left and right, or top and bottom.
 *
 * @module
 */

import { randomBelow } from "../../random.ts";
import type { PictureView } from "./picture_view.ts";
import { chance } from "./draws.ts";
import { type HostTransformation, placementStream, streamOf } from "./transformation.ts";

/** A picture with left and right changed. */
export function mirrored(picture: PictureView): PictureView {
  const { width, start, acrossBy } = picture;
  return { ...picture, start: start + (width - 1) * acrossBy, acrossBy: -acrossBy };
}

/** A picture with top and bottom changed. */
export function upsideDown(picture: PictureView): PictureView {
  const { height, start, downBy } = picture;
  return { ...picture, start: start + (height - 1) * downBy, downBy: -downBy };
}

/** A picture, or with the same chance its mirror image. */
export const mirror: HostTransformation = {
  name: "mirror",
  frames: true,
  apply: (picture, key) => randomBelow(placementStream(key), 2) === 1 ? mirrored(picture) : picture,
};

/**
 * A picture, or the same upside down.
 *
 * @param place Its place in the list of transformations, which names its random numbers.
 * @param p The share of the pictures that it is done to.
 */
export const verticalMirror = (place: number, p: number): HostTransformation => ({
  name: "vertical mirror",
  frames: true,
  apply: (picture, key) => chance(streamOf(place, key), p) ? upsideDown(picture) : picture,
});
