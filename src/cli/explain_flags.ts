/**
 * The table of `explain`; see `flags.ts`.
 *
 * @module
 */

import { methodNames } from "../explain/method_names.ts";
import { choice, integer, number, path, text } from "../run/kinds.ts";
import { type Command, flag, orList, toggle } from "./command.ts";
import { dataDemo, evaluate, predict } from "./flags.ts";

const { checkpoint, models, allowOutside, maxMegapixels, backend, verbose } = predict.flags;

/** `explain RUN IMAGE…`: what a run looks at. */
export const explain = {
  name: "explain",
  summary: "draws what in pictures a run's answers come from; also of its mistakes, its filters and its features",
  example: "runs/hair photo.jpg --method grad-cam --out seen",
  words: { usage: "RUN [IMAGE…]", min: 1, max: Infinity, paths: true },
  flags: {
    method: flag(choice(methodNames), {
      heading: "Method",
      help: `how a map is made of a picture: ${orList(methodNames)}`,
      placeholder: "NAME",
      byDefault: "rollout of a ViT, else grad-cam",
    }),
    class: flag(text, { help: "class or label that is explained", byDefault: "what is predicted" }),
    layer: flag(text, {
      help:
        "layer by the name of its parameters, such as layer4, of grad-cam, grad-cam++, layer-cam, attention, --filters",
      byDefault: "the last stage",
    }),
    steps: flag(integer({ min: 1, max: 10_000 }), { help: "points of integrated-gradients", default: 32 }),
    samples: flag(integer({ min: 1, max: 10_000 }), { help: "noisy copies of smoothgrad", default: 24 }),
    noise: flag(number({ min: 0, max: 10 }), {
      help: "deviation of smoothgrad's noise, as a share of the range of a picture's values",
      default: 0.15,
    }),
    window: flag(integer({ min: 1 }), {
      help: "side of what occlusion hides, in pixels",
      byDefault: "an eighth of the picture's",
    }),
    stride: flag(integer({ min: 1 }), {
      help: "pixels from one place of occlusion to the next",
      byDefault: "half of the window",
    }),
    seed: dataDemo.flags.seed,
    curves: toggle({
      help:
        "how the class's probability falls and rises as pixels are taken away and put in by the map, beside a random one",
    }),
    filters: toggle({
      heading: "Instead of pictures",
      help: "the first layer's filters, and with --layer the patches of the data that its channels answer most",
    }),
    embedding: toggle({ help: "a page with the last features of a split in two dimensions, by UMAP" }),
    mistakes: toggle({
      help: "the test's most confident mistakes, which are put into report.html",
    }),
    channels: flag(integer({ min: 1, max: 256 }), { help: "channels of --filters with --layer", default: 16 }),
    count: flag(integer({ min: 10, max: 20_000 }), {
      help: "most pictures of --embedding, chosen at random",
      default: 2000,
    }),
    split: evaluate.flags.split,
    data: evaluate.flags.data,
    ...{ checkpoint, models, allowOutside, maxMegapixels, backend, verbose },
    npy: toggle({ help: "write the raw map of each picture as NAME.npy, [H, W] or [heads, H, W]" }),
    json: toggle({ help: "write the raw map of each picture as NAME.json, with the prediction" }),
    out: flag(path, { help: "folder to write", placeholder: "DIR", byDefault: "explain, in the run" }),
  },
} satisfies Command;
