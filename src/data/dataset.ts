/**
 * A data set: pictures with labels, and views of some of them.
 *
 * @module
 */

import { option, UserError } from "../errors.ts";
import { type Fold, foldSplit } from "./folds.ts";
import type { LeftOutRow } from "./forms/cells.ts";
import { classNames, type Task } from "./labels.ts";
import { counted, firstNames } from "./names.ts";
import { scanPictures } from "./store/scan.ts";
import type { PictureSource } from "./store/source.ts";
import {
  ownSplit,
  type OwnSplitInput,
  ratioSplit,
  type SmallClass,
  smallClasses,
  type SplitInput,
  splitNames,
} from "./split.ts";

/** The three parts of a split. */
export type SplitName = "train" | "val" | "test";

/** Form in which a data set is stored. */
export type DatasetKind = "folder" | "csv" | "celeba" | "idx";

/** One picture and its label. */
export interface Sample {
  /** Path relative to the data folder; IDX: the file's stem, `#` and the picture's number. */
  readonly file: string;
  /** binary: [0|1]; multiclass: [class index]; multilabel: [0|1 for each label]. */
  readonly label: readonly number[];
  /** Part to which the data set itself assigns the picture. */
  readonly split?: SplitName;
}

/** How a data set is split. */
export interface SplitOptions {
  /** Shares of train, val and test; they need not add up to one. 8:1:1 by default. */
  readonly ratios?: readonly [number, number, number];
  /** Whether every part gets the same share of each class. True by default. */
  readonly stratify?: boolean;
  /** Names the random split. 0 by default. */
  readonly seed?: number;
  /**
   * Whether the data set's own parts are taken. By default they are where there are any and no ratios are given. Where
   * the data set has no val part, it is carved from train, stratified, in proportion (8:1 by default). Where it has
   * train and val alone, a test part as large as val is carved from train.
   */
  readonly own?: boolean;
  /** A fold that is the test part, and of how many; own parts are then taken together. None by default. */
  readonly fold?: Fold;
  /** Where the val part is to be tested on, own parts without a test part stay as they are. `test` by default. */
  readonly testOn?: "val" | "test";
  /**
   * Groups of samples that stay in one part, by their places: equal pictures, as `findDuplicates` lists them. A picture
   * in train and in test makes the test look better than it is. None by default, since splitting looks at no picture.
   */
  readonly together?: readonly (readonly number[])[];
}

/** Three views of a data set without a picture in common. */
export interface Split {
  /** What is trained on. */
  readonly train: Dataset;
  /** What the best epoch is chosen on. */
  readonly val: Dataset;
  /** What is reported. */
  readonly test: Dataset;
  /** What was noticed, a line each: classes that are missing from a part. */
  readonly warnings: readonly string[];
  /** Parts that were taken from train, since the data set's own split has none. */
  readonly taken?: readonly ("val" | "test")[];
}

/** What a data set is made of. */
export interface DatasetParts {
  /** Form in which it is stored. */
  readonly kind: DatasetKind;
  /** The task. */
  readonly task: Task;
  /** Multiclass: class names; multilabel: label names; binary: the one target's name. */
  readonly classes: readonly string[];
  /** Pictures and labels. */
  readonly samples: readonly Sample[];
  /** Where the pictures are. */
  readonly source: PictureSource;
  /** Place in the source of each sample. */
  readonly positions: readonly number[];
  /** Shorter side of the pictures in pixels, where it is known. */
  readonly pictureSize?: number;
  /** What was noticed on opening, a line each. */
  readonly warnings: readonly string[];
  /** Rows of a label file that were left out, where that was asked for. */
  readonly leftOut?: readonly LeftOutRow[];
  /** What its folders were taken for, in one line, where that had to be found out. */
  readonly form?: string;
  /** How it was opened, where that was by a path. */
  readonly origin?: Origin;
}

