/**
 * The CNN families from ResNeXt on at small widths, against torchvision and timm: fixtures/parity/make_more.py. Their
 * ops are tested on every device; so here one does, but in `deno task test:long`.
 *
 * @module
 */

import { bottleneck, resnetLayers } from "../../src/models/resnet.ts";
import type { Layer } from "../../src/nn/mod.ts";
import { isLong } from "../amount.ts";
import { testModel } from "./reference.ts";

type Size = { readonly classes: number; readonly channels: number; readonly imageSize: number };

const by = (divisor: number) => (channels: number) => channels / divisor;
const stem = "auto";
const narrowed = { block: bottleneck, blocks: [1, 2, 1, 1] } as const;

const cases: Readonly<Record<string, (size: Size) => Layer>> = {
  resnext: (size) =>
    resnetLayers({ ...size, stem }, { ...narrowed, scale: by(8), groups: 4, narrow: (stage) => 16 * 2 ** stage }),
  wide_resnet: (size) =>
    resnetLayers({ ...size, stem }, { ...narrowed, scale: by(16), narrow: (stage) => 8 * 2 ** stage }),
};
for (const [fixture, layer] of Object.entries(cases)) testModel(fixture, layer, { on: isLong ? "all" : "wasm" });
