/**
 * The messages of a `.wandb` file, from `wandb_internal.proto`: the fields that are written or looked at here.
 *
 * @module
 */

import type { Messages } from "../protobuf.ts";

/** See the module. */
export const messages = {
  Record: {
    num: "1 int64",
    history: "2 History",
    summary: "3 Summary",
    files: "6 Files",
    stats: "7 Stats",
    output_raw: "13 OutputRaw",
    run: "17 Run",
    exit: "18 Exit",
    final: "20 Empty",
    header: "21 Header",
    footer: "22 Empty",
    environment: "26 Environment",
  },
  Empty: {},
  Header: { version_info: "1 VersionInfo" },
  VersionInfo: { producer: "1 string", min_consumer: "2 string" },
  Run: {
    run_id: "1 string",
    entity: "2 string",
    project: "3 string",
    config: "4 Updates",
    run_group: "6 string",
    job_type: "7 string",
    display_name: "8 string",
    notes: "9 string",
    tags: "10 string[]",
    host: "13 string",
    start_time: "17 Timestamp",
  },
  Updates: { update: "1 Item[]" },
  Item: { key: "1 string", nested_key: "2 string[]", value_json: "16 string" },
  Timestamp: { seconds: "1 int64", nanos: "2 int32" },
  History: { item: "1 Item[]", step: "2 Step" },
  Step: { num: "1 int64" },
  Summary: { update: "1 Item[]" },
  Files: { files: "1 FilesItem[]" },
  FilesItem: { path: "1 string", policy: "2 int32", type: "3 int32" },
  Stats: { stats_type: "1 int32", timestamp: "2 Timestamp", item: "3 StatsItem[]" },
  StatsItem: { key: "1 string", value_json: "16 string" },
  OutputRaw: { output_type: "1 int32", timestamp: "2 Timestamp", line: "3 string" },
  Exit: { exit_code: "1 int32", runtime: "2 int32" },
  Environment: {
    os: "1 string",
    started_at: "3 Timestamp",
    program: "6 string",
    cpu_count: "16 uint32",
    cpu_count_logical: "17 uint32",
    gpu_type: "18 string",
    memory: "21 Memory",
    writer_id: "199 string",
  },
  Memory: { total: "1 int64" },
} as const satisfies Messages;

/** `FilesItem.type` of a picture. */
export const MEDIA = 2;

/** `OutputRaw.output_type`. */
export const [STDERR, STDOUT] = [0, 1] as const;

/** A time in a message. */
export function timestamp(milliseconds: number): { seconds: number; nanos: number } {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds, nanos: Math.round((milliseconds - 1000 * seconds) * 1e6) };
}
