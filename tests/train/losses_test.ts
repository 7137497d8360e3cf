import { assertAlmostEquals } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { taskLoss } from "../../src/train/losses.ts";
import { fixture } from "./fixture.ts";

Deno.test("taskLoss() is PyTorch's loss, and so is its gradient", async (t) => {
  for (const { name, task, batch, classes, labelSmoothing, loss, grad, ...values } of fixture.losses) {
    await t.step(name, () => {
      const b = new GraphBuilder();
      const logits = b.input("logits", [batch, classes]);
      const mean = taskLoss(b, task, {
        logits,
        targets: b.input("targets", [batch, classes]),
        weight: b.input("weight", [batch]),
        classWeight: b.input("classWeight", [classes]),
        labelSmoothing,
      });
      b.output("loss", mean);
      b.output("grad", differentiate(b, mean, [logits])[0]);
      const { outputs } = runReference(b.graph, { ...values });
      assertAlmostEquals(outputs.loss[0], loss, 1e-12);
      grad.forEach((want, k) => assertAlmostEquals(outputs.grad[k], want, 1e-12, `gradient ${k}`));
    });
  }
});
