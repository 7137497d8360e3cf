import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { createModel } from "../../src/models/mod.ts";

Deno.test("a ResNet leaves its blocks out at timm's rates, for each picture, and drops units before the logits", () => {
  // drop_prob of the blocks of timm.create_model("resnet18", drop_path_rate=0.35).
  const rates = [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35];
  const options = { classes: 3, channels: 1, imageSize: 8, width: 0.125, stochasticDepth: 0.35, dropout: 0.5 };
  const model = createModel("resnet18", options);
  model.initialize(1);
  const batch = 48;
  const b = new GraphBuilder();
  const { scope, logits } = model.trace(b, batch, true);
  b.output("logits", logits);
  const blocks = rates.map((rate, k) => ({ rate, name: `layer${1 + (k >> 1)}.${k % 2}` }));
  for (const { name } of blocks) {
    for (const layer of ["bn2", "drop_path"]) {
      const output = scope.outputs.get(`${name}.${layer}`);
      if (output) b.output(`${name}.${layer}`, output);
    }
  }
  for (const layer of ["flatten", "dropout"]) b.output(layer, scope.outputs.get(layer)!);
  const images = Float64Array.from({ length: batch * 64 }, (_, i) => Math.sin(i * i));
  const states = Object.fromEntries(model.weights);
  const { outputs } = runReference(b.graph, { ...states, images, keyHi: [3], keyLo: [5] });
  for (const { rate, name } of blocks) {
    const [body, kept] = ["bn2", "drop_path"].map((layer) => outputs[`${name}.${layer}`]);
    assertEquals(kept === undefined, rate === 0, name);
    if (kept === undefined) continue;
    const size = body.length / batch;
    const factors = Array.from({ length: batch }, (_, n) => {
      const ratios = Array.from({ length: size }, (_, i) => kept[n * size + i] / body[n * size + i]);
      ratios.forEach((ratio) => assertAlmostEquals(ratio, ratios[0], 1e-9));
      return ratios[0];
    });
    const left = factors.filter((factor) => factor === 0).length;
    factors.filter((factor) => factor !== 0).forEach((factor) =>
      assertAlmostEquals(factor, 1 / (1 - rate), 1e-9, name)
    );
    // Five standard errors.
    assert(Math.abs(left - rate * batch) <= 5 * Math.sqrt(batch * rate * (1 - rate)), `${name}: ${left} of ${batch}`);
    if (rate >= 0.15) assert(left > 0, name);
  }
  const dropped = outputs.dropout.filter((value) => value === 0).length / outputs.dropout.length;
  const zero = outputs.flatten.filter((value) => value === 0).length / outputs.flatten.length;
  assert(Math.abs(dropped - zero - (1 - zero) / 2) < 0.08, `${dropped} of the units are dropped`);
});

Deno.test("a ResNet without these options is traced as before them", () => {
  const names = (options: object) => {
    const model = createModel("resnet50", { classes: 3, imageSize: 16, width: 0.125, ...options });
    return [...model.trace(new GraphBuilder(), 2, true).scope.outputs.keys()];
  };
  const plain = names({});
  assertEquals(plain.filter((name) => /drop/.test(name)), []);
  assertEquals(names({ dropout: 0.1, stochasticDepth: 0.1 }).filter((name) => !/drop/.test(name)), plain);
});