/** How a data set was opened: what opens it again. */
export interface Origin {
  /** Path of the folder or file. */
  readonly data: string;
  /** The task that was asked for. */
  readonly task?: Task;
  /** Columns or classes that were asked for. */
  readonly target?: readonly string[];
  /** The class of the pictures that are none of the targets. */
  readonly others?: string;
  /** Whether links and label files may lead out of the folder. */
  readonly allowOutside?: boolean;
  /** Folder that the paths of a label file are relative to. */
  readonly pictures?: string;
  /** What stands between several labels in one cell. */
  readonly labelSeparator?: string;
  /** Whether `NA` and the like are names of classes. */
  readonly allowNa?: boolean;
  /** Largest picture that is decoded, in megapixels. */
  readonly maxMegapixels?: number;
  /** Names of the classes of IDX files. */
  readonly classNames?: readonly string[];
  /** How many pictures were taken of it. */
  readonly limit?: number;
  /** Whether rows without a label or a picture were left out. */
  readonly skipBroken?: boolean;
  /** Column of class names of a CSV file. */
  readonly labelColumn?: string;
  /** Column with its file names. */
  readonly fileColumn?: string;
  /** Column with train, val or test. */
  readonly splitColumn?: string;
}

/**
 * Pictures with labels. A split or any other choice of samples is a data set over the same source.
 *
 * @example
 * ```ts
 * import { openDataset } from "@fovea/fovea";
 *
 * const data = await openDataset("./celeba", { task: "binary", target: ["Eyeglasses"] });
 * const { train, val, test } = data.split({ ratios: [8, 1, 1], seed: 1 });
 * ```
 */
export class Dataset {
  /** The task. */
  readonly task: Task;
  /** Multiclass: class names; multilabel: label names; binary: the one target's name. */
  readonly classes: readonly string[];
  /** Channels of a picture: 1 for IDX, else 3. */
  readonly channels: 1 | 3;
  /** Pictures and labels. */
  readonly samples: readonly Sample[];
  /** Form in which it is stored. */
  readonly kind: DatasetKind;
  /** Shorter side of the pictures in pixels (the median of the first ones), where it is known. */
  readonly pictureSize?: number;
  /** Where the pictures are. */
  readonly source: PictureSource;
  /** Place in the source of each sample. */
  readonly positions: readonly number[];
  /** What was noticed on opening, a line each. */
  readonly warnings: readonly string[];
  /** Rows of a label file that were left out, where that was asked for. */
  readonly leftOut: readonly LeftOutRow[];
  /** What its folders were taken for, in one line, where that had to be found out. */
  readonly form?: string;
  /** How it was opened, where that was by a path. */
  readonly origin?: Origin;

  /**
   * Makes a data set; `openDataset` is the usual way.
   *
   * @param parts What it is made of.
   */
  constructor(private readonly parts: DatasetParts) {
    this.task = parts.task;
    this.classes = parts.classes;
    this.channels = parts.source.channels;
    this.samples = parts.samples;
    this.kind = parts.kind;
    this.pictureSize = parts.pictureSize;
    this.source = parts.source;
    this.positions = parts.positions;
    this.warnings = parts.warnings;
    this.leftOut = parts.leftOut ?? [];
    this.form = parts.form;
    this.origin = parts.origin;
  }

  /** Of which split each part is one. */
  static readonly #splits = new WeakMap<Dataset, Split>();

  /** The split that this is a part of, where it was made by one. */
  get partOf(): Split | undefined {
    return Dataset.#splits.get(this);
  }

  /** How many pictures. */
  get size(): number {
    return this.samples.length;
  }

  /** Does it say which picture is in which split? */
  get hasOwnSplit(): boolean {
    return this.samples.some(({ split }) => split !== undefined);
  }

  /** Width of a target row: one for binary, else the number of classes or labels. */
  get outputs(): number {
    return this.classes.length;
  }

  /**
   * Counts the pictures of each class. Binary: [no, yes]; multiclass: of each class; multilabel: with each label.
   *
   * @returns The counts.
   */
  counts(): number[] {
    return countLabels(this.samples.map(({ label }) => label), this.task, this.classes.length);
  }

