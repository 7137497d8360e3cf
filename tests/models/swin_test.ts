import { assertEquals } from "@std/assert";
import { createModel } from "../../src/models/mod.ts";
import { swinBlock, swinTransformer } from "../../src/models/swin.ts";
import { isLong } from "../amount.ts";
import { testBlock, testModel } from "./reference.ts";

/** torchvision's numbers of parameters, and its billions of multiply-adds at the published picture size. */
const sizes = [
  { model: "swin-t", size: 28_288_354, billions: 4.49 },
  { model: "swin-s", size: 49_606_258, billions: 8.74 },
  { model: "swin-b", size: 87_768_224, billions: 15.43 },
  { model: "swin-v2-t", size: 28_351_570, billions: 5.94 },
  { model: "swin-v2-s", size: 49_737_442, billions: 11.55 },
  { model: "swin-v2-b", size: 87_930_848, billions: 20.33 },
];

Deno.test("Swin transformers have torchvision's numbers of parameters and multiply-adds", () => {
  for (const { model, size, billions } of sizes) {
    const made = createModel(model, { classes: 1000 });
    assertEquals({ model, size: made.size, billions: +(made.multiplyAdds / 1e9).toFixed(2) }, {
      model,
      size,
      billions,
    });
  }
});

for (const version of [1, 2] as const) {
  const name = version === 1 ? "swin" : "swin_v2";
  testModel(name, ({ classes, channels }) =>
    swinTransformer({
      ...{ version, classes, channels, patch: 2, width: 8, depths: [2, 2, 2], heads: [1, 2, 4], window: 4 },
    }));

  const window = version === 1 ? 7 : 8;
  const shift = Math.floor(window / 2);
  testBlock(`${name}_block_192`, swinBlock(192, 6, { version, window, shift }));
  // Wider ones are the same texts in other tiles; a block without shift is in the models above.
  if (isLong) {
    testBlock(`${name}_block_768`, swinBlock(768, 24, { version, window }));
    testBlock(`${name}_block_384`, swinBlock(384, 12, { version, window, shift }));
  }
}
