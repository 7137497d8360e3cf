/**
 * The methods by name. To add one, write its file, list it here, and its name in `method_names.ts`: the command's
 * flags, its help and what is refused follow.
 *
 * @module
 */

import { nearest, orList, UserError } from "../../errors.ts";
import { type Anatomy, lastStage } from "../anatomy.ts";
import type { Method } from "../method.ts";
import { type MethodName, methodNames } from "../method_names.ts";
import { attention } from "./attention.ts";
import { deconvolution } from "./deconvolution.ts";
import { gradCam } from "./grad_cam.ts";
import { gradCamPlusPlus } from "./grad_cam_plus_plus.ts";
import { gradient } from "./gradient.ts";
import { guided } from "./guided.ts";
import { integratedGradients } from "./integrated_gradients.ts";
import { layerCam } from "./layer_cam.ts";
import { occlusion } from "./occlusion.ts";
import { lacksTokens, rollout } from "./rollout.ts";
import { smoothgrad } from "./smoothgrad.ts";

/** All methods by name, in the order of the help. */
export const methods: Readonly<Record<MethodName, Method>> = {
  "grad-cam": gradCam,
  "grad-cam++": gradCamPlusPlus,
  "layer-cam": layerCam,
  "rollout": rollout,
  "attention": attention,
  "gradient": gradient,
  "smoothgrad": smoothgrad,
  "integrated-gradients": integratedGradients,
  "occlusion": occlusion,
  "deconvolution": deconvolution,
  "guided": guided,
};

/**
 * The method of a name, for a model.
 *
 * @param name Its name; where there is none, the one that suits the model: rollout where a class token attends to
 * patches, Grad-CAM where there are maps, else integrated gradients.
 * @throws UserError where there is no such method, or the model cannot have it.
 */
export function methodFor(name: string | undefined, anatomy: Anatomy): Method {
  if (name === undefined) {
    if (!lacksTokens(anatomy)) return rollout;
    return lastStage(anatomy) ? gradCam : integratedGradients;
  }
  const found = Object.hasOwn(methods, name) ? methods[name as MethodName] : undefined;
  if (!found) {
    const near = nearest(name, methodNames);
    throw new UserError(
      `There is no method ${name}; ${near ? `did you mean ${near}?` : `give ${orList(methodNames)}`}`,
      2,
    );
  }
  const reason = found.lacks(anatomy);
  if (reason === undefined) return found;
  const others = methodNames.filter((other) => methods[other].lacks(anatomy) === undefined);
  throw new UserError(`Cannot explain ${anatomy.model} by ${name}, since ${reason}: give ${orList(others)}`, 2);
}
