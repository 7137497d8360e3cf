/**
 * Records a run for Weights & Biases: in a folder of the run directory that `wandb sync` uploads, and, where the
 * environment has a key and the network may be used, on the server as it goes. The folder has everything in either
 * case: what a server does not take is not lost.
 *
 * A row of the history is what happened at one step: a window of training, a validation, or both. With each epoch it
 * has the confusion matrix and the pictures with the highest loss.
 *
 * @module
 */

import { basename, resolve } from "node:path";
import manifest from "../../../deno.json" with { type: "json" };
import type { ConsoleLine, ConsoleOutput } from "../console.ts";
import { confusionPicture, WORST } from "../pictures.ts";
import { codecOf, type Fields } from "../protobuf.ts";
import { logScalars, reportScalars } from "../scalars.ts";
import type { EndFacts, LogFacts, Note, RunFacts, TestFacts, Tracker, ValidationFacts } from "../tracker.ts";
import { type WandbSettings, wandbSettings } from "./environment.ts";
import { RunFolder } from "./folder.ts";
import { MEDIA, messages, STDERR, STDOUT, timestamp } from "./messages.ts";
import {
  configOf,
  eventLine,
  imageOf,
  imagesOf,
  itemsOf,
  jsonOf,
  type MediaFile,
  outputLine,
  pastOf,
  type Row,
  stepOf,
  yamlOf,
} from "./rows.ts";
import { type Backlog, Sender, type Timing } from "./sender.ts";
import { SystemFigures } from "./system.ts";

/** Milliseconds between two measurements of the system. */
const MEASURE_EVERY = 15_000;

/** Files that every run has, and that are complete at its end. */
const RUN_FILES = ["config.yaml", "wandb-metadata.json", "wandb-summary.json", "output.log"] as const;

/** Exit codes of a run: the official client gives the last one where Ctrl-C ended it, which W&B shows as killed. */
const exitCodes = { done: 0, failed: 1, interrupted: 255 } as const;

/** What a tracker for W&B is made with. */
export interface WandbParts {
  /** The run directory. */
  readonly run: string;
  /** Tells something that people should read. */
  readonly tell: (note: Note) => void;
  /** What is shown on the terminal. */
  readonly console?: ConsoleOutput;
  /** Default: what the environment says. */
  readonly settings?: WandbSettings;
  /** Default: that of the official client. */
  readonly timing?: Timing;
}

/** Writes the folder, and tells the server. */
export class WandbTracker implements Tracker {
  readonly name = "wandb";
  readonly #parts: WandbParts;
  readonly #figures = new SystemFigures();
  #folder!: RunFolder;
  #sender?: Sender;
  /** Records are written one after the other, also those that come from the console and the clock. */
  #writing: Promise<void> = Promise.resolve();
  #started = Date.now();
  /** Seconds that the run took before this process. */
  #before = 0;
  #facts!: Pick<RunFacts, "stepsPerEpoch"> & { readonly valEvery: number };
  #step = 0;
  /** A row that a validation at the same step will add to. */
  #held?: { readonly step: number; readonly row: Row };
  #summary: Record<string, unknown> = {};
  #clock?: ReturnType<typeof setInterval>;
  readonly #onLine = (line: ConsoleLine) => this.#output(line);

  /** @param parts Folder, console, and where notes go. */
  constructor(parts: WandbParts) {
    this.#parts = parts;
  }

