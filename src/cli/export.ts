/**
 * `export`: writes a run's weights for other programs.
 *
 * @module
 */

import { join } from "node:path";
import { counted, printable } from "../data/names.ts";
import { writeAtomic } from "../files.ts";
import { renameTensors } from "../interop/keys/rename.ts";
import { encodeSafetensors } from "../interop/safetensors_file.ts";
import { modelNamed } from "../models/mod.ts";
import { modelOf } from "../run/checkpoint.ts";
import { checkpointPath, loadCheckpoint, readConfig } from "../run/run_directory.ts";
import type { Invocation } from "./command.ts";
import { checkpointName } from "./eval.ts";
import type * as tables from "./flags.ts";

/** Runs `export`; gives the exit code. */
export async function run({ options, words: [path] }: Invocation<typeof tables.exportRun.flags>): Promise<number> {
  const { keys, checkpoint: which } = options;
  await readConfig(path);
  const name = checkpointName(which);
  const checkpoint = await loadCheckpoint(path, name);
  const model = modelOf(checkpoint, checkpointPath(path, name));
  const tensors = new Map(
    model.parameters.map(({ name, shape }) => [name, { shape, values: model.weights.get(name)! }]),
  );
  const renamed = renameTensors(modelNamed(model.name), keys, tensors);
  const out = options.out ?? join(path, `${model.name}-${keys}.safetensors`);
  // PyTorch's readers ask for the format; the rest says what the logits mean and how pictures are prepared.
  const { task, classes, preprocessing } = checkpoint.info;
  const facts = { task, classes: JSON.stringify(classes), preprocessing: JSON.stringify(preprocessing) };
  await writeAtomic(out, encodeSafetensors(renamed, { format: "pt", model: model.name, ...facts }));
  console.log(`${counted(renamed.size, "tensor")} of ${model.name} written to ${printable(out)}`);
  return 0;
}
