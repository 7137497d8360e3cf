/**
 * Maps by what they mean: on the demo faces, hair colours are told by the hair, and the generator can draw where it is.
 * The two networks are trained and stored (fixtures/explain/make_faces.ts); these faces are of another seed.
 *
 * @module
 */

import { assert } from "@std/assert";
import { drawFace, drawHairMask } from "../../src/data/demo/demo_drawing.ts";
import { drawUpFace, type Hair, hairRatios } from "../../src/data/demo/demo_face.ts";
import type { Device } from "../../src/device/device.ts";
import { openDevice } from "../../src/device/open.ts";
import { lastStage } from "../../src/explain/anatomy.ts";
import { areaOf, curvesOf } from "../../src/explain/curves.ts";
import { mapOverPicture } from "../../src/explain/draw.ts";
import { type Explainer, type ExplainOptions, openExplainer } from "../../src/explain/explainer.ts";
import { randomStream } from "../../src/random.ts";
import type { RawPicture } from "../../src/run/picture_input.ts";
import { smallVit } from "./small_vit.ts";

const SIDE = 64;

/** A face with hair that takes less than 30% of the picture. */
interface MaskedFace {
  readonly picture: RawPicture;
  readonly mask: Float32Array;
  readonly hair: Hair;
}

const sumOf = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0);
const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

async function facesWithHair(count: number): Promise<MaskedFace[]> {
  const found: MaskedFace[] = [];
  const classes = Object.keys(hairRatios) as Hair[];
  for (let index = 0; found.length < count; index++) {
    const hair = classes[index % classes.length];
    const { options } = drawUpFace(2, index, hair);
    const mask = await drawHairMask(options, SIDE);
    const share = sumOf(mask) / mask.length;
    if (share === 0 || share >= 0.3) continue;
    const { bitmap } = await drawFace(options, SIDE);
    const data = Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => bitmap[4 * Math.floor(i / 3) + i % 3]);
    found.push({ hair, mask, picture: { width: SIDE, height: SIDE, channels: 3, data } });
  }
  return found;
}

const faces = await facesWithHair(20);

const open = (network: string, device: Device): Promise<Explainer> =>
  openExplainer(new URL(`../../fixtures/explain/faces_${network}.safetensors`, import.meta.url).pathname, {
    device,
    models: [smallVit],
  });

/** How many times the hair's share of the picture its share of the map's mass is: the mean over the faces. */
async function gain(explainer: Explainer, options: (face: MaskedFace) => ExplainOptions) {
  const gains: number[] = [];
  let right = 0;
  for (const face of faces) {
    const [explanation] = await explainer.explain([face.picture], options(face));
    const map = mapOverPicture(explanation);
    // Of an empty map nothing is on the hair.
    const inside = sumOf(map.map((value, i) => value * face.mask[i])) / (sumOf(map) || 1);
    gains.push(inside * face.mask.length / sumOf(face.mask));
    right += Number(explanation.prediction.top.name === face.hair);
  }
  assert(right >= 17, `${right} of ${faces.length} faces are told`);
  return meanOf(gains);
}

Deno.test("Grad-CAM of a trained ResNet-18 looks at the hair, at the last stage with a map of 8×8", async () => {
  await using device = await openDevice();
  await using explainer = await open("resnet", device);
  const { name: layer, side } = lastStage(explainer.probe.anatomy, 8)!;
  assert(side >= 8);
  const times = await gain(explainer, () => ({ method: "grad-cam", layer }));
  assert(times >= 2, `at ${layer} the hair's share of the map is ${times} times that of the picture`);
});

Deno.test("rollout of a trained small ViT, weighted by the class's gradient, looks at the hair", async () => {
  await using device = await openDevice();
  await using explainer = await open("vit", device);
  const times = await gain(explainer, ({ hair }) => ({ method: "rollout", class: hair }));
  assert(times >= 2, `the hair's share of the map is ${times} times that of the picture`);
});

Deno.test("by insertion and deletion Grad-CAM is better than a random map", async () => {
  await using device = await openDevice();
  await using explainer = await open("resnet", device);
  const areas = { own: { deletion: 0, insertion: 0 }, random: { deletion: 0, insertion: 0 } };
  for (const [i, { picture }] of faces.slice(0, 6).entries()) {
    const image = await explainer.shaped(picture, `face ${i}`);
    const explanation = await explainer.explainImage(image, { method: "grad-cam" });
    const next = randomStream(7, i);
    const random = { ...explanation, values: explanation.values.map(() => next() / 2 ** 32) };
    for (const [whose, map] of [["own", explanation], ["random", random]] as const) {
      const curves = await curvesOf(explainer, image, map);
      areas[whose].deletion += areaOf(curves.deletion) / 6;
      areas[whose].insertion += areaOf(curves.insertion) / 6;
    }
  }
  const { own, random } = areas;
  assert(own.deletion < random.deletion, `deletion leaves ${own.deletion}, by a random map ${random.deletion}`);
  assert(own.insertion > random.insertion, `insertion brings ${own.insertion}, by a random map ${random.insertion}`);
});