  /** Makes the folder, or goes on in it, and says where it is. */
  async begin(run: RunFacts): Promise<void> {
    const { tell, settings = wandbSettings() } = this.#parts;
    const valEvery = (run.config.settings as Row | undefined)?.valEvery;
    this.#facts = { stepsPerEpoch: run.stepsPerEpoch, valEvery: typeof valEvery === "number" ? valEvery : Infinity };
    this.#started = Date.now();
    const codec = await codecOf("wandb_internal", messages);
    const from = run.resumedAt && run.resumedAt.epoch * run.stepsPerEpoch + run.resumedAt.step;
    const past = from === undefined
      ? undefined
      : await RunFolder.takeUp(this.#parts.run, codec, (record) => counts(record, from));
    const config = configOf(run);
    const name = settings.name ?? basename(resolve(this.#parts.run));
    this.#folder = past?.folder ?? await RunFolder.create(this.#parts.run, codec);
    let backlog: Backlog = { history: [], events: [], output: [], files: new Map() };
    if (past) {
      const { summary, runtime, media, ...rest } = pastOf(past.records);
      this.#summary = { ...summary };
      this.#before = runtime;
      const uploaded = await past.folder.uploaded();
      const missing = media.filter((name) => !uploaded.has(name)).map((name) =>
        [name, past.folder.file(name)] as const
      );
      backlog = { ...rest.backlog, files: new Map(missing) };
      this.#step = from!;
    } else await this.#introduce(run, config, settings, name);
    if (settings.live) {
      const { project, entity, notes, tags, group, jobType, live } = settings;
      const machine = { e: { [crypto.randomUUID()]: this.#metadata(run) } };
      const told = {
        ...{ id: this.#folder.id, displayName: name, config: { ...config, _wandb: machine } },
        isResumed: from !== undefined,
      };
      this.#sender = new Sender({
        server: live,
        run: { ...told, project, entity, notes, tags, group, jobType },
        backlog,
        timing: this.#parts.timing,
        onFault: (reason) => tell({ type: "warning", message: `W&B: ${live.base} ${reason}; ${this.#kept}` }),
        onUploaded: (names) => this.#addLater(() => this.#folder.keepUploaded(names)),
      });
      this.#sender.start();
      tell({ type: "info", message: `W&B: ${live.base} is told as ${project}/${this.#folder.id}; ${this.#kept}` });
    } else {
      tell({ type: "info", message: `W&B: not told as it goes, since ${settings.whyOffline}; ${this.#kept}` });
    }
    this.#parts.console?.follow(this.#onLine);
    this.#measure();
    this.#clock = setInterval(() => this.#measure(), MEASURE_EVERY);
    // It does not keep a process that ends otherwise.
    Deno.unrefTimer(this.#clock as unknown as number);
    await this.#writing;
  }

  /** Where everything is, whatever becomes of the server. */
  get #kept(): string {
    return `"wandb sync ${this.#folder.path}" uploads what is kept there`;
  }

  /** The records that every folder begins with. */
  async #introduce(run: RunFacts, config: Row, settings: WandbSettings, name: string): Promise<void> {
    const { entity, project, group, jobType, notes, tags } = settings;
    const start = timestamp(this.#started);
    await this.#folder.append({
      header: { version_info: { producer: `fovea ${manifest.version}`, min_consumer: "0.18.0" } },
    });
    await this.#folder.append({
      run: {
        ...{ run_id: this.#folder.id, entity, project, run_group: group, job_type: jobType, display_name: name, notes },
        ...{ tags, start_time: start, config: { update: itemsOf({ _wandb: {}, ...config }) } },
      },
    });
    const { os, program, cpu_count, cpu_count_logical, gpu } = this.#metadata(run);
    const environment = { os, program, cpu_count, cpu_count_logical, gpu_type: gpu };
    await this.#folder.append({ environment: { ...environment, started_at: start, writer_id: crypto.randomUUID() } });
    await this.#folder.write("config.yaml", yamlOf(config));
    await this.#folder.write("wandb-metadata.json", jsonOf(this.#metadata(run)));
  }

  /** What is known of the machine. */
  #metadata({ config }: RunFacts) {
    const cores = navigator.hardwareConcurrency;
    return {
      ...{ os: Deno.build.os, program: "fovea", cpu_count: cores, cpu_count_logical: cores },
      gpu: (config.device as { description?: string } | undefined)?.description,
      startedAt: new Date(this.#started).toISOString(),
    };
  }

  /** Records a window of steps; a row that a validation will add to is written with that. */
  async log(facts: LogFacts): Promise<void> {
    const { step } = facts;
    await this.#release(step);
    const row = logScalars(facts);
    const isValidated = step % this.#facts.stepsPerEpoch === 0 || step % this.#facts.valEvery === 0;
    if (isValidated) this.#held = { step, row };
    else await this.#row(step, row);
  }

  /** Records a validation. */
  async validation(facts: ValidationFacts): Promise<void> {
    const { step, epoch, isBest, report } = facts;
    // They are asked for now, and waited for when the rest is there.
    const worst = step % this.#facts.stepsPerEpoch === 0 ? facts.worst(WORST) : undefined;
    worst?.catch(() => {});
    await this.#release(step);
    let row: Row = { ...this.#held?.row, epoch, ...reportScalars("val", facts) };
    this.#held = undefined;
    if (isBest) Object.assign(this.#summary, { "best/epoch": epoch, "best/accuracy": report.accuracy });
    try {
      if (!worst) return;
      const confusion = await imageOf("val/confusion", step, await confusionPicture(report));
      const mistakes = await imagesOf("val/mistakes", step, await worst);
      for (const file of [...confusion.files, ...mistakes.files]) await this.#media(file);
      row = { ...row, "val/confusion": confusion.value, "val/mistakes": mistakes.value };
    } finally {
      // The numbers are kept where the pictures fail.
      await this.#row(step, row);
      await this.#summarize({});
    }
  }

  /** Records the test in the summary. */
  async test(facts: TestFacts): Promise<void> {
    await this.#summarize(reportScalars("test", facts));
    const picture = await imageOf("test/confusion", this.#step, await confusionPicture(facts.report));
    for (const file of picture.files) await this.#media(file);
    await this.#summarize({ "test/confusion": picture.value });
  }

  /** Writes the end, and waits a while for the server. */
  async end({ how }: EndFacts): Promise<void> {
    this.#parts.console?.leave(this.#onLine);
    clearInterval(this.#clock);
    const exit = exitCodes[how];
    let isWhole = false;
    try {
      await this.#release(Infinity);
      await this.#summarize({});
      await this.#folder.write("wandb-summary.json", jsonOf(this.#summary));
      await this.#add({ exit: { exit_code: exit, runtime: Math.round(this.#runtime()) } });
      isWhole = true;
    } finally {
      // The server is told, also where the disk is full.
      for (const name of this.#sender ? RUN_FILES : []) {
        if (await exists(this.#folder.file(name))) this.#sender?.file(name, this.#folder.file(name));
      }
      if (await this.#sender?.finish(exit) && isWhole) await this.#folder.mark();
      await this.#writing.catch(() => {});
      this.#folder?.close();
    }
  }

  /** Writes the row that was held, where a later one comes. */
  async #release(step: number): Promise<void> {
    const held = this.#held;
    if (!held || held.step === step) return;
    this.#held = undefined;
    await this.#row(held.step, held.row);
  }

  async #row(step: number, scalars: Row): Promise<void> {
    this.#step = step;
    const row = { ...scalars, _timestamp: Date.now() / 1000, _runtime: this.#runtime(), _step: step };
    Object.assign(this.#summary, row);
    this.#sender?.line("history", jsonOf(row));
    await this.#add({ history: { item: itemsOf(row), step: { num: step } } });
  }

  async #summarize(more: Row): Promise<void> {
    Object.assign(this.#summary, more, { _wandb: { runtime: Math.round(this.#runtime()) } });
    this.#sender?.summary(jsonOf(this.#summary));
    await this.#add({ summary: { update: itemsOf(this.#summary) } });
  }

  async #media({ name, bytes }: MediaFile): Promise<void> {
    await this.#folder.write(name, bytes);
    await this.#add({ files: { files: [{ path: name, type: MEDIA }] } });
    this.#sender?.file(name, this.#folder.file(name));
  }

  #measure(): void {
    const time = Date.now();
    const figures = this.#figures.measure();
    const item = Object.entries(figures).map(([key, value]) => ({ key, value_json: jsonOf(value) }));
    this.#addLater({ stats: { timestamp: timestamp(time), item } });
    this.#sender?.line("events", eventLine(figures, time, this.#runtime()));
  }

  #output({ text, time, isFault }: ConsoleLine): void {
    const output_type = isFault ? STDERR : STDOUT;
    this.#addLater({ output_raw: { output_type, timestamp: timestamp(time), line: `${text}\n` } });
    this.#addLater(() => Deno.writeTextFile(this.#folder.file("output.log"), `${text}\n`, { append: true }));
    this.#sender?.line("output", outputLine(text, time, isFault));
  }

  /** Adds a record behind those that are being written. */
  #add(record: Fields): Promise<void> {
    this.#addLater(record);
    return this.#writing;
  }

  /** A fault of what is written so is told by the next method that writes, and by each after it. */
  #addLater(what: Fields | (() => Promise<void>)): void {
    this.#writing = this.#writing.then(() => typeof what === "function" ? what() : this.#folder.append(what));
    this.#writing.catch(() => {});
  }

  /** Seconds, of all processes of the run together. */
  #runtime(): number {
    return this.#before + (Date.now() - this.#started) / 1000;
  }
}

/** Does a record still count where a run goes on after a step? */
function counts(record: Fields, step: number): boolean {
  return !record.exit && !record.footer && !record.final && (stepOf(record) ?? 0) <= step;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
