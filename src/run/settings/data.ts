/**
 * Settings of the data, their labels and their split.
 *
 * @module
 */

import { choice, integer, names, number, path, text, toggle } from "../kinds.ts";
import { fold, ratios } from "../values.ts";
import { type Facts, FREE, ofTasks, setting } from "./setting.ts";

/** Applies to data with a manifest. */
const ofManifests = ({ data }: Facts): string | undefined =>
  data?.kind === undefined || data.kind === "csv" ? undefined : "the data are no CSV file";

/** Applies to pictures in files. */
const ofFiles = ({ data }: Facts): string | undefined =>
  data?.kind === "idx" ? "the pictures of IDX files are in them" : undefined;

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
  limit: setting(integer({ min: 1 }), {
    help: "pictures for a quick try: so many, each class with its share, chosen by the seed",
    byDefault: "all",
  }),
  pictures: setting(path, {
    help: "folder that the paths of a CSV file are relative to",
    byDefault: "the folder of the file",
    idle: ofManifests,
  }),
  skipBroken: setting(toggle, {
    help:
      "leave out broken pictures, those under two labels, and rows of a CSV file without label or picture; they are " +
      "counted and named",
    default: false,
  }),
  maxMegapixels: setting(number({ min: 1, max: 500 }), {
    ...FREE,
    help: "largest picture that is decoded, in megapixels",
    default: 100,
    idle: ofFiles,
  }),
  allowOutside: setting(toggle, {
    help: "read pictures outside the folder, to which links or a CSV file lead",
    default: false,
    idle: ofFiles,
  }),
  labelColumn: setting(text, {
    help: "column of class names of a CSV file",
    byDefault: "label, class, …",
    idle: ofManifests,
  }),
  fileColumn: setting(text, {
    help: "column with the file names of a CSV file",
    byDefault: "the one whose cells name pictures",
    idle: ofManifests,
  }),
  splitColumn: setting(text, {
    help: "column with train, val or test",
    byDefault: "split, where there is one",
    idle: ofManifests,
  }),
  labelSeparator: setting(text, {
    help: "what stands between several labels in a cell of a CSV file, such as ';' or space",
    byDefault: "a cell is one name",
    placeholder: "TEXT",
    idle: ofManifests,
  }),
  classNames: setting(names, {
    help: "names of the classes of IDX files in the order of their numbers; or numbers; or fashion-mnist",
    byDefault: "those of a file class_names.txt beside them, or known of the data",
    idle: ({ data }) => data?.kind === undefined || data.kind === "idx" ? undefined : "the data are no IDX files",
  }),
  allowNa: setting(toggle, {
    help: "take NA, NaN, null and the like in a CSV file for names of classes",
    default: false,
    idle: ofManifests,
  }),
} as const;

/** How pictures become the three splits. */
export const splitSettings = {
  split: setting(ratios, {
    help: "train:val:test, or own for the data set's own split",
    byDefault: "own where there is one, else 8:1:1",
    derive: ({ data, settings }) =>
      data && (data.hasOwnSplit && settings.fold === undefined ? "own" : [8, 1, 1] as const),
  }),
  fold: setting(fold, {
    help: "a fold as the test part, all parts of the data taken together; 2/5 is the second of five; train and val " +
      "share the rest",
    byDefault: "none; cross-validate takes each in turn",
  }),
  stratify: setting(toggle, { help: "keep the ratios of the classes in every split", default: true }),
  testOn: setting(choice(["test", "val"]), {
    help:
      "part on which the best checkpoint is tested; val has chosen it, so that its figures are better than on new " +
      "pictures",
    default: "test",
    idle: ({ settings }) => settings.fold === undefined ? undefined : "a fold is tested on itself",
  }),
  skipSmallClasses: setting(toggle, {
    help: "leave out classes with too few pictures for every split; they are named",
    default: false,
    idle: ofTasks("multiclass", "multilabel"),
  }),
  allowDuplicates: setting(toggle, {
    help: "go on when the same picture is in two parts of the data's own split, or under two labels",
    default: false,
  }),
} as const;
