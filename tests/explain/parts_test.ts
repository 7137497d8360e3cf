import { assert, assertEquals } from "@std/assert";
import { outputNames } from "../../src/cli/output_names.ts";
import { enlarged } from "../../src/explain/draw.ts";
import { firstFilters } from "../../src/explain/filters.ts";
import { npyOf } from "../../src/explain/map_file.ts";
import { receptiveField } from "../../src/explain/receptive_field.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { createModel } from "../../src/models/mod.ts";
import { embeddingPage } from "../../src/report/page/embedding_page.ts";

Deno.test("enlarged() is PyTorch's bilinear interpolation, and cuts off what lies beyond the edge", () => {
  const map = Float32Array.of(0, 1, 2, 3);
  const whole = [[0, 0.25, 0.75, 1], [0.5, 0.75, 1.25, 1.5], [1.5, 1.75, 2.25, 2.5], [2, 2.25, 2.75, 3]];
  assertEquals([...enlarged(map, 2, 4)], whole.flat());
  assertEquals([...enlarged(map, 2, 3, 4)], whole.slice(0, 3).flatMap((row) => row.slice(0, 3)));
});

Deno.test("receptiveField() has the sizes that are known of the models, and none after attention", () => {
  // Of ResNet-18, VGG16 and AlexNet by Araujo, Norris and Sim, "Computing receptive fields of convolutional neural
  // networks", 2019.
  const cases: [name: string, layer: string, side: number | undefined, step: number | undefined][] = [
    ["naive-cnn", "block2", 10, 4],
    ["resnet18", "layer4", 435, 32],
    ["vgg16", "features", 212, 32],
    ["alexnet", "features", 195, 32],
    ["vit-ti16", "encoder.layers.encoder_layer_0", undefined, undefined],
  ];
  for (const [name, layer, side, step] of cases) {
    const model = createModel(name, { classes: 2, width: 0.125 });
    const b = new GraphBuilder({ asWritten: true });
    const images = b.input("images", [1, 3, model.imageSize, model.imageSize]);
    const { scope } = model.trace(b, 1, false, undefined, images);
    const field = receptiveField(b.graph, images, scope.outputs.get(layer)!);
    assertEquals([field && field.last - field.first + 1, field?.step], [side, step], name);
  }
});

Deno.test("firstFilters() draws each filter by its own largest weight", () => {
  const model = createModel("naive-cnn", { classes: 2, imageSize: 16, width: 0.25 });
  model.initialize(1);
  const { layer, side, pictures } = firstFilters(model);
  assertEquals([layer, side, pictures.length], ["block1.conv", 3, 8]);
  const [weights, { rgb }] = [model.weights.get("block1.conv.weight")!.slice(0, 27), pictures[0]];
  const most = Math.max(...weights.map(Math.abs));
  // Channels are planes of a filter, and side by side in a picture.
  for (let i = 0; i < 27; i++) {
    const drawn = rgb[3 * (i % 9) + Math.floor(i / 9)];
    assert(Math.abs(drawn - 127.5 * (1 + weights[i] / most)) <= 0.5);
  }
});

Deno.test("outputNames() gives each picture a name of its own", () => {
  assertEquals(outputNames(["/p/x.jpg", "/p/y.png"]), ["x", "y"]);
  assertEquals(outputNames(["/p/a/x.jpg", "/p/a/x.png", "/p/X.jpg"]), ["a_x.jpg", "a_x.png", "X"]);
  assertEquals(outputNames(["/p/a/x.jpg", "/p/a_x.jpg", "/p/.jpg"]), ["a_x.jpg", "a_x.jpg-2", ".jpg"]);
});

Deno.test("npyOf() aligns the values as NumPy asks", () => {
  const bytes = npyOf(Float32Array.of(1.5), [1]);
  const header = new TextDecoder("latin1").decode(bytes.subarray(10, 128));
  assertEquals([bytes.length, bytes[8], bytes[9]], [132, 118, 0]);
  assertEquals(header.trimEnd(), "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }");
  assertEquals(header.endsWith("\n"), true);
});

Deno.test("an embedding is safe against hostile names and reads without script", async () => {
  const evil = "</script><img src=x onerror=alert(1)>\u202e";
  const picture = { file: evil, said: evil, isWrong: true, jpeg: new Uint8Array([255, 216]) };
  const page = await embeddingPage({
    ...{ title: evil, summary: [evil], classes: [evil, "b"] },
    pictures: [{ ...picture, x: 0, y: 0, class: 0 }, { ...picture, x: 3, y: -1, class: 0, isWrong: false }],
  });
  assertEquals([page.includes("<img src=x"), page.includes("</script><img")], [false, false]);
  assertEquals(page.match(/<script/g)?.length, 2);
  assertEquals(page.match(/class="wrong"/g)?.length, 1);
  // The wider axis fills the drawing; a class without pictures is not in the key.
  assert(page.includes("translate(24 ") && page.includes("translate(1076 "));
  assertEquals(page.match(/data-class=/g)?.length, 1);
});
