/**
 * Draws demo faces that `demo_face.ts` has drawn up, and where in them the hair is.
 *
 * @module
 */

import * as avataaars from "@dicebear/avataaars";
import { createAvatar, type Style } from "@dicebear/core";
import { Image } from "imagescript";
import type { Face } from "./demo_face.ts";

/** Two colours that differ in every channel. */
const KEYS = ["ff00ff", "00ff00"] as const;

/**
 * Draws a face.
 *
 * @param options Of the face.
 * @param size Side in pixels.
 */
export async function drawFace(options: Face["options"], size: number): Promise<Image> {
  const svg = createAvatar(avataaars as Style<Record<string, unknown>>, options).toString();
  return await Image.renderSVG(svg, size, Image.SVG_MODE_WIDTH);
}

/**
 * Where a face's hair is, that on the head: where a picture of it changes with the colour of the hair. A beard has that
 * colour, too, and is not in it.
 *
 * @param options Of the face.
 * @param size Side in pixels.
 * @returns Of each pixel the share that is hair, [size, size], from 0 to 1. Nothing under a hat and on bald heads.
 */
export async function drawHairMask(options: Face["options"], size: number): Promise<Float32Array> {
  const [one, other] = await Promise.all(KEYS.map((color) => drawFace({ ...options, hairColor: [color] }, size)));
  const [a, b] = [one.bitmap, other.bitmap];
  return Float32Array.from({ length: size * size }, (_, i) => {
    const [red, green, blue] = [0, 1, 2].map((c) => Math.abs(a[4 * i + c] - b[4 * i + c]) / 255);
    return (red + green + blue) / 3;
  });
}