  /**
   * A view of some of the samples.
   *
   * @param indices Places in `samples`, in the order wanted.
   * @returns The view.
   * @throws {RangeError} If a place does not exist.
   */
  subset(indices: readonly number[]): Dataset {
    const wrong = indices.find((i) => !(i in this.samples));
    if (wrong !== undefined) throw new RangeError(`Cannot take sample ${wrong} of ${this.size}`);
    return new Dataset({
      ...this.parts,
      samples: indices.map((i) => this.samples[i]),
      positions: indices.map((i) => this.positions[i]),
      warnings: [],
      leftOut: [],
    });
  }

  /**
   * Some of the samples, over their pictures alone: the others are not read.
   *
   * @param indices Places in `samples`, in the order wanted.
   * @returns The data set, with what was noticed on opening.
   * @throws {RangeError} If a place does not exist.
   */
  only(indices: readonly number[]): Dataset {
    const { source, samples, positions } = this.subset(indices);
    const parts = { ...this.parts, samples };
    if (source.form === "pixels") return new Dataset({ ...parts, positions });
    const paths = positions.map((position) => source.paths[position]);
    return new Dataset({ ...parts, source: { ...source, paths }, positions: positions.map((_, i) => i) });
  }

  /** The same data set, opened so. */
  openedAs(origin: Origin): Dataset {
    return new Dataset({ ...this.parts, origin });
  }

  /** The same data set, whose folders were taken for this. */
  describedAs(form: string): Dataset {
    return new Dataset({ ...this.parts, form });
  }

  /**
   * The same data set with its classes in the order in which a run knows them. Where they are not the same classes, it
   * stays as it is.
   *
   * @param classes Their names.
   */
  inOrderOf(classes: readonly string[]): Dataset {
    if (this.task === "binary" || this.classes.length !== classes.length) return this;
    const from = classes.map((name) => this.classes.indexOf(name));
    if (new Set(from).size < classes.length || from.includes(-1) || from.every((c, i) => c === i)) return this;
    const samples = this.samples.map((sample) => ({
      ...sample,
      label: this.task === "multilabel" ? from.map((c) => sample.label[c]) : [from.indexOf(sample.label[0])],
    }));
    return new Dataset({ ...this.parts, classes: [...classes], samples });
  }

  /**
   * Splits into train, val and test. The same options give the same parts on every machine.
   *
   * @param options Ratios, stratification, seed, or the data set's own parts.
   * @returns Three views, each in the order of this data set, and what was noticed.
   * @throws {UserError} If a class has too few pictures for each part to have one (fewer than 3), or the data set's
   * own parts are asked for and there are none.
   * @throws {RangeError} If the ratios are not numbers of zero or more with a sum above zero.
   */
  split(options: SplitOptions = {}): Split {
    const input = this.#input(options);
    const { fold } = options;
    const split = this.splitInto(
      fold ? foldSplit(input, fold) : input.parts ? ownSplit({ ...input, parts: input.parts }) : ratioSplit(input),
    );
    const taken = this.#taken(input, split);
    const lines = taken.map((name) =>
      `The data have no ${name} part: ${counted(split[name].size, "picture")} of train taken at random${
        name === "test" && !taken.includes("val") ? asLarge(split) : ""
      }, seed ${input.seed}`
    );
    // The parts know the split that they are of by what is given here.
    return Object.assign(split, { taken, warnings: [...lines, ...split.warnings] });
  }

