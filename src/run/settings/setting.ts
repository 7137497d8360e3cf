/**
 * What a setting is, and the makers of the rows of the tables beside this file.
 *
 * @module
 */

import type { DatasetKind } from "../../data/dataset.ts";
import type { Task } from "../../data/labels.ts";
import { orList } from "../../errors.ts";
import type { Kind } from "../kinds.ts";

/** What is known of a data set once it is open. */
export interface DataFacts {
  readonly kind?: DatasetKind;
  readonly task: Task;
  /** Shorter side of the pictures in pixels, where it is known. */
  readonly pictureSize?: number;
  /** Does it say which picture is in which split? */
  readonly hasOwnSplit?: boolean;
}

/** What decides whether a setting applies, and what it is unless given. */
export interface Facts {
  /** Values of the settings before it in the table, and what was given of those after it. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of the data, once they are open. */
  readonly data?: DataFacts;
}

/** How people call a setting where they are: `learningRate` in code, `--lr` on a command line. */
export type NameOf = (setting: string) => string;

/** One setting. */
export interface Setting<T = unknown, D extends T | undefined = T | undefined> {
  /** What it may be. */
  readonly kind: Kind<T>;
  /** What it does, in one sentence without a full stop. */
  readonly help: string;
  /** Its value unless given; undefined where that depends on others, which {@link byDefault} says. */
  readonly default: D;
  /** The default in words, where it is not the value itself. */
  readonly byDefault?: string;
  /** Title of the help over this setting and those after it. */
  readonly heading?: string;
  /** What the help shows in the place of the value. */
  readonly placeholder?: string;
  /** The flag's option where it has another name than the setting: `lr` of `learningRate`. */
  readonly flag?: string;
  /** Its value unless given, where that depends on others. */
  readonly derive?: (facts: Facts) => T | undefined;
  /** Why it would change nothing; undefined where it applies. Without this it always does. */
  readonly idle?: (facts: Facts, nameOf: NameOf) => string | undefined;
  /** Why it cannot be used, where it contradicts other settings or leaves nothing to do; asked where it was given. */
  readonly conflict?: (facts: Facts, nameOf: NameOf) => string | undefined;
  /** Does it change what is learnt? */
  readonly learns: boolean;
  /** May a resumed run have another value? */
  readonly isFree: boolean;
}

/** What a row of the table says. */
type Row<T> = Partial<Omit<Setting<T>, "kind" | "default" | "help">> & Pick<Setting<T>, "help">;

/** A setting that changes what is learnt, and that a resumed run keeps, unless the row says otherwise. */
export function setting<T>(kind: Kind<T>, row: Row<NoInfer<T>> & { readonly default: NoInfer<T> }): Setting<T, T>;
export function setting<T>(
  kind: Kind<T>,
  row: Row<NoInfer<T>> & { readonly default?: undefined },
): Setting<T, undefined>;
export function setting<T>(kind: Kind<T>, row: Row<T> & { readonly default?: T }): Setting<T> {
  const { default: fallback, ...rest } = row;
  return { learns: true, isFree: false, ...rest, kind, default: fallback };
}

/** Where a run works and what it shows: nothing of it is learnt, and a resumed run may change it. */
export const FREE = { learns: false, isFree: true } as const;

/** Applies to some choices of another setting. */
export const only = (
  name: "optimizer" | "schedule" | "distill" | "cache" | "loss",
  ...values: readonly string[]
): Setting["idle"] =>
({ settings }, nameOf) =>
  // What depends on the data is not known before they are.
  settings[name] === undefined || values.some((value) => value === settings[name])
    ? undefined
    : `only ${nameOf(name)} ${orList(values)} ${values.length === 1 ? "has" : "have"} it`;

/** Cannot be given along with others that do the same in another way. */
export const oneOf = (...names: readonly string[]): Setting["conflict"] => ({ settings }, nameOf) => {
  const other = names.find((name) => settings[name] !== undefined);
  return other && `${nameOf(other)} is given, too; give one`;
};

/** The task, once it is known. */
export const taskOf = ({ data, settings }: Facts): Task | undefined => data?.task ?? settings.task as Task | undefined;

/** Applies to some tasks. */
export const ofTasks = (...tasks: readonly Task[]) => (facts: Facts): string | undefined => {
  const task = taskOf(facts);
  return task === undefined || tasks.includes(task) ? undefined : `the task is ${task}`;
};

/** Larger pictures are trained at this side unless another is asked for. */
export const USUAL_SIZE = 224;

/** Pictures below this side are too small to lose a border, and take a larger batch. */
export const SMALL_SIZE = 64;

/** Are the pictures that the model sees small? */
export const isSmall = ({ settings }: Facts): boolean => settings.imageSize as number < SMALL_SIZE;
