/**
 * Worker that draws demo faces; see `demo.ts`.
 *
 * @module
 */

import * as avataaars from "@dicebear/avataaars";
import { createAvatar, type Style } from "@dicebear/core";
import { Image } from "imagescript";
import type { DemoJob } from "./demo.ts";
import { drawUpFace } from "./demo_face.ts";
import { serve } from "../workers.ts";

/** JPEG quality, 1 to 100: high, since the pictures are small. */
const quality = 95;

serve(async ({ seed, size, faces }: DemoJob): Promise<number> => {
  for (const { index, hair, path } of faces) {
    const { options } = drawUpFace(seed, index, hair);
    const svg = createAvatar(avataaars as Style<Record<string, unknown>>, options).toString();
    const image = await Image.renderSVG(svg, size, Image.SVG_MODE_WIDTH);
    await Deno.writeFile(path, await image.encodeJPEG(quality));
  }
  return faces.length;
});