  /**
   * The classes that have too few pictures to be split: `split` would refuse them.
   *
   * @param options As for `split`.
   */
  smallClasses(options: SplitOptions = {}): SmallClass[] {
    return smallClasses(this.#input(options), options.fold?.[1]);
  }

  /**
   * The data set without some classes: of a multiclass task without their pictures, of a multilabel one without the
   * labels.
   *
   * @param indices Places in `classes`.
   * @throws {TypeError} If the task is binary.
   */
  withoutClasses(indices: ReadonlySet<number>): Dataset {
    if (this.task === "binary") {
      throw new TypeError("Cannot leave a class of a binary task out: there is but one target");
    }
    const kept = [...this.classes.keys()].filter((c) => !indices.has(c));
    const number = new Map(kept.map((c, i) => [c, i]));
    const places = [...this.samples.keys()].filter((i) =>
      this.task === "multilabel" || number.has(this.samples[i].label[0])
    );
    const labelled = (label: readonly number[]) =>
      this.task === "multilabel" ? kept.map((k) => label[k]) : [number.get(label[0])!];
    return new Dataset({
      ...this.parts,
      classes: kept.map((c) => this.classes[c]),
      samples: places.map((i) => ({ ...this.samples[i], label: labelled(this.samples[i].label) })),
      positions: places.map((i) => this.positions[i]),
    });
  }

  #input(options: SplitOptions): SplitInput & Partial<OwnSplitInput> {
    const has = this.hasOwnSplit;
    const own = !options.fold && (options.own ?? (has && options.ratios === undefined));
    const { ratios = [8, 1, 1], stratify = true, seed = 0, together, testOn } = options;
    if (own && !has) {
      throw new UserError(
        `Cannot take the data set's own split: it has none; give ratios with ${option("split")} 8:1:1`,
      );
    }
    const labels = this.samples.map(({ label }) => label);
    const input = { task: this.task, classes: this.classes, labels, ratios, stratify, seed, together };
    return own ? { ...input, parts: this.samples.map(({ split }) => split), testOn } : input;
  }

  /** Which parts were taken from train, since the data set's own split has none. */
  #taken({ parts }: Partial<OwnSplitInput>, split: Split): ("val" | "test")[] {
    return (["val", "test"] as const).filter((name) => parts && !parts.includes(name) && split[name].size > 0);
  }

  /**
   * Hash of the pictures' contents and labels, in order: what `config.json` stores to tell data sets apart.
   *
   * @returns SHA-256 in hexadecimal.
   */
  async fingerprint(): Promise<string> {
    const { hashes } = await scanPictures(this.source);
    const lines = this.samples.map(({ file, label }, i) => `${file}\0${label.join()}\0${hashes[this.positions[i]]}`);
    const text = [this.task, ...this.classes, "", ...lines].join("\n");
    return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
  }

  /**
   * Splits into given parts.
   *
   * @param indices Places of each part in `samples`, in the order wanted.
   * @returns Three views, and what was noticed.
   */
  splitInto(indices: Readonly<Record<SplitName, readonly number[]>>): Split {
    const [train, val, test] = splitNames.map((name) => this.subset(indices[name]));
    const nowhere = this.#missing();
    const warnings = Object.entries({ train, val, test }).flatMap(([name, part]) => {
      const missing = part.#missing().filter((missed) => !nowhere.includes(missed));
      if (missing.length === 0 || part.size === 0) return [];
      return [`The ${name} part (${counted(part.size, "picture")}) has none of ${firstNames(missing)}`];
    });
    if (nowhere.length > 0) warnings.unshift(`No picture at all is ${firstNames(nowhere)}: that cannot be learnt`);
    const split: Split = { train, val, test, warnings };
    for (const part of [train, val, test]) Dataset.#splits.set(part, split);
    return split;
  }

  /** Names of the classes that no picture has: their metrics are undefined. */
  #missing(): string[] {
    const counts = this.counts();
    return classNames(this.task, this.classes).filter((_, c) => counts[c] === 0);
  }
}

/** How large a test part is that was taken from train: as large as val, unless train has too few pictures. */
function asLarge({ val, test }: Split): string {
  return test.size === val.size ? ", as many as val has" : `, of the ${val.size} that val has`;
}

/**
 * Counts labels. Binary: [no, yes]; multiclass: of each class; multilabel: with each label.
 *
 * @param labels The labels.
 * @param task The task.
 * @param classes Number of classes or labels.
 * @returns The counts.
 */
export function countLabels(labels: readonly (readonly number[])[], task: Task, classes: number): number[] {
  const counts = new Array<number>(task === "binary" ? 2 : classes).fill(0);
  for (const label of labels) {
    if (task === "multilabel") label.forEach((value, k) => counts[k] += value);
    else counts[label[0]]++;
  }
  return counts;
}
