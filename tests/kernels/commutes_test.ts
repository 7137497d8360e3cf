import { assert, assertEquals } from "@std/assert";
import { registry } from "../../kernels/mod.ts";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { samplesOf, type Trial } from "./trials.ts";

/**
 * The value and gradient of a call on what an elementwise op gives, with that op put after the call, or kept before it.
 */
function resultsOf({ op, shapes, attrs, given }: Trial, elementwise: string, isKept: boolean) {
  const b = new GraphBuilder();
  const x = b.input("x0", shapes[0]);
  const before = b.op(elementwise, [x]);
  const y = b.op(op.name, [isKept ? b.again(before, 0) : before], attrs);
  assertEquals((y as { op?: string }).op, isKept ? op.name : elementwise);
  const weights = b.op("iota", [], { shape: y.shape });
  b.output("y", y);
  b.output("dx", differentiate(b, b.sum(b.mul(y, weights)), [x])[0]);
  return runReference(b.graph, given).outputs;
}

Deno.test("what an elementwise op commutes with gives the same before it as after it, and the same gradient", async (t) => {
  for (const op of registry.values()) {
    for (const elementwise of op.commutesWith ?? []) {
      await t.step(`${op.name} and ${elementwise}`, () => {
        const trials = samplesOf(op);
        assert(trials.length > 0);
        for (const trial of trials) {
          assertEquals(resultsOf(trial, elementwise, false), resultsOf(trial, elementwise, true), trial.label);
        }
      });
    }
  }
});
