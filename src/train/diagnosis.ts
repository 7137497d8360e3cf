/**
 * What is said of a run whose numbers are not finite any more.
 *
 * @module
 */

import type { Loader } from "../data/batches/loader.ts";
import type { Session } from "../device/device.ts";
import { option, UserError } from "../errors.ts";
import type { ResolvedOptions } from "./settled_options.ts";
import { searchGraph } from "./step.ts";
import type { TrainingState } from "./training_state.ts";

/** A run whose numbers are not finite. */
export interface Patient {
  readonly options: ResolvedOptions;
  readonly session: Session;
  readonly state: TrainingState;
  readonly train: Loader;
}

/**
 * Names the first tensor that was not finite: the step is computed again, with a check at every layer.
 *
 * @param failed The step, of the run's.
 */
export async function diagnose({ options, session, state, train }: Patient, failed: number): Promise<UserError> {
  const epoch = Math.floor(failed / train.steps);
  const stepOfEpoch = failed % train.steps;
  const search = session.compile(searchGraph(options.model, state.learningStep));
  search.run(state.inputsOf(await train.batchAt(epoch, stepOfEpoch), failed));
  const [name] = Object.entries(await search.outputs()).find(([, [count]]) => count > 0) ?? ["the gradient's norm"];
  const { best } = state.progress;
  const kept = best ? `; the best checkpoint is of epoch ${best.epoch}` : "";
  const advice = options.resume
    ? "a run that goes on keeps its settings: begin a new one from its best checkpoint, with a lower learning rate"
    : `${options.precision === "f16" ? `use ${option("precision")} f32, ` : ""}lower ${option("learningRate")}, set ${
      option("clipNorm")
    }, or leave such steps out with ${option("skipNonFinite")}`;
  return new UserError(`Epoch ${epoch + 1}, step ${stepOfEpoch + 1}: ${name} is not finite${kept}; ${advice}`);
}
