import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { createModel } from "../../src/models/mod.ts";
import { adapted } from "../../src/train/adapt.ts";
import { initializeFor } from "../../src/train/initial_weights.ts";

const options = { seed: 1, resume: false } as const;

/** A ViT that has the weights of all but its head, as published weights of other classes give them. */
function withoutHead() {
  const model = createModel("vit-ti16", { classes: 3, imageSize: 32, width: 0.34 });
  model.initialize(2);
  const whole = new Map(model.weights);
  for (const name of ["heads.head.weight", "heads.head.bias"]) model.weights.delete(name);
  return { model, whole };
}

Deno.test("a head that starts afresh is scaled and biased, and nothing else", () => {
  const { model, whole } = withoutHead();
  initializeFor(model, options);
  const plain = model.weights.get("heads.head.weight")!.slice();
  for (const make of [initializeFor, adapted]) {
    const { model } = withoutHead();
    make(model, { ...options, headInitScale: 0.25, headInitBias: -7, ...make === adapted && { lora: 2 } });
    model.weights.get("heads.head.weight")!.forEach((value, k) => assertAlmostEquals(value, plain[k] / 4, 1e-9));
    assertEquals([...model.weights.get("heads.head.bias")!], [-7, -7, -7]);
    for (const [name, values] of whole) {
      if (!name.startsWith("heads.head.")) assertEquals(model.weights.get(name), values, name);
    }
  }
});

Deno.test("a head that has weights is left as it is, which is refused, unless the run goes on", () => {
  const { model } = withoutHead();
  initializeFor(model, options);
  const before = model.weights.get("heads.head.weight")!.slice();
  for (
    const [asked, says] of [[{ headInitScale: 0.1 }, "headInitScale 0.1"], [
      { headInitBias: 1 },
      "headInitBias 1",
    ]] as const
  ) {
    assertThrows(
      () => initializeFor(model, { ...options, ...asked }),
      UserError,
      `Cannot use ${says} with vit-ti16: its head has weights already; leave it out`,
    );
    initializeFor(model, { ...options, ...asked, resume: true });
  }
  assertEquals(model.weights.get("heads.head.weight"), before);
});
