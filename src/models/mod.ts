/**
 * The models by name. To add one, write its family's file and list it here.
 *
 * @module
 */

import { nearest, UserError } from "../errors.ts";
import { lenet } from "./lenet.ts";
import { Model, type ModelDefinition, type ModelOptions } from "./model.ts";
import { naiveCnn } from "./naive_cnn.ts";
import { resnet18 } from "./resnet.ts";

export { Model, type ModelDefinition, type ModelOptions };

/** Every model's definition, in the order of the command `models`. */
export const models: readonly ModelDefinition[] = [lenet, naiveCnn, resnet18];

/** The definition called `name`. Throws UserError with the nearest name when there is none. */
export function modelNamed(name: string): ModelDefinition {
  const found = models.find((model) => model.name === name);
  if (found) return found;
  const names = models.map((model) => model.name);
  const near = nearest(name, names);
  throw new UserError(
    `There is no model ${name}; ${near ? `did you mean ${near}?` : `give one of ${names.join(", ")}`}`,
    2,
  );
}

/**
 * A model by name.
 *
 * @param name Such as `resnet18`; the command `models` lists them.
 * @param options Its sizes.
 * @throws UserError when there is no such model, or it cannot take the picture size.
 * @example
 * ```ts
 * import { createModel } from "jsr:@fovea/fovea";
 *
 * const model = createModel("naive-cnn", { classes: 5, imageSize: 64 });
 * console.log(model.size, model.parameters.map(({ name }) => name));
 * ```
 */
export function createModel(name: string, options: ModelOptions): Model {
  const definition = modelNamed(name);
  const { classes, channels = 3, imageSize = definition.imageSize, dropout, stem = "auto" } = options;
  if (imageSize < definition.minImageSize) {
    throw new UserError(
      `${name} cannot take pictures of ${imageSize}×${imageSize}: give --image-size ${definition.minImageSize} or more`,
      2,
    );
  }
  const resolved = { classes, channels, imageSize, dropout, stem };
  return new Model(name, definition.build(resolved), resolved);
}
