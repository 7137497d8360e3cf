/**
 * What W&B is told of a run, as JSON: rows of the history, pictures, and what is found of them in a folder's records.
 *
 * @module
 */

import { printable } from "../../printable.ts";
import { pngOf } from "../../report/png.ts";
import type { Png } from "../pictures.ts";
import type { Fields } from "../protobuf.ts";
import type { WorstPicture } from "../../report/sheet.ts";
import type { RunFacts } from "../tracker.ts";
import type { Backlog } from "./sender.ts";

/** A row of the history, or the summary: values by name. */
export type Row = Readonly<Record<string, unknown>>;

/** JSON, in which a number that is not finite is the text that W&B takes for it. */
export function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, item) => typeof item === "number" && !Number.isFinite(item) ? String(item) : item);
}

/** The values of a row as a record holds them. */
export function itemsOf(row: Row): Fields[] {
  return Object.entries(row).map(([name, value]) => ({ nested_key: [name], value_json: jsonOf(value) }));
}

/** The row that a record holds. */
function rowOf(items: unknown): Row {
  const entries = (items as Fields[] | undefined ?? []).map(({ key, nested_key, value_json }) => [
    (nested_key as string[] | undefined)?.[0] ?? key,
    JSON.parse(value_json as string),
  ]);
  return Object.fromEntries(entries);
}

/** A file of a run. */
export interface MediaFile {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A picture as a value of a row, and its file. */
export async function imageOf(key: string, step: number, { png, width, height }: Png) {
  const file = await mediaOf(key, step, png);
  const { name: path, sha256 } = file;
  return {
    value: { _type: "image-file", path, format: "png", width, height, sha256, size: png.length },
    files: [{ name: path, bytes: png }] as readonly MediaFile[],
  };
}

/** Pictures with captions as one value of a row, and their files. */
export async function imagesOf(key: string, step: number, worst: readonly WorstPicture[]) {
  const files: MediaFile[] = await Promise.all(
    worst.map(async ({ pixels }) => {
      const bytes = pngOf(pixels);
      return { name: (await mediaOf(key, step, bytes)).name, bytes };
    }),
  );
  const [{ pixels: { width, height } }] = worst;
  return {
    value: {
      ...{ _type: "images/separated", width, height, format: "png", count: files.length },
      filenames: files.map(({ name }) => name),
      captions: worst.map(captionOf),
    },
    files: files as readonly MediaFile[],
  };
}

function captionOf({ file, label, predicted, probability }: WorstPicture): string {
  return printable(`${file}: ${label}, taken for ${predicted} (${(100 * probability).toFixed(1)}%)`);
}

async function mediaOf(key: string, step: number, bytes: Uint8Array<ArrayBuffer>) {
  const sha256 = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  return { name: `media/images/${key}_${step}_${sha256.slice(0, 20)}.png`, sha256 };
}

/** Is it an object with nothing in it? Such a one is nothing to W&B. */
const isEmpty = (value: unknown): boolean => Object.keys(Object(value)).length === 0 && typeof value === "object";

/** The configuration: every setting that applies at its own name, what else is known of the run under `fovea`. */
export function configOf({ config: { settings, ...rest } }: Pick<RunFacts, "config">): Row {
  const applying = Object.entries(settings ?? {}).filter(([, value]) =>
    value !== null && (!isEmpty(value) || Array.isArray(value))
  );
  return { ...Object.fromEntries(applying), fovea: rest };
}

/** The configuration as YAML, of which JSON is a part. */
export function yamlOf(config: Row): string {
  return Object.entries(config).map(([name, value]) => `${jsonOf(name)}:\n    value: ${jsonOf(value)}\n`).join("");
}

/** A line of the console as W&B shows it. */
export function outputLine(text: string, time: number, isFault: boolean): string {
  return `${isFault ? "ERROR " : ""}${new Date(time).toISOString().slice(0, -1)}000 ${text}`;
}

/** A line of system figures. */
export function eventLine(figures: Readonly<Record<string, number>>, time: number, runtime: number): string {
  const named = Object.entries(figures).map(([name, value]) => [`system.${name}`, value]);
  return jsonOf({ _wandb: true, _timestamp: time / 1000, _runtime: runtime, ...Object.fromEntries(named) });
}

/** Step of a history record; undefined of another one. */
export function stepOf({ history }: Fields): number | undefined {
  if (!history) return undefined;
  return ((history as Fields).step as Fields | undefined)?.num as number | undefined ?? 0;
}

/** What a run has told before it goes on. */
export interface Past {
  readonly backlog: Omit<Backlog, "files">;
  readonly summary: Row;
  /** In seconds. */
  readonly runtime: number;
  /** Names of its pictures. */
  readonly media: readonly string[];
}

/** What the records of a folder hold of a run that goes on. */
export function pastOf(records: readonly Fields[]): Past {
  const rows = records.flatMap((record) => record.history ? [rowOf((record.history as Fields).item)] : []);
  const summaries = records.flatMap(({ summary }) => summary ? [rowOf((summary as Fields).update)] : []);
  const [run] = records.flatMap(({ run }) => run ? [run as Fields] : []);
  const start = timeOf((run?.start_time ?? {}) as Fields);
  const events = records.flatMap(({ stats }) => {
    if (!stats) return [];
    const { timestamp, item } = stats as Fields;
    const figures = (item as Fields[]).map(({ key, value_json }) => [key, JSON.parse(value_json as string)]);
    const time = timeOf(timestamp as Fields);
    return [{ line: eventLine(Object.fromEntries(figures), time, (time - start) / 1000), time }];
  });
  const output = records.flatMap(({ output_raw }) => {
    if (!output_raw) return [];
    const { line, timestamp, output_type } = output_raw as Fields;
    return [outputLine((line as string).replace(/\n$/, ""), timeOf(timestamp as Fields), !output_type)];
  });
  return {
    backlog: {
      history: rows.map((row) => ({ step: row._step as number, text: jsonOf(row) })),
      events: events.map(({ line }) => line),
      output,
    },
    summary: Object.assign({}, ...summaries),
    runtime: rows.reduce((most, { _runtime }) => Math.max(most, _runtime as number), 0),
    media: records.flatMap(({ files }) => files ? (files as { files: Fields[] }).files : []).map(({ path }) =>
      path as string
    ),
  };
}

function timeOf({ seconds = 0, nanos = 0 }: Fields): number {
  return 1000 * (seconds as number) + (nanos as number) / 1e6;
}
