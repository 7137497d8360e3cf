import { textsOfFamilies } from "./texts.ts";
import { testTexts } from "./tint.ts";

testTexts(
  "transformers",
  textsOfFamilies(["vit", "deit", "swin"], [
    ["vit-ti16", "in half precision"],
    ["swin-t", "in half precision"],
  ]),
);
