/**
 * Checks the options of training and fills in the defaults.
 *
 * @module
 */

import { checkGiven, conflictIn, type Given, idleIn, resolveSettings } from "../run/resolve.ts";
import { RunDirectory } from "../run/run_directory.ts";
import { type Settings, settings } from "../run/settings.ts";
import { resolveTeacher } from "./distillation.ts";
import { type Optimizer, optimizerOf } from "./optimizers/mod.ts";
import { modelSettings } from "../run/settings/model.ts";
import { OTHERS, type TrainerOptions } from "./options.ts";
import { type ResolvedOptions, settingsOfModel } from "./settled_options.ts";

/**
 * Checks options and fills in the defaults, also for what is given as undefined.
 *
 * @throws TypeError for an option that is unknown, of another type, or without effect; RangeError for one out of range.
 */
export function resolveOptions(options: TrainerOptions): ResolvedOptions {
  const {
    device,
    model,
    task,
    out,
    resume = false,
    allowChangedData = false,
    teacher,
    loss,
    transform,
    metrics = {},
    trackers = [],
    console,
    signal,
  } = options;
  if (typeof loss === "function" && teacher) throw new TypeError("loss and teacher cannot be given together: give one");
  if (out === undefined && options.log?.length) throw new TypeError("log needs a run directory: give out");
  const given = givenIn(options);
  const { optimizer: _rule, cache: _store, schedule: _course, loss: _aim, ...plain } = options;
  checkGiven({ ...plain, ...given }, OTHERS);
  const made = settingsOfModel(model);
  const { pretrained: _file, weightsKey: _key, ...ofModel } = modelSettings;
  const wrong = Object.keys(given).find((name) => name in made || name in ofModel);
  if (wrong !== undefined) {
    throw new TypeError(`${wrong} is the model's, which is made before it is trained: give it to createModel`);
  }
  const asked = { ...given, ...made };
  // What is no setting is known by its name.
  const known = {
    ...asked,
    ...teacher && { teacher: teacher.model.name },
    ...typeof options.schedule === "function" && { schedule: "own" },
  } as Given;
  const idle = idleIn(known, { task });
  if (idle) throw new TypeError(`${idle.name} would change nothing: ${idle.why}`);
  const conflict = conflictIn(known, { task });
  if (conflict) throw new TypeError(`${conflict.name} cannot be used: ${conflict.why}`);
  const values = resolveSettings({ ...asked, task });
  if (values.cycleMomentum && typeof options.optimizer === "object" && !options.optimizer.settings?.cycleMomentum) {
    throw new TypeError(
      "cycleMomentum is the optimizer's, which is made with it: give it there, or the optimizer's name",
    );
  }
  if (transform && values.augSplits > 1) {
    throw new TypeError(
      "transform changes pictures along with their targets, and augSplits gives several views: give one",
    );
  }
  const offset = typeof loss === "function" && values.logitAdjustment > 0;
  if (offset) throw new TypeError("logitAdjustment is of the losses that have names: add it in your own loss");
  return {
    ...values,
    ...{ device, model, task, resume, allowChangedData, transform, metrics, trackers, console, signal, given },
    loss: typeof loss === "function" ? loss : values.loss!,
    out: typeof out === "string" ? new RunDirectory(out) : out,
    // They depend on the data.
    augment: given.augment,
    resize: given.resize,
    shuffle: given.shuffle,
    batch: values.batch!,
    learningRate: values.learningRate!,
    weightDecay: values.weightDecay!,
    warmupEpochs: values.warmupEpochs!,
    milestones: values.milestones!,
    gamma: values.gamma!,
    mixup: values.mixup!,
    cutmix: values.cutmix!,
    schedule: typeof options.schedule === "function" ? options.schedule : values.schedule,
    optimizer: typeof options.optimizer === "object" ? options.optimizer : optimizerOf(values),
    cache: typeof options.cache === "object" ? options.cache : { mode: values.cache, budgetBytes: values.cacheBudget },
    teacher: teacher && resolveTeacher(teacher),
  };
}

/** What was given as settings, an object in a setting's place by what it says of itself. */
function givenIn({ optimizer, cache, schedule, loss, ...options }: TrainerOptions): Given {
  const plain = Object.entries(options).filter(([name, value]) => value !== undefined && !isOther(name));
  const rule = typeof optimizer === "object" ? settingsOfRule(optimizer) : optimizer !== undefined && { optimizer };
  return {
    ...Object.fromEntries(plain) as Given,
    ...rule,
    ...schedule !== undefined && typeof schedule !== "function" && { schedule },
    ...loss !== undefined && typeof loss !== "function" && { loss },
    ...typeof cache === "object"
      ? { cache: cache.mode, ...cache.budgetBytes !== undefined && { cacheBudget: cache.budgetBytes } }
      : cache !== undefined && { cache },
  };
}

/** A rule of the user's own is no setting: what it is called stands in `config.json` alone. */
function settingsOfRule({ name, settings: own }: Optimizer): Given {
  const known = settings.optimizer.kind.read(name) as Settings["optimizer"] | undefined;
  return known ? { optimizer: known, ...own } : {};
}

const isOther = (name: string): boolean => OTHERS.some((other) => other === name);
