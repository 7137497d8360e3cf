/**
 * What `config.json` keeps of a teacher, so that a resumed run goes on with the same one.
 *
 * @module
 */

import { sha256 } from "../hash.ts";
import type { Model } from "../models/model.ts";
import type { Normalization, Teacher } from "./distillation.ts";

/** A teacher, as it stands in `config.json`. */
export interface TeacherRecord extends Pick<Teacher, "mode" | "temperature" | "alpha"> {
  /** Name of its model. */
  readonly model: string;
  /** SHA-256, in hexadecimal, over its weights and what its pictures are normalised by. */
  readonly hash: string;
}

/** The record of a teacher. */
export function teacherRecord({ model, preprocessing, mode, temperature, alpha }: Teacher): TeacherRecord {
  const { mean, std } = preprocessing;
  return { model: model.name, mode, temperature, alpha, hash: hashOf(model, { mean, std }) };
}

/** SHA-256 over names and values of the parameters in their order, and the normalisation. */
function hashOf(model: Model, normalization: Normalization): string {
  const lines = [JSON.stringify(normalization)];
  for (const { name } of model.parameters) {
    const { buffer, byteOffset, byteLength } = model.weights.get(name)!;
    lines.push(`${sha256(new Uint8Array(buffer, byteOffset, byteLength))} ${name}`);
  }
  return sha256(lines.join("\n"));
}
