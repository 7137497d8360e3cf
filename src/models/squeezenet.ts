/**
 * SqueezeNet (Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters", 2016) as published, 1.0,
 * and with less to compute, 1.1. Key names and initial values are torchvision's.
 *
 * @module
 */

import type { Family } from "../interop/keys/family.ts";
import {
  constantInit,
  conv2d,
  type Conv2dOptions,
  coveringMaxPool2d,
  dropout,
  flatten,
  globalAvgPool2d,
  type Layer,
  normalInit,
  relu,
  sequential,
  uniformInit,
} from "../nn/mod.ts";
import { type ModelDefinition, type ResolvedModelOptions, torchvisionV1 } from "./model.ts";
import { type PublishedWeights, torchvision } from "./published.ts";
import { type Scale, scaledBy } from "./width.ts";

type Options = Pick<ResolvedModelOptions, "channels" | "classes" | "dropout">;

/** A fire module's channels: of the squeezing convolution, and of both that expand together. */
type Fire = readonly [squeezed: number, expanded: number];

/** Table 1, and what 1.1 changes of it. */
export interface SqueezeNetVersion {
  /** Channels and side of the first convolution. */
  readonly first: readonly [channels: number, kernel: number];
  /** The fire modules between two poolings. */
  readonly stages: readonly (readonly Fire[])[];
}

/** Kaiming uniform by fan-in for ReLU. */
function conv(inputs: number, outputs: number, kernel: number, options: Conv2dOptions = {}): Layer {
  const init = uniformInit(Math.sqrt(6 / (inputs * kernel * kernel)));
  return conv2d(inputs, outputs, kernel, { init, biasInit: constantInit(0), ...options });
}

/** A fire module (figure 1): 1×1 to few channels, then 1×1 and 3×3 side by side to many. */
function fire(inputs: number, squeezed: number, expanded: number): Layer {
  const squeeze = conv(inputs, squeezed, 1);
  const expand1x1 = conv(squeezed, expanded / 2, 1);
  const expand3x3 = conv(squeezed, expanded / 2, 3, { padding: 1 });
  return (x, scope) => {
    const { b } = scope;
    const few = b.relu(scope.call("squeeze", squeeze, x));
    const sides = [["expand1x1", expand1x1], ["expand3x3", expand3x3]] as const;
    return b.concat(sides.map(([name, layer]) => b.relu(scope.call(name, layer, few))), 1);
  };
}

/** The layers of a SqueezeNet. There is no dense layer: a 1×1 convolution makes a map of each class. */
export function squeezeNetLayers(
  { channels, classes, dropout: rate = 0.5 }: Options,
  { first: [firstChannels, kernel], stages }: SqueezeNetVersion,
  scale: Scale = scaledBy(),
): Layer {
  let inputs = scale(firstChannels);
  const features = [conv(channels, inputs, kernel, { stride: 2 }), relu()];
  for (const modules of stages) {
    features.push(coveringMaxPool2d(3, 2));
    for (const [squeezed, expanded] of modules) {
      const outputs = 2 * scale(expanded / 2);
      features.push(fire(inputs, scale(squeezed), outputs));
      inputs = outputs;
    }
  }
  return sequential({
    features: sequential(features),
    classifier: sequential([
      dropout(rate),
      conv(inputs, classes, 1, { init: normalInit(0.01) }),
      relu(),
      globalAvgPool2d(),
    ]),
    flatten: flatten(),
  });
}

/** timm has none. */
const family: Family = {
  name: "a SqueezeNet",
  heads: ["classifier.1"],
  stem: "features.0",
  rows: [
    "features.0.*",
    ...["squeeze", "expand1x1", "expand3x3"].map((part) => `features.{i}.${part}.*`),
    "classifier.1.*",
  ].map((ours) => ({ ours })),
};

const early: readonly Fire[] = [[16, 128], [16, 128]];
const late: readonly Fire[] = [[48, 384], [48, 384], [64, 512]];

/** By what torchvision calls them. */
export const versions: Readonly<Record<"1-0" | "1-1", SqueezeNetVersion>> = {
  "1-0": { first: [96, 7], stages: [[...early, [32, 256]], [[32, 256], ...late], [[64, 512]]] },
  "1-1": { first: [64, 3], stages: [early, [[32, 256], [32, 256]], [...late, [64, 512]]] },
};

function squeezenet(version: keyof typeof versions, what: string, minImageSize: number): ModelDefinition {
  return {
    name: `squeezenet${version}`,
    summary: `SqueezeNet ${version.replace("-", ".")} (Iandola 2016): eight fire modules, no dense layer${what}`,
    imageSize: 224,
    minImageSize,
    family,
    published: { torchvision: torchvisionV1 },
    takes: ["dropout"],
    build: (options) => squeezeNetLayers(options, versions[version], scaledBy(options.width)),
  };
}

/** `squeezenet1-0`, `squeezenet1-1`. */
export const squeezenets: readonly ModelDefinition[] = [
  squeezenet("1-0", "", 29),
  squeezenet("1-1", "; less than half the multiply-adds", 25),
];

/** Published weights, the usual ones of a model first. */
export const squeezenetWeights: readonly PublishedWeights[] = [
  torchvision(
    "squeezenet1-0",
    "SqueezeNet1_0_Weights.IMAGENET1K_V1",
    "squeezenet1_0-b66bff10.pth",
    torchvisionV1,
    58.092,
  ),
  torchvision(
    "squeezenet1-1",
    "SqueezeNet1_1_Weights.IMAGENET1K_V1",
    "squeezenet1_1-b8a52dc0.pth",
    torchvisionV1,
    58.178,
  ),
];
