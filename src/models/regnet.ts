/**
 * RegNetY (Radosavovic et al., "Designing network design spaces", 2020), with torchvision's key names and initial
 * values.
 *
 * @module
 */

import type { Family, KeyRow } from "../interop/keys/family.ts";
import {
  batchNorm2d,
  constantInit,
  conv2d,
  flatten,
  globalAvgPool2d,
  kaimingNormalFanOut,
  type Layer,
  linear,
  normalInit,
  relu,
  sequential,
  squeezeExcitation,
} from "../nn/mod.ts";
import { type ModelDefinition, prepared, type ResolvedModelOptions, torchvisionV1 } from "./model.ts";
import { crop875, crop95, type PublishedWeights, timm, torchvision, torchvisionV2 } from "./published.ts";
import { scaledBy } from "./width.ts";

type Options = Pick<ResolvedModelOptions, "channels" | "classes">;

/** Channels of the first convolution. */
const FIRST = 32;

/** A stage: channels, blocks, and channels of a group. */
interface Stage {
  readonly width: number;
  readonly blocks: number;
  readonly group: number;
}

/** The four numbers of section 3.3 that give all widths and depths, and the channels of a group. */
export interface RegNetParameters {
  /** Blocks d. */
  readonly depth: number;
  /** Width w₀ of the first block. */
  readonly initial: number;
  /** Slope wₐ of the widths over the blocks. */
  readonly slope: number;
  /** Factor wₘ between two stages' widths. */
  readonly factor: number;
  /** Channels g of a group; fewer where the stage has fewer. */
  readonly group: number;
}

/**
 * Stages by equations 2 to 4: block j would have w₀ + wₐ · j channels, takes the nearest w₀ · wₘᵏ, in multiples of 8,
 * and blocks that are equal make a stage. Widths are then rounded to whole groups.
 */
export function regNetStages({ depth, initial, slope, factor, group }: RegNetParameters): Stage[] {
  const widths = Array.from({ length: depth }, (_, j) => {
    const power = Math.round(Math.log((initial + slope * j) / initial) / Math.log(factor));
    return 8 * Math.round(initial * factor ** power / 8);
  });
  return [...new Set(widths)].map((width) => {
    const each = Math.min(group, width);
    return {
      ...{ group: each, width: scaledBy(1, each)(width) },
      blocks: widths.filter((other) => other === width).length,
    };
  });
}

/** Convolution, batch norm and perhaps ReLU: parameters `0` and `1`. */
function convNorm(inputs: number, outputs: number, kernel: number, stride = 1, groups = 1, activates = true): Layer {
  const conv = conv2d(inputs, outputs, kernel, {
    ...{ stride, padding: (kernel - 1) / 2, groups, bias: false },
    init: kaimingNormalFanOut(),
  });
  return sequential([conv, batchNorm2d(outputs), ...activates ? [relu()] : []]);
}

/**
 * The block of figure 4, with squeeze and excitation: 1×1, 3×3 in groups, 1×1, all of one width. A 1×1 convolution fits
 * the input to the output where sizes differ.
 */
function regNetBlock(inputs: number, outputs: number, stride: number, group: number): Layer {
  const body = sequential({
    a: convNorm(inputs, outputs, 1),
    b: convNorm(outputs, outputs, 3, stride, outputs / group),
    // A quarter of what comes into the block.
    se: squeezeExcitation(outputs, Math.round(inputs / 4), { init: kaimingNormalFanOut() }),
    c: convNorm(outputs, outputs, 1, 1, 1, false),
  });
  const proj = stride === 1 && inputs === outputs ? undefined : convNorm(inputs, outputs, 1, stride, 1, false);
  return (x, scope) => {
    const shortcut = proj ? scope.call("proj", proj, x) : x;
    return scope.b.relu(scope.b.add(shortcut, scope.call("f", body, x)));
  };
}

/** The layers of a RegNetY. */
export function regNetLayers({ channels, classes }: Options, stages: readonly Stage[], first = FIRST): Layer {
  let inputs = first;
  const trunk = stages.map(({ width, blocks, group }, k): [string, Layer] => {
    const made = Array.from({ length: blocks }, (_, i): [string, Layer] => {
      const block = regNetBlock(i === 0 ? inputs : width, width, i === 0 ? 2 : 1, group);
      return [`block${k + 1}-${i}`, block];
    });
    inputs = width;
    return [`block${k + 1}`, sequential(Object.fromEntries(made))];
  });
  return sequential({
    stem: convNorm(channels, first, 3, 2),
    trunk_output: sequential(Object.fromEntries(trunk)),
    avgpool: globalAvgPool2d(),
    flatten: flatten(),
    fc: linear(inputs, classes, { init: normalInit(0.01), biasInit: constantInit(0) }),
  });
}

/** At another width there are fewer or more groups of as many channels, one at least. */
const scaledStages = (stages: readonly Stage[], width = 1): Stage[] =>
  stages.map((stage) => ({ ...stage, width: stage.group * scaledBy(width, 1)(stage.width / stage.group) }));

/** What timm calls the layers of a block, by ours. */
const layers = {
  ...{ "proj.0": "downsample.conv", "proj.1": "downsample.bn" },
  ...{ "f.a.0": "conv1.conv", "f.a.1": "conv1.bn" },
  ...{ "f.b.0": "conv2.conv", "f.b.1": "conv2.bn" },
  ...{ "f.se.fc1": "se.fc1", "f.se.fc2": "se.fc2" },
  ...{ "f.c.0": "conv3.conv", "f.c.1": "conv3.bn" },
};

/** Blocks that a stage has at most. */
const MOST_BLOCKS = 24;

