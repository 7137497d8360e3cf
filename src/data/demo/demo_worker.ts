/**
 * Worker that draws demo faces; see `demo.ts`.
 *
 * @module
 */

import type { DemoJob } from "./demo.ts";
import { drawFace } from "./demo_drawing.ts";
import { drawUpFace } from "./demo_face.ts";
import { serve } from "../workers.ts";

/** JPEG quality, 1 to 100: high, since the pictures are small. */
const quality = 95;

serve(async ({ seed, size, faces }: DemoJob): Promise<number> => {
  for (const { index, hair, path } of faces) {
    const image = await drawFace(drawUpFace(seed, index, hair).options, size);
    await Deno.writeFile(path, await image.encodeJPEG(quality));
  }
  return faces.length;
});
