/**
 * `show`: what a model is compiled to, without a device: its graph, the steps of a run, memory over time, and code.
 *
 * @module
 */

import { printable } from "../data/names.ts";
import { printCode, printTarget, printTargets } from "../device/webgpu/print_code.ts";
import { UserError } from "../errors.ts";
import { writeAtomic } from "../files.ts";
import { compile } from "../graph/compile.ts";
import { memorySvg } from "../graph/memory_svg.ts";
import { chosenSteps, printGraph, printMemory, printSteps, type StepFilter } from "../graph/print.ts";
import { createModel, modelNamed } from "../models/mod.ts";
import { evaluationGraph } from "../run/evaluation_graph.ts";
import { adamW } from "../train/optimizers/mod.ts";
import { trainingGraph } from "../train/step.ts";
import type { Invocation, Options } from "./command.ts";
import type * as tables from "./flags.ts";

type ShowFlags = Options<typeof tables.show.flags>;

/** Runs `show`; gives the exit code. */
export async function run({ options, words: [name] }: Invocation<typeof tables.show.flags>): Promise<number> {
  const { text, svg } = shown(name, options);
  if (options.svg !== undefined) {
    await writeAtomic(options.svg, svg());
    console.error(`memory over time is drawn in ${printable(options.svg)}`);
  }
  console.log(text.trimEnd());
  return 0;
}

/** What is printed of a model, and the picture of its memory. */
export function shown(name: string, options: ShowFlags): { readonly text: string; readonly svg: () => string } {
  const { imageSize, classes, batch, step, op, evaluation, precision } = options;
  const model = createModel(name, { classes, imageSize: imageSize ?? modelNamed(name).imageSize });
  const graph = evaluation ? evaluationGraph(model, batch) : trainingGraph(model, {
    ...{ task: "multiclass", batch, optimizer: adamW(), weightDecay: 0.01, labelSmoothing: 0, skipNonFinite: false },
    precision,
  });
  const target = printTargets[options.target];
  const program = compile(graph, printTarget(target));
  const filter: StepFilter = { step, op };
  const as = options.as ?? (step === undefined && op === undefined ? "steps" : "code");
  const chosen = () => {
    const found = chosenSteps(program, filter).map(([at]) => at);
    if (found.length > 0) return found;
    const asked = [...step === undefined ? [] : [`number ${step}`], ...op === undefined ? [] : [`op ${op}`]];
    const ops = new Set(program.steps.map(({ kernels }) => kernels[0]?.kernel.op ?? "map"));
    throw new UserError(
      `No step of ${name} has ${asked.join(" and ")}: there are 0 to ${program.steps.length - 1}, of ${
        [...ops].sort().join(", ")
      }`,
    );
  };
  const texts: Readonly<Record<typeof as, () => string>> = {
    graph: () => printGraph(graph, op).join("\n"),
    steps: () => chosen() && printSteps(program, filter).join("\n"),
    memory: () => printMemory(program).join("\n"),
    code: () => chosen().map((at) => printCode(program, at, target)).join("\n"),
  };
  return { text: `${texts[as]().trimEnd()}\n`, svg: () => memorySvg(program) };
}
