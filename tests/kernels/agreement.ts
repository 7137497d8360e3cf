/**
 * Every op on a device, forward and backward, against the float64 reference and PyTorch.
 *
 * @module
 */

import { registry } from "../../kernels/mod.ts";
import type { Op } from "../../kernels/op.ts";
import { runReference } from "../../src/device/reference.ts";
import { isQuick } from "../amount.ts";
import type { DeviceUnderTest } from "./devices.ts";
import { assertNear, graphOf, inputsOf, readCases, resultsOf, samplesOf, type Trial } from "./trials.ts";

/** A test for a kind of device, with a step for each op. */
export async function testAgreement({ name, present, open }: DeviceUnderTest): Promise<void> {
  const { cases } = await readCases();
  // `deno task ok` tries two cases of each op: compiling every unrolled convolution takes minutes.
  const trialsOf = (op: Op): Trial[] =>
    isQuick ? samplesOf(op).slice(0, 2) : [...samplesOf(op), ...cases.get(op.name) ?? []];
  Deno.test({
    name: `${name} agrees with the float64 reference and with PyTorch, forward and backward`,
    ignore: !present,
    async fn(t) {
      await using device = await open();
      using session = device.open();
      for (const op of registry.values()) {
        await t.step(op.name, async () => {
          const trials = trialsOf(op);
          const graph = graphOf(trials);
          const program = session.compile(graph);
          program.run(inputsOf(trials));
          const outputs = await program.outputs();
          const reference = runReference(graph, inputsOf(trials)).outputs;
          trials.forEach((trial, at) => {
            assertNear(trial, resultsOf(outputs, at), trial.want ?? resultsOf(reference, at), name);
          });
        });
      }
    },
  });
}
