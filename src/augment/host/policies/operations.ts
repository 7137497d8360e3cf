/**
 * The operations that policies are made of.
 *
 * @module
 */

import * as colour from "../colour.ts";
import { sharpness } from "../filter.ts";
import type { Pixels } from "../picture_view.ts";
import * as warp from "../warp.ts";

/** What an operation does to a picture at a value; some have none. */
export type Operation = (picture: Pixels, value: number, fill: readonly number[]) => Pixels;

/** Names of the operations. */
export type OperationName =
  | "identity"
  | "autoContrast"
  | "brightness"
  | "color"
  | "contrast"
  | "equalize"
  | "invert"
  | "posterize"
  | "rotate"
  | "sharpness"
  | "shearX"
  | "shearY"
  | "solarize"
  | "solarizeAdd"
  | "translateX"
  | "translateY";

/** All operations. */
export const operations: Readonly<Record<OperationName, Operation>> = {
  identity: (picture) => picture,
  autoContrast: colour.autoContrast,
  brightness: colour.brightness,
  color: colour.saturation,
  contrast: colour.contrast,
  equalize: colour.equalize,
  invert: colour.invert,
  posterize: colour.posterize,
  rotate: warp.rotate,
  sharpness,
  shearX: warp.shearX,
  shearY: warp.shearY,
  solarize: colour.solarize,
  solarizeAdd: colour.solarizeAdd,
  translateX: warp.translateX,
  translateY: warp.translateY,
};
