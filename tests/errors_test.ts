import { assertEquals, assertInstanceOf } from "@std/assert";
import { nearest, option, UserError } from "../src/errors.ts";

Deno.test("UserError carries its exit code, 1 unless told", () => {
  assertEquals(new UserError("no").exitCode, 1);
  assertEquals(new UserError("no", 2).exitCode, 2);
  assertInstanceOf(new UserError("no"), Error);
  assertEquals(String(new UserError("no such file")), "UserError: no such file");
});

Deno.test("UserError names options as they are, and as flags where it is told their names", () => {
  const error = new UserError(`{a} is too small: give ${option("imageSize")} 32 or ${option("lr")}`);
  assertEquals(error.message, "{a} is too small: give imageSize 32 or lr");
  assertEquals(error.textWith((name) => `--${name}!`), "{a} is too small: give --imageSize! 32 or --lr!");
});

const models = ["lenet", "naive-cnn", "resnet18", "resnet50"];
const cases: [what: string, name: string, candidates: string[], expected: string | undefined][] = [
  ["the name itself", "lenet", models, "lenet"],
  ["one letter missing", "lnet", models, "lenet"],
  ["one letter too many", "resnet-18", models, "resnet18"],
  ["another case", "ResNet50", models, "resnet50"],
  ["two neighbours swapped in a short name", "sgd", ["gsd"], "gsd"],
  ["the nearer of two", "resnet51", models, "resnet50"],
  ["its end left out", "weight", ["weight-decay", "height"], "weight-decay"],
  ["the first on a tie", "resnet", models, "resnet18"],
  ["one slip in a short name", "sg", ["adam", "sgd"], "sgd"],
  ["nothing near", "transformer", models, undefined],
  ["a short name unlike the rest", "vgg", models, undefined],
  ["no candidate", "lenet", [], undefined],
  ["an empty name", "", models, undefined],
];
for (const [what, name, candidates, expected] of cases) {
  Deno.test(`nearest() with ${what}`, () => assertEquals(nearest(name, candidates), expected));
}
