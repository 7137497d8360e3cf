/**
 * The training loop.
 *
 * @module
 */

import type { Trained } from "../track/tracker.ts";
import type { Fit } from "./fit.ts";

/** Steps after which a device that was not measured is waited for, lest work pile up: a wait takes 11 ms. */
const SETTLE_EVERY = 16;

/**
 * Trains a run from where it is to its last epoch, to the end of its patience, or to the signal. The model then has the
 * weights of the best epoch.
 *
 * @throws UserError when a step is not finite.
 */
export async function trainingLoop(fit: Fit): Promise<Trained> {
  const { state, train, pace, logEvery, options } = fit;
  const { epochs, valEvery, saveEvery, signal, device, monitor, patience } = options;
  const settleEvery = device.rates?.queueDepth ?? SETTLE_EVERY;
  const isDue = (every = Infinity) => state.stepsDone % every === 0;

  while (state.progress.epoch < epochs && !fit.isExhausted && !signal?.aborted) {
    for await (const batch of train.epoch(state.progress.epoch, state.progress.step)) {
      state.step(batch);
      fit.showStep(batch.count);
      if (isDue(logEvery)) await fit.log();
      else if (isDue(settleEvery)) await state.settle();
      if (isDue(valEvery) && !state.isEpochDone) await pace.without(() => fit.validate());
      if (isDue(saveEvery) && !state.isEpochDone) await pace.without(() => fit.saveWithin());
      await turn();
      if (signal?.aborted) break;
    }
    if (!state.isEpochDone) break;
    await fit.checkFinite();
    await pace.without(() => fit.endEpoch());
  }

  const isShort = state.progress.epoch < epochs;
  const interrupted = isShort && !fit.isExhausted;
  if (interrupted) {
    await fit.saveWithin();
  }
  fit.takeBestWeights();
  const { epoch, best, stepsDone } = state.progress;
  return {
    ...{ epochs: epoch, best, interrupted, lossScale: (await state.counts()).lossScale },
    ...monitor !== "accuracy" && { monitor },
    ...isShort && !interrupted && { endedEarly: { step: stepsDone, patience: patience!, monitor } },
  };
}

/** A turn of the event loop: without it, signals and Workers starve while the device blocks this thread. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
