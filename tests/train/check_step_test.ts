import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { createModel, Model } from "../../src/models/mod.ts";
import { flatten, lazyLinear, sequential, stochasticDepth } from "../../src/nn/mod.ts";
import { checkStep } from "../../src/train/check_step.ts";
import { learnAll, learningOf } from "../../src/train/parameter_groups.ts";
import type { LearningStep } from "../../src/train/step.ts";
import { plainStep } from "./fixture.ts";

const stepOf = (model: ReturnType<typeof createModel>, batch: number, freeze: readonly string[] = []) => {
  const learning = learningOf(model.parameters, { freeze, learningRateScale: {}, layerDecay: 1 });
  // What is looked at of a step.
  return { batch, learning } as LearningStep;
};

Deno.test("a batch norm that would see one value a channel is refused by its name, with the batch that works", () => {
  const resnet = createModel("resnet18", { classes: 2, imageSize: 32, stem: "imagenet" });
  const { message } = assertThrows(() => checkStep(resnet, stepOf(resnet, 1)), UserError);
  assertEquals(
    message,
    "Cannot train resnet18 with batch 1: its batch norm layer4.0.bn1 would see one value a channel, and learn nothing; " +
      "give batch 2 or more, or a larger imageSize",
  );
  checkStep(resnet, stepOf(resnet, 2));
  checkStep(resnet, { ...stepOf(resnet, 1), augSplits: 2 });
  // It goes by its running statistics.
  checkStep(resnet, stepOf(resnet, 1, ["layer4"]));
  const larger = createModel("resnet18", { classes: 2, imageSize: 64, stem: "imagenet" });
  checkStep(larger, stepOf(larger, 1));
  const vit = createModel("vit-ti16", { classes: 2, imageSize: 32 });
  checkStep(vit, stepOf(vit, 1));
});

Deno.test("R-Drop of a model that drops nothing is refused with what would drop", () => {
  const check = (model: Model) => checkStep(model, { ...plainStep, rDrop: 1, learning: learnAll(model.parameters) });
  const refused = (name: string) =>
    assertThrows(() => check(createModel(name, { classes: 2, imageSize: 32 })), UserError).message;
  assertEquals(
    refused("resnet18"),
    "Cannot use rDrop 1 with resnet18: it drops nothing, so that both passes are the same; give dropout 0.1 or " +
      "stochasticDepth 0.1",
  );
  assertEquals(
    refused("lenet"),
    "Cannot use rDrop 1 with lenet: it drops nothing, so that both passes are the same; give another model, such as " +
      "naive-cnn",
  );
  check(createModel("naive-cnn", { classes: 2, imageSize: 32 }));
  check(createModel("resnet18", { classes: 2, imageSize: 32, stochasticDepth: 0.1 }));
  check(createModel("vit-ti16", { classes: 2, imageSize: 32, dropout: 0.1 }));
  const own = new Model("own", sequential({ flatten: flatten(), depth: stochasticDepth(0.1), head: lazyLinear(2) }), {
    ...{ classes: 2, channels: 1, imageSize: 4, stem: "auto" },
  });
  check(own);
  const lenet = createModel("lenet", { classes: 2, imageSize: 32 });
  checkStep(lenet, { ...plainStep, learning: learnAll(lenet.parameters) });
});
