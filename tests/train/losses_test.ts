import { assert, assertAlmostEquals } from "@std/assert";
import { runReference } from "../../src/device/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import { type LossRule, taskLoss } from "../../src/train/losses.ts";
import { devices } from "../kernels/devices.ts";
import { fixture, named, type NamedLossCase } from "./fixture.ts";

/** Loss and gradient of a case, as a graph. */
function graphOf(
  { task, batch, classes, labelSmoothing, rule, tau }:
    & Pick<NamedLossCase, "task" | "batch" | "classes">
    & Partial<Pick<NamedLossCase, "labelSmoothing" | "rule" | "tau">>,
) {
  const b = new GraphBuilder();
  const logits = b.input("logits", [batch, classes]);
  const mean = taskLoss(b, task, {
    logits,
    targets: b.input("targets", [batch, classes]),
    weight: b.input("weight", [batch]),
    classWeight: b.input("classWeight", [classes]),
    labelSmoothing,
    rule,
    logitOffset: tau === undefined ? undefined : b.input("offset", [classes]),
  });
  b.output("loss", mean);
  b.output("grad", differentiate(b, mean, [logits])[0]);
  return b.graph;
}

Deno.test("taskLoss() is PyTorch's loss, and so is its gradient", async (t) => {
  for (const losses of fixture.losses) {
    await t.step(losses.name, () => {
      const { loss, grad, logits, targets, weight, classWeight } = losses;
      const { outputs } = runReference(graphOf(losses), { logits, targets, weight, classWeight });
      assertAlmostEquals(outputs.loss[0], loss, 1e-12);
      grad.forEach((want, k) => assertAlmostEquals(outputs.grad[k], want, 1e-12, `gradient ${k}`));
    });
  }
});

Deno.test("taskLoss() by name is timm's, torchvision's, kornia's or the paper's loss, and so is its gradient", async (t) => {
  for (const losses of named.losses) {
    await t.step(losses.name, () => {
      // Two rows of padding count nothing.
      const { batch, classes, tau = 0, shares = [] } = losses;
      const padded = (values: readonly number[]) => [...values, ...new Array(2 * classes).fill(0.5)];
      const inputs = {
        logits: padded(losses.logits),
        targets: padded(losses.targets),
        weight: [...new Array(batch).fill(1), 0, 0],
        classWeight: losses.classWeight ?? new Array(classes).fill(1),
        ...losses.tau !== undefined && { offset: shares.map((share) => tau * Math.log(share)) },
      };
      const { outputs } = runReference(graphOf({ ...losses, ...inputs, batch: batch + 2 }), inputs);
      assertAlmostEquals(outputs.loss[0], losses.loss, 1e-11);
      padded(losses.grad).forEach((want, k) => {
        assertAlmostEquals(outputs.grad[k], k < losses.grad.length ? want : 0, 1e-11, `gradient ${k}`);
      });
    });
  }
});

const rules: readonly (readonly ["multiclass" | "multilabel", LossRule])[] = [
  ["multiclass", { loss: "cross-entropy" }],
  ["multiclass", { loss: "bce", bceTargetThreshold: 0.2 }],
  ["multiclass", { loss: "focal", focalGamma: 0.5 }],
  ["multiclass", { loss: "poly1" }],
  ["multilabel", { loss: "bce" }],
  ["multilabel", { loss: "focal", focalGamma: 0.5 }],
  ["multilabel", { loss: "poly1" }],
  ["multilabel", { loss: "asymmetric" }],
  ["multilabel", { loss: "asymmetric", asymmetricClip: 0, asymmetricGammaNeg: 0.5, asymmetricGammaPos: 0.5 }],
];

for (const { name, present, open } of devices) {
  const what = `losses and their gradients are finite for logits of any size on ${name}`;
  Deno.test(what, { ignore: !present }, async () => {
    await using device = await open();
    const sizes = [1e30, 1e4, 100, 17, 1e-30, 0, -1e-30, -17, -100, -1e4, -1e30];
    const [batch, classes] = [sizes.length, 3];
    const logits = Float32Array.from(sizes.flatMap((x) => [x, -x, 0]));
    const inputs = { logits, weight: new Float32Array(batch).fill(1), classWeight: new Float32Array(classes).fill(1) };
    for (const [task, rule] of rules) {
      for (const row of [[1, 0, 0], [0.3, 0.7, 0]]) {
        using session = device.open();
        const program = session.compile(graphOf({ task, batch, classes, rule }));
        program.run({ ...inputs, targets: Float32Array.from(sizes.flatMap(() => row)) });
        const { loss, grad } = await program.outputs();
        assert([...loss, ...grad].every(Number.isFinite), `${task} ${rule.loss} ${row}: ${loss} ${grad}`);
      }
    }
  });
}
