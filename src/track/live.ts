/**
 * `live.json`: what a page that watches a run shows and no other file has. That is how many steps there are, and of the
 * last validation the confusion matrix; of the last epoch the pictures with the highest loss.
 *
 * @module
 */

import { join } from "node:path";
import { readText, writeAtomic } from "../files.ts";
import type { Report } from "../metrics/mod.ts";
import type { Confusion } from "../report/confusion.ts";
import { pngOf } from "../report/png.ts";
import type { WorstPicture } from "../report/sheet.ts";
import { WORST } from "./pictures.ts";
import type { RunFacts, Tracker, ValidationFacts } from "./tracker.ts";

/** A picture as the file has it: a PNG, in base64, in place of pixels. */
export type LivePicture = Omit<WorstPicture, "pixels"> & { readonly png: string };

/** A confusion matrix without its zeros, of which 1,000 classes have a million. */
export interface SparseConfusion {
  /** What the matrix is of; see `Report`. */
  readonly task: Report["task"];
  /** Names of the classes or labels. */
  readonly names: readonly string[];
  /** Label (0 but for a multi-label task), row, column and count of each cell that is not 0. */
  readonly cells: readonly (readonly [label: number, row: number, column: number, count: number])[];
}

/** The content of `live.json`. */
export interface Live {
  /** Times through the training split. */
  readonly epochs: number;
  /** Steps in each of them. */
  readonly stepsPerEpoch: number;
  /** Pictures in a step. */
  readonly batch: number;
  /** The last validation. */
  readonly validation?: { readonly epoch: number; readonly step: number; readonly confusion: SparseConfusion };
  /** The pictures with the highest loss at the end of an epoch, and the step of that. */
  readonly worst?: { readonly step: number; readonly pictures: readonly LivePicture[] };
}

/** Path of a run's `live.json`. */
export function livePath(run: string): string {
  return join(run, "live.json");
}

/** Reads `live.json`; undefined where there is none, as of runs of earlier versions, or where it is damaged. */
export async function readLive(run: string): Promise<Live | undefined> {
  const text = await readText(livePath(run));
  try {
    const live = text === undefined ? undefined : JSON.parse(text);
    return typeof live?.stepsPerEpoch === "number" ? live : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps `live.json`. Its pictures are looked for at the ends of epochs alone, since they are read again. */
export class LiveTracker implements Tracker {
  readonly name = "live.json";
  readonly #run: string;
  #live?: Live;

  /** @param run The run directory. */
  constructor(run: string) {
    this.#run = run;
  }

  /** Says how long the run is; of one that goes on, the last validation stays. */
  async begin({ epochs, stepsPerEpoch, batch, resumedAt }: RunFacts): Promise<void> {
    const { validation, worst }: Partial<Live> = resumedAt && await readLive(this.#run) || {};
    await this.#write({ epochs, stepsPerEpoch, batch, validation, worst });
  }

  /** Forgets later validations: the run that goes on makes them again. */
  async rewind(step: number): Promise<void> {
    const { validation, worst, ...rest } = this.#live!;
    const upTo = <T extends { readonly step: number }>(found: T | undefined) =>
      found && found.step <= step ? found : undefined;
    await this.#write({ ...rest, validation: upTo(validation), worst: upTo(worst) });
  }

  /** Puts a validation in the place of the one before. */
  async validation({ epoch, step, report, worst }: ValidationFacts): Promise<void> {
    const live = this.#live!;
    // Asked for at once: later the pictures may be closed.
    const asked = step % live.stepsPerEpoch === 0 ? worst(WORST) : undefined;
    const validation = { epoch, step, confusion: sparseOf(report) };
    const pictures = (await asked)?.map(({ pixels, ...picture }) => ({ ...picture, png: pngOf(pixels).toBase64() }));
    await this.#write({ ...live, validation, worst: pictures ? { step, pictures } : live.worst });
  }

  async #write(live: Live): Promise<void> {
    this.#live = live;
    await writeAtomic(livePath(this.#run), `${JSON.stringify(live)}\n`);
  }
}

/** The cells of a report's matrix, or of the matrix of each label, that are not 0. */
function sparseOf({ task, perClass, confusion }: Report): SparseConfusion {
  const matrices = task === "multilabel" ? confusion : [confusion];
  const cells = matrices.flatMap((matrix, label) =>
    matrix.flatMap((row, r) => row.flatMap((count, c) => count === 0 ? [] : [[label, r, c, count] as const]))
  );
  return { task, names: perClass.map(({ name }) => name), cells };
}

/** What a confusion chart takes, from the cells that are not 0. */
export function denseOf({ task, names, cells }: SparseConfusion): Confusion {
  const zeros = (side: number) => Array.from({ length: side }, () => new Array<number>(side).fill(0));
  const matrices = task === "multilabel" ? names.map(() => zeros(2)) : [zeros(names.length)];
  for (const [label, row, column, count] of cells) matrices[label][row][column] = count;
  return task === "multilabel" ? { task, confusion: matrices } : { task, confusion: matrices[0] };
}
