import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { createModel, Model } from "../../src/models/mod.ts";
import { constantInit, flatten, type Layer, lazyLinear, sequential } from "../../src/nn/mod.ts";
import { adapted } from "../../src/train/adapt.ts";
import { initializeFor } from "../../src/train/initial_weights.ts";

const options = { seed: 1, resume: false } as const;

/** A model that has the weights of all but its head, as published weights of other classes give them. */
function withoutHead(name: string, head: string) {
  const model = createModel(name, { classes: 3, imageSize: 32, width: 0.25 });
  model.initialize(2);
  const whole = new Map(model.weights);
  for (const key of ["weight", "bias"]) model.weights.delete(`${head}.${key}`);
  return { model, whole };
}

Deno.test("a head that starts afresh is scaled, then biased, and nothing else is", () => {
  const head = "classifier.6";
  for (const make of [initializeFor, adapted]) {
    const started = (asked: { headInitScale?: number; headInitBias?: number }) => {
      const { model, whole } = withoutHead("vgg11", head);
      make(model, { ...options, ...asked, ...make === adapted && { lora: 2 } });
      for (const [name, values] of whole) {
        if (!name.startsWith(head)) assertEquals(model.weights.get(name), values, name);
      }
      return ["weight", "bias"].map((key) => model.weights.get(`${head}.${key}`)!);
    };
    const [weight, bias] = started({});
    assert(weight.some((value) => value !== 0));
    const [scaled, scaledBias] = started({ headInitScale: 0.25 });
    scaled.forEach((value, k) => assertAlmostEquals(value, weight[k] / 4, 1e-9));
    scaledBias.forEach((value, k) => assertAlmostEquals(value, bias[k] / 4, 1e-9));
    assertEquals([...started({ headInitScale: 0.25, headInitBias: -7 })[1]], [-7, -7, -7]);
  }
});

Deno.test("a scale or a bias of the head that would change nothing is refused; a run that goes on keeps its head", () => {
  const refused = (model: Model, asked: { headInitScale?: number; headInitBias?: number }, says: string) =>
    assertThrows(() => initializeFor(model, { ...options, ...asked }), UserError, `${says}; leave it out`);
  const whole = createModel("lenet", { classes: 3, imageSize: 32 });
  whole.initialize(1);
  const before = whole.weights.get("output.weight")!.slice();
  const asked = { headInitScale: 0.1, headInitBias: 1 };
  refused(whole, { headInitScale: 0.1 }, "Cannot use headInitScale 0.1: the head of lenet has weights already");
  refused(whole, { headInitBias: 1 }, "Cannot use headInitBias 1: the head of lenet has weights already");
  initializeFor(whole, { ...options, ...asked, resume: true });
  assertEquals(whole.weights.get("output.weight"), before);
  refused(
    createModel("vit-ti16", { classes: 3, imageSize: 32 }),
    { headInitScale: 0.1 },
    "Cannot use headInitScale 0.1: the head of vit-ti16 starts at zero",
  );
  const sizes = { classes: 3, channels: 1, imageSize: 2, stem: "auto" } as const;
  const noBias = sequential({ flatten: flatten(), head: lazyLinear(3, { bias: false }) });
  refused(
    new Model("own", noBias, sizes),
    { headInitBias: 1 },
    "Cannot use headInitBias 1: the head of own has no bias",
  );
  const noHead: Layer = (x, scope) => {
    const w = scope.parameter("w", [4, 3], constantInit(1));
    return scope.b.matmul(scope.b.reshape(x, [x.shape[0], 4]), w);
  };
  refused(
    new Model("own", noHead, sizes),
    { headInitBias: 1 },
    "Cannot use headInitBias 1: no layer of own gives its logits",
  );

  // What was refused stays refused, and a head of a run without it is no fresh one.
  const vit = createModel("vit-ti16", { classes: 3, imageSize: 32 });
  for (let time = 0; time < 2; time++) {
    assertThrows(
      () => initializeFor(vit, { ...options, headInitScale: 0.1 }),
      UserError,
      "Cannot use headInitScale 0.1",
    );
  }
  const plain = createModel("lenet", { classes: 3, imageSize: 32 });
  initializeFor(plain, options);
  refused(plain, { headInitBias: 1 }, "Cannot use headInitBias 1: the head of lenet has weights already");

  // A second run of one model goes on from the first, as a search for a rate and its training do.
  const model = createModel("lenet", { classes: 3, imageSize: 32 });
  initializeFor(model, { ...options, ...asked });
  const once = model.weights.get("output.weight")!.slice();
  initializeFor(model, { ...options, ...asked });
  assertEquals(model.weights.get("output.weight"), once);
});
