/**
 * MobileNetV3 (Howard et al., "Searching for MobileNetV3", 2019), with torchvision's key names and initial values.
 *
 * @module
 */

import type { Family } from "../interop/keys/family.ts";
import {
  constantInit,
  dropout,
  flatten,
  globalAvgPool2d,
  hardSigmoid,
  hardSwish,
  type Layer,
  linear,
  normalInit,
  relu,
  sequential,
} from "../nn/mod.ts";
import { convNorm, invertedResidual, invertedResidualRows } from "./inverted_residual.ts";
import { type ModelDefinition, type ResolvedModelOptions, torchvisionV1 } from "./model.ts";
import { crop875, crop95half, type PublishedWeights, timm, torchvision, torchvisionV2 } from "./published.ts";
import { type Scale, scaledBy } from "./width.ts";

type Options = Pick<ResolvedModelOptions, "channels" | "classes" | "dropout" | "normEps">;

/** A row of table 1 or 2: window, expansion size, channels, squeeze and excitation, activation, stride. */
type Row = readonly [number, number, number, "SE" | "", "RE" | "HS", number];

/** A table's rows between the first and the last convolution, and the units of the hidden dense layer. */
export interface MobileNetV3Table {
  /** The blocks. */
  readonly rows: readonly Row[];
  /** Units of the dense layer before the logits. */
  readonly hidden: number;
}

/** Tables 1 and 2. As in the authors' code. */
const tables: Readonly<Record<"small" | "large", MobileNetV3Table>> = {
  large: {
    rows: [
      [3, 16, 16, "", "RE", 1],
      [3, 64, 24, "", "RE", 2],
      [3, 72, 24, "", "RE", 1],
      [5, 72, 40, "SE", "RE", 2],
      [5, 120, 40, "SE", "RE", 1],
      [5, 120, 40, "SE", "RE", 1],
      [3, 240, 80, "", "HS", 2],
      [3, 200, 80, "", "HS", 1],
      [3, 184, 80, "", "HS", 1],
      [3, 184, 80, "", "HS", 1],
      [3, 480, 112, "SE", "HS", 1],
      [3, 672, 112, "SE", "HS", 1],
      [5, 672, 160, "SE", "HS", 2],
      [5, 960, 160, "SE", "HS", 1],
      [5, 960, 160, "SE", "HS", 1],
    ],
    hidden: 1280,
  },
  small: {
    rows: [
      [3, 16, 16, "SE", "RE", 2],
      [3, 72, 24, "", "RE", 2],
      [3, 88, 24, "", "RE", 1],
      [5, 96, 40, "SE", "HS", 2],
      [5, 240, 40, "SE", "HS", 1],
      [5, 240, 40, "SE", "HS", 1],
      [5, 120, 48, "SE", "HS", 1],
      [5, 144, 48, "SE", "HS", 1],
      [5, 288, 96, "SE", "HS", 2],
      [5, 576, 96, "SE", "HS", 1],
      [5, 576, 96, "SE", "HS", 1],
    ],
    hidden: 1024,
  },
};

/** Channels of the first convolution. */
const FIRST = 16;

/** Channels that come into each block; where it has as many itself, no 1×1 convolution makes more. */
const channelsBefore = (rows: readonly Row[]): number[] => [FIRST, ...rows.map(([, , width]) => width)];

/** A squeeze has a quarter of the channels (section 5.3), a multiple of 8. */
const quarter = scaledBy(1 / 4);

/** The layers of a MobileNetV3. */
export function mobileNetV3Layers(
  { channels, classes, dropout: rate = 0.2, normEps: eps = 0.001 }: Options,
  { rows, hidden }: MobileNetV3Table,
  scale: Scale = scaledBy(),
): Layer {
  const norm = { eps, momentum: 0.01 };
  let inputs = scale(FIRST);
  const features = [convNorm(channels, inputs, { kernel: 3, stride: 2, activation: hardSwish(), norm })];
  const before = channelsBefore(rows);
  for (const [k, [kernel, expansion, width, excites, nonlinearity, stride]] of rows.entries()) {
    const wide = scale(expansion);
    const block = invertedResidual(inputs, scale(width), {
      ...{ kernel, wide, stride, norm, expands: expansion !== before[k] },
      ...excites && { squeezed: quarter(wide), excitation: { gate: hardSigmoid() } },
      activation: nonlinearity === "HS" ? hardSwish() : relu(),
    });
    features.push(block);
    inputs = scale(width);
  }
  const dense = (units: number, outputs: number): Layer =>
    linear(units, outputs, { init: normalInit(0.01), biasInit: constantInit(0) });
  return sequential({
    features: sequential([...features, convNorm(inputs, 6 * inputs, { activation: hardSwish(), norm })]),
    avgpool: globalAvgPool2d(),
    flatten: flatten(),
    classifier: sequential([
      dense(6 * inputs, scale(hidden)),
      hardSwish(),
      dropout(rate),
      dense(scale(hidden), classes),
    ]),
  });
}

