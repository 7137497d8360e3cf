import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { createModel } from "../../src/models/mod.ts";
import { ClassMapper, withClassMap } from "../../src/run/class_map.ts";
import { devices } from "../kernels/devices.ts";

const options = { classes: 3, imageSize: 16, width: 0.25 };
const mean = [0.5, 0.5, 0.5];
const preprocessing = { imageSize: 16, square: 16, mean, std: mean, interpolation: "bilinear" } as const;
const wasm = devices.find(({ name }) => name === "WebAssembly")!;

Deno.test({
  name: "a class map has a place for each step of the model's window, and knows where it is",
  ignore: !wasm.present,
  async fn() {
    await using device = await wasm.open();
    const model = createModel("naive-cnn", options);
    model.initialize(1);
    using mapper = new ClassMapper(model, preprocessing, device);
    const data = Uint8Array.from({ length: 24 * 40 }, (_, i) => (i * i) % 251);
    const { rows, columns, logits, first, spacing, picture } = await mapper.map({
      ...{ width: 40, height: 24, channels: 1, data },
    });
    // Windows of 16 pixels by steps of 8.
    assertEquals([rows, columns, first, spacing], [2, 4, 8, [8, 8]]);
    assertEquals([picture.width, picture.height, picture.channels, logits.length], [40, 24, 3, 3 * 8]);
    // Smaller and larger ones are brought to 16 and to 64 pixels.
    const grey = (width: number, height: number) =>
      ({ width, height, channels: 1, data: new Uint8Array(width * height) }) as const;
    const small = await mapper.map(grey(4, 8));
    assertEquals([small.picture.width, small.picture.height, small.rows, small.columns], [16, 32, 3, 1]);
    const large = await mapper.map(grey(200, 100));
    assertEquals([large.picture.width, large.picture.height, large.rows, large.columns], [128, 64, 7, 15]);
  },
});

Deno.test("a model that cannot end in convolutions gives no class map", () => {
  const pooled = createModel("resnet18", { ...options, head: "attention-pool" });
  assertThrows(() => withClassMap(pooled), UserError, "resnet18 with the head attention-pool gives no class map");
  assertThrows(() => withClassMap(createModel("lenet", { classes: 3 })), UserError, "lenet gives no class map");
  const fcn = createModel("resnet18", { ...options, head: "fcn" });
  assertEquals(withClassMap(fcn), fcn);
});
