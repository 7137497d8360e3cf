/**
 * Settings of where a run works, and of what is recorded on the way.
 *
 * @module
 */

import type { Backend } from "../../device/open.ts";
import { deviceKinds } from "../../device/registry.ts";
import { choice, integer, several } from "../kinds.ts";
import { memory } from "../values.ts";
import { FREE, setting } from "./setting.ts";

/** Where it runs. */
export const deviceSettings = {
  backend: setting(choice<Backend>(["auto", ...deviceKinds.map(({ kind }) => kind)]), {
    ...FREE,
    heading: "Device",
    help: `auto is ${
      deviceKinds.map(({ kind, where }) => kind + (where === undefined ? "" : ` where ${where}`)).join(", else ")
    }`,
    default: "auto",
  }),
  memory: setting(memory, {
    ...FREE,
    help: "most that training may take on the device",
    byDefault:
      "what is free; of a GPU, which does not tell, 4GiB, or half of the host's free memory where it shares that",
  }),
  tune: setting(choice(["auto", "off", "quick", "full"]), {
    help:
      "first time some or all variants of a step's kernels, and keep the fastest for later runs; auto: quick, for at " +
      "most 20 s, on a GPU and for large networks",
    default: "auto",
  }),
} as const;

/** What is recorded on the way. */
export const recordSettings = {
  log: setting(several(choice(["csv", "jsonl", "tensorboard", "wandb"])), {
    ...FREE,
    help: "where the run is recorded: tensorboard and wandb in folders of the run; csv and jsonl are always on",
    default: [],
    placeholder: "TRACKER…",
  }),
  logEvery: setting(integer({ min: 1 }), { ...FREE, help: "steps between two records of the loss", default: 10 }),
  valEvery: setting(integer({ min: 1 }), {
    ...FREE,
    help: "steps between two validations",
    byDefault: "each epoch",
  }),
  saveEvery: setting(integer({ min: 1 }), {
    ...FREE,
    help: "steps between two saves of what a resumed run goes on from, for epochs that take hours",
    byDefault: "each epoch",
  }),
  keep: setting(integer({ min: 1 }), {
    ...FREE,
    help: "checkpoints of epochs that are kept: the best epoch's, and the latest",
    byDefault: "all",
  }),
} as const;
