/**
 * Families from ResNeXt on at small widths, against torchvision and timm: fixtures/parity/make_more.py. Their
 * ops are tested on every device; so here one does, but in `deno task test:long`.
 *
 * @module
 */

import { convNextLayers } from "../../src/models/convnext.ts";
import { denseNetLayers } from "../../src/models/densenet.ts";
import { efficientNetLayers } from "../../src/models/efficientnet.ts";
import { googLeNetLayers } from "../../src/models/googlenet.ts";
import { mobileNetV2Layers } from "../../src/models/mobilenet_v2.ts";
import { mobileNetV3Layers } from "../../src/models/mobilenet_v3.ts";
import { regNetLayers, regNetStages } from "../../src/models/regnet.ts";
import { bottleneck, resnetLayers } from "../../src/models/resnet.ts";
import { squeezeNetLayers, versions } from "../../src/models/squeezenet.ts";
import { visionTransformer } from "../../src/models/vit.ts";
import { scaledBy } from "../../src/models/width.ts";
import type { Layer } from "../../src/nn/mod.ts";
import { isLong } from "../amount.ts";
import { testModel } from "./reference.ts";

type Size = { readonly classes: number; readonly channels: number; readonly imageSize: number };

const by = (divisor: number) => (channels: number) => channels / divisor;
const stem = "auto";
const dropout = 0;
const narrowed = { block: bottleneck, blocks: [1, 2, 1, 1] } as const;

const cases: Readonly<Record<string, (size: Size) => Layer>> = {
  resnext: (size) =>
    resnetLayers({ ...size, stem }, { ...narrowed, scale: by(8), groups: 4, narrow: (stage) => 16 * 2 ** stage }),
  mobilenet_v2: (size) =>
    mobileNetV2Layers({ ...size, dropout }, {
      scale: scaledBy(0.25),
      stages: [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 1, 2], [6, 64, 1, 2]],
    }),
  densenet: (size) => denseNetLayers({ ...size, dropout }, { blocks: [2, 3, 2], growth: 8, scale: by(1) }),
  squeezenet1_0: (size) => squeezeNetLayers({ ...size, dropout }, versions["1-0"], by(8)),
  googlenet: (size) => googLeNetLayers({ ...size, dropout }, by(8)),
  mobilenet_v3: (size) =>
    mobileNetV3Layers({ ...size, dropout }, {
      rows: [[3, 16, 16, "SE", "RE", 1], [3, 72, 24, "", "RE", 2], [5, 96, 40, "SE", "HS", 2], [
        5,
        120,
        40,
        "SE",
        "HS",
        1,
      ]],
      hidden: 256,
    }, scaledBy(0.25)),
  efficientnet: (size) =>
    efficientNetLayers({ ...size, dropout, stochasticDepth: 0 }, {
      stages: [[1, 3, 1, 16, 1], [6, 3, 2, 24, 2], [6, 5, 2, 40, 1]],
      scale: scaledBy(0.5),
    }),
  convnext: (size) => convNextLayers(size, { widths: [8, 16, 24], blocks: [2, 1, 1] }),
  regnet_y: (size) => regNetLayers(size, regNetStages({ depth: 6, initial: 8, slope: 6.5, factor: 2.2, group: 8 }), 16),
  se_resnet_d: (size) =>
    resnetLayers({ ...size, stem }, {
      ...narrowed,
      ...{ scale: by(8), deep: 4, averages: true, squeezed: (outputs) => outputs / 16 },
    }),
  deit3: (size) =>
    visionTransformer({
      ...size,
      ...{ patch: 4, width: 16, depth: 2, heads: 2, tokensHavePositions: false, layerScale: 1e-6 },
    }),
};
for (const [fixture, layer] of Object.entries(cases)) testModel(fixture, layer, { on: isLong ? "all" : "wasm" });
