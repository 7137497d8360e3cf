/**
 * Records a run for TensorBoard, in event files in the folder `tensorboard` of the run directory.
 *
 * Scalars are `simple_value`s; the confusion matrix and a sheet of the pictures with the highest loss, with each epoch,
 * are `image`s. Precision–recall curves and settings go to the plugins `pr_curves` and `hparams`. Each process writes a
 * file of its own; one that goes on with a run begins with the mark that what was recorded of later steps counts no
 * more.
 *
 * @module
 */

import { join } from "node:path";
import { draw } from "../../report/draw.ts";
import { sheetChart } from "../../report/sheet.ts";
import { confusionPicture, type Png, withSize, WORST } from "../pictures.ts";
import { type Codec, codecOf, type Fields } from "../protobuf.ts";
import { type HyperParameter, hyperParameters, logScalars, reportScalars, type Scalars } from "../scalars.ts";
import type { EndFacts, LogFacts, RunFacts, TestFacts, Tracker, ValidationFacts } from "../tracker.ts";
import { eventFileName, framed, secondOf } from "./event_file.ts";
import { DT_FLOAT, messages, RGB, SESSION_START } from "./messages.ts";
import { prCurves, THRESHOLDS } from "./pr_curve.ts";

/** Numbers of `hparams.Status` and of the types of its settings. */
const [SUCCESS, FAILURE] = [1, 2];
const types = { string: 1, boolean: 2, number: 3 } as const;

/** Metrics that the plugin `hparams` compares runs by. */
const COMPARED = ["val/accuracy", "val/loss", "test/accuracy", "test/f1", "test/auroc"];

/** Writes the event files of a run. */
export class TensorBoardTracker implements Tracker {
  readonly name = "tensorboard";
  readonly #folder: string;
  #codec!: Codec<typeof messages>;
  #file?: Deno.FsFile;
  #stepsPerEpoch = 1;
  #step = 0;

  /** @param run The run directory. */
  constructor(run: string) {
    this.#folder = join(run, "tensorboard");
  }

  /** Begins a file, and tells the settings. */
  async begin(run: RunFacts): Promise<void> {
    this.#stepsPerEpoch = run.stepsPerEpoch;
    this.#codec = await codecOf("tensorboard", messages);
    await Deno.mkdir(this.#folder, { recursive: true });
    const names = (await Array.fromAsync(Deno.readDir(this.#folder))).map(({ name }) => name);
    const last = Math.max(0, ...names.map((name) => secondOf(name) ?? 0));
    const second = Math.max(last + 1, Math.floor(Date.now() / 1000));
    this.#file = await Deno.open(join(this.#folder, eventFileName(second)), { write: true, createNew: true });
    await this.#event({ file_version: "brain.Event:2" });
    if (run.resumedAt) this.#step = run.resumedAt.epoch * run.stepsPerEpoch + run.resumedAt.step;
    else await this.#hparams(run);
  }

  /** Marks what was recorded of later steps as void. */
  async rewind(step: number): Promise<void> {
    await this.#event({ step: step + 1, session_log: { status: SESSION_START } });
  }

  /** Records a window of steps. */
  async log(facts: LogFacts): Promise<void> {
    this.#step = facts.step;
    await this.#summary(scalarValues(logScalars(facts)));
  }

  /** Records a validation. */
  async validation(facts: ValidationFacts): Promise<void> {
    this.#step = facts.step;
    // They are asked for now, and waited for when the numbers are written.
    const worst = facts.step % this.#stepsPerEpoch === 0 ? facts.worst(WORST) : undefined;
    worst?.catch(() => {});
    await this.#summary([...scalarValues(reportScalars("val", facts)), ...this.#curveValues("val", facts)]);
    if (!worst) return;
    const sheet = draw(sheetChart("Pictures with the highest loss", await worst));
    await this.#summary([
      imageValue("val/confusion", await confusionPicture(facts.report)),
      imageValue("val/mistakes", withSize((await sheet).png)),
    ]);
  }

  /** Records the test. */
  async test(facts: TestFacts): Promise<void> {
    await this.#summary([...scalarValues(reportScalars("test", facts)), ...this.#curveValues("test", facts)]);
    await this.#summary([imageValue("test/confusion", await confusionPicture(facts.report))]);
  }

  /** Records how the run ended; one that was interrupted may go on. */
  async end({ how }: EndFacts): Promise<void> {
    try {
      if (how === "interrupted") return;
      const info = { status: how === "done" ? SUCCESS : FAILURE, end_time_secs: Date.now() / 1000 };
      await this.#summary([this.#hparamsValue("session_end_info", info)], 0);
    } finally {
      this.#file?.close();
      this.#file = undefined;
    }
  }

  async #hparams(run: RunFacts): Promise<void> {
    const settings = Object.entries(hyperParameters(run));
    const now = Date.now() / 1000;
    await this.#summary([
      this.#hparamsValue("experiment", {
        time_created_secs: now,
        hparam_infos: settings.map(([name, value]) => ({ name, type: types[typeof value as keyof typeof types] })),
        metric_infos: COMPARED.map((tag) => ({ name: { tag } })),
      }),
      this.#hparamsValue("session_start_info", {
        hparams: settings.map(([key, value]) => ({ key, value: protoValue(value) })),
        start_time_secs: now,
      }),
    ]);
  }

  #hparamsValue(what: "experiment" | "session_start_info" | "session_end_info", fields: Fields): Fields {
    const content = this.#codec.encode("HParamsPluginData", { version: 0, [what]: fields });
    return {
      tag: `_hparams_/${what}`,
      metadata: { plugin_data: { plugin_name: "hparams", content } },
      // A tensor without content: all that is told stands in the metadata.
      tensor: { dtype: DT_FLOAT, tensor_shape: {}, tensor_content: new Uint8Array(4) },
    };
  }

  #curveValues(group: string, { report, predictions }: TestFacts): Fields[] {
    const content = this.#codec.encode("PrCurvePluginData", { version: 0, num_thresholds: THRESHOLDS });
    return prCurves(report, predictions).map(({ name, rows }) => ({
      tag: `${group}/${name}/pr_curves`,
      metadata: { display_name: `${group}/${name}`, plugin_data: { plugin_name: "pr_curves", content } },
      tensor: {
        dtype: DT_FLOAT,
        tensor_shape: { dim: [{ size: 6 }, { size: THRESHOLDS }] },
        tensor_content: littleEndian(rows),
      },
    }));
  }

  #summary(value: readonly Fields[], step = this.#step): Promise<void> {
    return this.#event({ step, summary: { value } });
  }

  async #event(fields: Fields): Promise<void> {
    const bytes = framed(this.#codec.encode("Event", { wall_time: Date.now() / 1000, ...fields }));
    for (let written = 0; written < bytes.length;) written += await this.#file!.write(bytes.subarray(written));
  }
}

const scalarValues = (scalars: Scalars): Fields[] =>
  Object.entries(scalars).map(([tag, simple_value]) => ({ tag, simple_value }));

const imageValue = (tag: string, { png, width, height }: Png): Fields => ({
  tag,
  image: { height, width, colorspace: RGB, encoded_image_string: png },
});

function protoValue(value: HyperParameter): Fields {
  if (typeof value === "number") return { number_value: value };
  return typeof value === "boolean" ? { bool_value: value } : { string_value: value };
}

/** Bytes of float32, as a tensor holds them. */
function littleEndian(values: Float32Array): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return new Uint8Array(view.buffer);
}
