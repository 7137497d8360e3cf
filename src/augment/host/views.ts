/**
 * The views of a picture that a test may average over: the middle, its corners, and the mirror images of these, as
 * AlexNet's ten crops (Krizhevsky et al. 2012, 4.1). They are not drawn at random: the epoch of a sample's key says
 * which view is meant, so that a loader's epochs are the views.
 *
 * @module
 */

import { mirrored } from "./mirror.ts";
import { cutOut, type PictureView, roundHalfEven } from "./picture_view.ts";
import type { HostTransformation } from "./transformation.ts";

/** Places of the cut: the middle and the corners, as shares of the room across and down. */
const PLACES = [[0.5, 0.5], [0, 0], [1, 0], [0, 1], [1, 1]] as const;

/** How many views there are. */
export const VIEWS = 2 * PLACES.length;

/** Of so many views all are of the middle: the picture need not be larger than the model takes. */
export const MIDDLE_VIEWS = 2;

/**
 * A view of a picture.
 *
 * @param picture The picture, at least of the model's size.
 * @param view Which one, from 0: the middle, its mirror image, a corner, its mirror image, and so on.
 * @param size Side that the model takes, in pixels.
 */
export function viewOf(picture: PictureView, view: number, size: number): PictureView {
  const [across, down] = PLACES[Math.floor(view / 2) % PLACES.length];
  const left = roundHalfEven(across * (picture.width - size));
  const top = roundHalfEven(down * (picture.height - size));
  const cut = cutOut(picture, left, top, size);
  return view % 2 === 1 ? mirrored(cut) : cut;
}

/** See the module's text. */
export const views: HostTransformation = {
  name: "views",
  crops: true,
  apply: (picture, [, epoch], size) => viewOf(picture, epoch, size),
};
