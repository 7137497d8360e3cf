/**
 * Tells programs what happens in a run: an object a line.
 *
 * | type         | fields                                                                          |
 * | ------------ | ------------------------------------------------------------------------------- |
 * | `begin`      | `path`, `epochs`, `stepsPerEpoch`, `batch`, `memory`, `learnt`, perhaps `resumedAt` |
 * | `train`      | as in `metrics.jsonl`                                                           |
 * | `val`        | as in `metrics.jsonl`, and `isBest`                                             |
 * | `checkpoint` | `epoch`, `step`, `path`, `isBest`                                               |
 * | `note`       | `about`: `warning` and `info` with `message`, `batch`, `tuned`, `trained` with theirs |
 * | `test`       | as in `test/metrics.json`, and `metrics` of the user's own                      |
 * | `end`        | `how`, and of a run that failed `error`                                         |
 *
 * @module
 */

import { recordLine } from "../files.ts";
import { logRecord, validationRecord } from "../track/jsonl.ts";
import type {
  CheckpointFacts,
  EndFacts,
  LogFacts,
  Note,
  RunFacts,
  TestFacts,
  Tracker,
  ValidationFacts,
} from "../track/tracker.ts";

/** Writes the lines. */
export class JsonTracker implements Tracker {
  readonly name = "json";
  readonly #write: (line: string) => void;
  readonly #whole: (facts: TestFacts) => object;

  /**
   * @param write Writes a line, with its newline.
   * @param whole All that a test says; default what the facts have of it.
   */
  constructor(write: (line: string) => void, whole: (facts: TestFacts) => object = ({ report }) => report) {
    this.#write = write;
    this.#whole = whole;
  }

  /** A run begins, or goes on. */
  begin({ path, epochs, stepsPerEpoch, batch, memory, learnt, resumedAt }: RunFacts): void {
    this.#tell({ type: "begin", path, epochs, stepsPerEpoch, batch, memory, learnt, resumedAt });
  }

  /** A window of steps. */
  log(facts: LogFacts): void {
    this.#tell(logRecord(facts));
  }

  /** A validation. */
  validation(facts: ValidationFacts): void {
    this.#tell({ ...validationRecord(facts), isBest: facts.isBest });
  }

  /** A checkpoint is there. */
  checkpoint(facts: CheckpointFacts): void {
    this.#tell({ type: "checkpoint", ...facts });
  }

  /** Something to be read. */
  note({ type: about, ...note }: Note): void {
    this.#tell({ type: "note", about, ...note });
  }

  /** The test. */
  test(facts: TestFacts): void {
    this.#tell({ type: "test", ...this.#whole(facts), metrics: facts.metrics });
  }

  /** The run is over. */
  end({ how, error }: EndFacts): void {
    this.#tell({
      type: "end",
      how,
      error: error === undefined ? undefined : String((error as Error).message ?? error),
    });
  }

  #tell(record: Readonly<Record<string, unknown>>): void {
    this.#write(recordLine(record));
  }
}