/** torchvision counts blocks from 0, timm from 1. */
const blockRows: readonly KeyRow[] = [1, 2, 3, 4].flatMap((stage) =>
  Array.from({ length: MOST_BLOCKS }, (_, k) =>
    Object.entries(layers).map(([ours, theirs]) => ({
      ours: `trunk_output.block${stage}.block${stage}-${k}.${ours}.*`,
      timm: `s${stage}.b${k + 1}.${theirs}.*`,
    }))).flat()
);

const family: Family = {
  name: "a RegNetY",
  heads: ["fc"],
  stem: "stem.0",
  rows: [
    { ours: "stem.0.*", timm: "stem.conv.*" },
    { ours: "stem.1.*", timm: "stem.bn.*" },
    ...blockRows,
    { ours: "fc.*", timm: "head.fc.*" },
  ],
};

function regnet(size: string, parameters: RegNetParameters): ModelDefinition {
  const stages = regNetStages(parameters);
  return {
    name: `regnet-y-${size}`,
    summary: `RegNetY-${size.replace(/(\d)-(\d)/, "$1.$2").toUpperCase()} (Radosavovic 2020): four stages of ${
      stages.map(({ blocks }) => blocks).join(", ")
    } blocks with squeeze and excitation`,
    imageSize: 224,
    minImageSize: 8,
    family,
    published: { torchvision: torchvisionV1, timm: crop875 },
    build: ({ width, ...options }) => regNetLayers(options, scaledStages(stages, width), scaledBy(width)(FIRST)),
  };
}

/** `regnet-y-400mf` to `regnet-y-8gf`: table 8's numbers, as torchvision has them. */
export const regnets: readonly ModelDefinition[] = [
  regnet("400mf", { depth: 16, initial: 48, slope: 27.89, factor: 2.09, group: 8 }),
  regnet("800mf", { depth: 14, initial: 56, slope: 38.84, factor: 2.4, group: 16 }),
  regnet("1-6gf", { depth: 27, initial: 48, slope: 20.71, factor: 2.65, group: 24 }),
  regnet("3-2gf", { depth: 21, initial: 80, slope: 42.63, factor: 2.66, group: 24 }),
  regnet("8gf", { depth: 17, initial: 192, slope: 76.82, factor: 2.19, group: 56 }),
];

/** Of torchvision's second weights in timm, 96.5% of a picture's side is kept. */
const crop965 = prepared(232, 224, "bicubic");

/** Published weights, the usual ones of a model first. timm's regnety_008 and _080 are other networks. */
export const regnetWeights: readonly PublishedWeights[] = [
  torchvision(
    "regnet-y-400mf",
    "RegNet_Y_400MF_Weights.IMAGENET1K_V2",
    "regnet_y_400mf-e6988f5f.pth",
    torchvisionV2,
    75.804,
  ),
  torchvision(
    "regnet-y-400mf",
    "RegNet_Y_400MF_Weights.IMAGENET1K_V1",
    "regnet_y_400mf-c65dace8.pth",
    torchvisionV1,
    74.046,
  ),
  timm("regnet-y-400mf", "regnety_004.pycls_in1k", "mit", crop875, 74.004),
  timm("regnet-y-400mf", "regnety_004.tv2_in1k", "bsd-3-clause", crop965, 75.594),
  torchvision(
    "regnet-y-800mf",
    "RegNet_Y_800MF_Weights.IMAGENET1K_V2",
    "regnet_y_800mf-58fc7688.pth",
    torchvisionV2,
    78.828,
  ),
  torchvision(
    "regnet-y-800mf",
    "RegNet_Y_800MF_Weights.IMAGENET1K_V1",
    "regnet_y_800mf-1b27b58c.pth",
    torchvisionV1,
    76.42,
  ),
  torchvision(
    "regnet-y-1-6gf",
    "RegNet_Y_1_6GF_Weights.IMAGENET1K_V2",
    "regnet_y_1_6gf-0d7bc02a.pth",
    torchvisionV2,
    80.876,
  ),
  torchvision(
    "regnet-y-1-6gf",
    "RegNet_Y_1_6GF_Weights.IMAGENET1K_V1",
    "regnet_y_1_6gf-b11a554e.pth",
    torchvisionV1,
    77.95,
  ),
  timm("regnet-y-1-6gf", "regnety_016.pycls_in1k", "mit", crop875, 77.88),
  timm("regnet-y-1-6gf", "regnety_016.tv2_in1k", "bsd-3-clause", crop965, 80.668),
  torchvision(
    "regnet-y-3-2gf",
    "RegNet_Y_3_2GF_Weights.IMAGENET1K_V2",
    "regnet_y_3_2gf-9180c971.pth",
    torchvisionV2,
    81.982,
  ),
  torchvision(
    "regnet-y-3-2gf",
    "RegNet_Y_3_2GF_Weights.IMAGENET1K_V1",
    "regnet_y_3_2gf-b5a9779c.pth",
    torchvisionV1,
    78.948,
  ),
  timm("regnet-y-3-2gf", "regnety_032.pycls_in1k", "mit", crop875, 78.902),
  timm("regnet-y-3-2gf", "regnety_032.ra_in1k", "apache-2.0", crop95, 81.948),
  timm("regnet-y-3-2gf", "regnety_032.tv2_in1k", "bsd-3-clause", crop965, 81.788),
  torchvision("regnet-y-8gf", "RegNet_Y_8GF_Weights.IMAGENET1K_V2", "regnet_y_8gf-dc2b1b54.pth", torchvisionV2, 82.828),
  torchvision("regnet-y-8gf", "RegNet_Y_8GF_Weights.IMAGENET1K_V1", "regnet_y_8gf-d0d0e4a8.pth", torchvisionV1, 80.032),
];
