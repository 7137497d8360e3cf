import { otherSteps, textsOfFamilies } from "./texts.ts";
import { testTexts } from "./tint.ts";

testTexts(
  "convolutional networks",
  textsOfFamilies(["lenet", "naive-cnn", "alexnet", "vgg", "resnet"], [
    ...Object.keys(otherSteps).map((step) => ["naive-cnn", step] as const),
    ["resnet18", "in half precision"],
  ]),
);
