/**
 * Models of the user's own, which Fovea does not know by name: how a run of theirs is opened again.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import type { Family } from "../interop/keys/family.ts";
import { createModel, models } from "./mod.ts";
import { Model, type ModelDefinition, type ResolvedModelOptions } from "./model.ts";

/** A model of the user's own: one that was made, or its name and how it is built. */
export type OwnModel = Model | (Pick<ModelDefinition, "name" | "build"> & Partial<ModelDefinition>);

/**
 * Makes a model again that a run was of, without weights.
 *
 * @param name Its name.
 * @param options What it was made with.
 * @param own Models of the user's own. One with the name of a model of Fovea's takes its place.
 * @throws UserError when nobody has a model of this name, or the user's was made with other sizes.
 */
export function remakeModel(name: string, options: ResolvedModelOptions, own: readonly OwnModel[] = []): Model {
  const mine = own.find((model) => model.name === name);
  if (!mine) {
    if (models.some((known) => known.name === name)) return createModel(name, options);
    throw new UserError(`There is no model ${name} in Fovea: where it is your own, give its definition with models`);
  }
  if (!(mine instanceof Model)) return new Model(name, mine.build(options), options);
  for (const size of ["classes", "channels", "imageSize"] as const) {
    if (mine.options[size] !== options[size]) {
      throw new UserError(
        `Cannot use the given ${name}: its ${size} is ${mine.options[size]}, and ${options[size]} is needed; ` +
          "give it in that size, or its name and build",
      );
    }
  }
  // A layer is a function, and is traced as often as is liked.
  return new Model(name, mine.layer, mine.options);
}

/** The names of a model of the user's own: as they are. Its head is the last layer that has a row for each class. */
export function ownFamily({ name, parameters, classes }: Model): Family {
  const head = parameters.findLast(({ name, shape }) => name.endsWith(".weight") && shape[0] === classes)?.name;
  return {
    name,
    own: true,
    heads: head ? [head.slice(0, -".weight".length)] : [],
    stem: "",
    rows: parameters.map(({ name: ours }) => ({ ours })),
  };
}
