/**
 * Settings of the data, their labels and their split.
 *
 * @module
 */

import { choice, names, path, text, toggle } from "../kinds.ts";
import { ratios } from "../values.ts";
import { type Facts, ofTasks, setting } from "./setting.ts";

/** Applies to data with a manifest. */
const ofManifests = ({ data }: Facts): string | undefined =>
  data?.kind === undefined || data.kind === "csv" ? undefined : "the data are no CSV file";

/** The data and their labels. */
export const dataSettings = {
  task: setting(choice(["binary", "multiclass", "multilabel"]), {
    heading: "Data",
    help: "one yes or no, one class of several, or any number of labels",
    byDefault: "binary for one target, else multiclass",
    derive: ({ data }) => data?.task,
  }),
  data: setting(path, {
    help: "folder per class, CSV file, folder of CelebA or of IDX files",
    byDefault: "the demo faces, made at first use",
    // Data that were moved are known by their fingerprint.
    isFree: true,
  }),
  target: setting(names, {
    help: "columns to learn, or one column of class names",
    default: [],
    byDefault: "the folders' names; hair colours for the demo faces",
  }),
  others: setting(text, {
    help: "class of the pictures for which no target holds",
    byDefault: "they are left out",
    idle: ofTasks("multiclass"),
  }),
  skipBroken: setting(toggle, { help: "leave broken pictures out, and count them", default: false }),
  allowOutside: setting(toggle, {
    help: "read pictures that a CSV file names outside its folder",
    default: false,
    idle: ofManifests,
  }),
  labelColumn: setting(text, {
    help: "column of class names of a CSV file",
    byDefault: "label, class, …",
    idle: ofManifests,
  }),
  fileColumn: setting(text, {
    help: "column with the file names of a CSV file",
    byDefault: "the first",
    idle: ofManifests,
  }),
  splitColumn: setting(text, {
    help: "column with train, val or test",
    byDefault: "split, where there is one",
    idle: ofManifests,
  }),
} as const;

/** How pictures become the three splits. */
export const splitSettings = {
  split: setting(ratios, {
    help: "train:val:test, or own for the data set's own split",
    byDefault: "own where there is one, else 8:1:1",
    derive: ({ data }) => data && (data.hasOwnSplit ? "own" : [8, 1, 1] as const),
  }),
  stratify: setting(toggle, { help: "keep the ratios of the classes in every split", default: true }),
  allowDuplicates: setting(toggle, { help: "go on when the same picture is in two splits", default: false }),
} as const;
