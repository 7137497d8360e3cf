/**
 * The CNN families at small widths, and their blocks at full width, against PyTorch: fixtures/parity/make_cnn.py.
 *
 * @module
 */

import { alexnet2012Layers, alexnetLayers } from "../../src/models/alexnet.ts";
import { basicBlock, bottleneck, resnetLayers, type ResNetOptions } from "../../src/models/resnet.ts";
import { vggLayers } from "../../src/models/vgg.ts";
import { adaptiveAvgPool2d, localResponseNorm } from "../../src/nn/mod.ts";
import { testBlock, testModel } from "./reference.ts";

const scale = (channels: number) => channels / 16;
const dropout = 0;

testModel("alexnet", (size) => alexnetLayers({ ...size, dropout }, scale));
testModel("alexnet_2012", (size) => alexnet2012Layers({ ...size, dropout }, scale));
testModel("vgg11", (size) => vggLayers({ ...size, dropout }, { depth: 11, norm: false, scale }));
testModel(
  "vgg13_bn",
  (size) => vggLayers({ ...size, dropout }, { depth: 13, norm: true, scale: (channels) => channels / 8 }),
);

const resnets: readonly [fixture: string, options: ResNetOptions][] = [
  ["resnet_basic", { block: basicBlock, blocks: [1, 2, 1, 1], scale }],
  ["resnet_bottleneck", { block: bottleneck, blocks: [1, 2, 1, 1], scale }],
];
for (const [fixture, options] of resnets) {
  testModel(fixture, (size) => resnetLayers({ ...size, stem: "auto" }, options));
}

testBlock("basic_block", basicBlock(512, 512, 1));
testBlock("basic_block_downsample", basicBlock(256, 512, 2));
testBlock("bottleneck", bottleneck(2048, 2048, 1));
testBlock("bottleneck_downsample", bottleneck(1024, 2048, 2));
testBlock("local_response_norm", localResponseNorm(5, { alpha: 0.5, beta: 0.75, k: 2 }), { everywhere: true });
testBlock("adaptive_avg_pool", adaptiveAvgPool2d(6), { everywhere: true });
testBlock("adaptive_avg_pool_small", adaptiveAvgPool2d(6), { everywhere: true });
