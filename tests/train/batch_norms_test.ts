import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { createModel } from "../../src/models/mod.ts";
import { checkBatchNorms } from "../../src/train/batch_norms.ts";
import { learningOf } from "../../src/train/parameter_groups.ts";
import type { LearningStep } from "../../src/train/step.ts";

const stepOf = (model: ReturnType<typeof createModel>, batch: number, freeze: readonly string[] = []) => {
  const learning = learningOf(model.parameters, { freeze, learningRateScale: {}, layerDecay: 1 });
  // What is looked at of a step.
  return { batch, learning } as LearningStep;
};

Deno.test("a batch norm that would see one value a channel is refused by its name, with the batch that works", () => {
  const resnet = createModel("resnet18", { classes: 2, imageSize: 32, stem: "imagenet" });
  const { message } = assertThrows(() => checkBatchNorms(resnet, stepOf(resnet, 1)), UserError);
  assertEquals(
    message,
    "Cannot train resnet18 with batch 1: its batch norm layer4.0.bn1 would see one value a channel, and learn nothing; " +
      "give batch 2 or more, or a larger imageSize",
  );
  checkBatchNorms(resnet, stepOf(resnet, 2));
  // It goes by its running statistics.
  checkBatchNorms(resnet, stepOf(resnet, 1, ["layer4"]));
  const larger = createModel("resnet18", { classes: 2, imageSize: 64, stem: "imagenet" });
  checkBatchNorms(larger, stepOf(larger, 1));
  const vit = createModel("vit-ti16", { classes: 2, imageSize: 32 });
  checkBatchNorms(vit, stepOf(vit, 1));
});