/** timm's stages begin where a block's stride is 2 or its number of channels another; its last is a convolution. */
function timmBlocks(rows: readonly Row[]): string[] {
  let [stage, block] = [-1, 0];
  return rows.map(([, , width, , , stride], k) => {
    const isNew = k === 0 || stride === 2 || width !== rows[k - 1][2];
    [stage, block] = isNew ? [stage + 1, 0] : [stage, block + 1];
    return `blocks.${stage}.${block}`;
  });
}

function familyOf(size: keyof typeof tables): Family {
  const { rows } = tables[size];
  const theirs = timmBlocks(rows);
  const stages = Number(theirs.at(-1)!.split(".")[1]) + 1;
  const before = channelsBefore(rows);
  return {
    name: `a ${size} MobileNetV3`,
    heads: ["classifier.3"],
    stem: "features.0.0",
    rows: [
      { ours: "features.0.0.*", timm: "conv_stem.*" },
      { ours: "features.0.1.*", timm: "bn1.*" },
      ...rows.flatMap(([, expansion, , excites], k) =>
        invertedResidualRows(`features.${k + 1}`, theirs[k], {
          expansion: expansion !== before[k],
          excitation: excites !== "",
        })
      ),
      { ours: `features.${rows.length + 1}.0.*`, timm: `blocks.${stages}.0.conv.*` },
      { ours: `features.${rows.length + 1}.1.*`, timm: `blocks.${stages}.0.bn1.*` },
      { ours: "classifier.0.*", timm: { conv: "conv_head.*", kernel: 1 } },
      { ours: "classifier.3.*", timm: "classifier.*" },
    ],
    // timm's were made with PyTorch's usual number.
    normEps: { timm: 1e-5 },
  };
}

function mobileNetV3(size: keyof typeof tables): ModelDefinition {
  const table = tables[size];
  return {
    name: `mobilenet-v3-${size}`,
    summary: `MobileNetV3-${size} (Howard 2019): ${table.rows.length} inverted residuals with squeeze and excitation`,
    imageSize: 224,
    minImageSize: 8,
    family: familyOf(size),
    published: { torchvision: torchvisionV1, timm: crop875 },
    takes: ["dropout", "normEps"],
    build: (options) => mobileNetV3Layers(options, table, scaledBy(options.width)),
  };
}

/** `mobilenet-v3-small`, `mobilenet-v3-large`. */
export const mobileNetV3s: readonly ModelDefinition[] = [mobileNetV3("small"), mobileNetV3("large")];

/** Published weights, the usual ones of a model first. */
export const mobileNetV3Weights: readonly PublishedWeights[] = [
  torchvision(
    "mobilenet-v3-small",
    "MobileNet_V3_Small_Weights.IMAGENET1K_V1",
    "mobilenet_v3_small-047dcff4.pth",
    torchvisionV1,
    67.668,
  ),
  timm("mobilenet-v3-small", "mobilenetv3_small_100.lamb_in1k", "apache-2.0", crop875, 67.636),
  torchvision(
    "mobilenet-v3-large",
    "MobileNet_V3_Large_Weights.IMAGENET1K_V2",
    "mobilenet_v3_large-5c1a4163.pth",
    torchvisionV2,
    75.274,
  ),
  torchvision(
    "mobilenet-v3-large",
    "MobileNet_V3_Large_Weights.IMAGENET1K_V1",
    "mobilenet_v3_large-8738ca79.pth",
    torchvisionV1,
    74.042,
  ),
  timm("mobilenet-v3-large", "mobilenetv3_large_100.ra4_e3600_r224_in1k", "apache-2.0", crop95half, 76.31),
  timm("mobilenet-v3-large", "mobilenetv3_large_100.ra_in1k", "apache-2.0", crop875, 75.784),
];
