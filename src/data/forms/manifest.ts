/**
 * A label file: a column of pictures, a column of class names or several of yes and no, and perhaps one of parts.
 *
 * Cells are separated by commas, semicolons or tabs, in a `.txt` also by blanks. A first row that names a picture is no
 * header, and columns are then called by their numbers. What was not as the names of the columns say it is noted.
 *
 * Several files may be the parts of a data set: `train.csv` beside `test.csv`.
 *
 * @module
 */

import { nearest, option, UserError } from "../../errors.ts";
import type { SplitName } from "../dataset.ts";
import type { Labels } from "../labels.ts";
import { firstNames, printable } from "../names.ts";
import { type Inside, leadsOut } from "../paths.ts";
import { namedFormat } from "../pictures/formats.ts";
import { folded, type LeftOutRow, RowFaults } from "./cells.ts";
import { type CsvRow, csvRows, readText, type Separator, separatorOf } from "./csv.ts";
import { partNamed, partNames } from "./folder.ts";
import { locate, type Located, PictureIndex } from "./locate.ts";
import { chooseLabels, labelsOfRows, type ManifestOptions, mergeRows, noteFaults } from "./manifest_labels.ts";
import { joined, rowsOf, type Table, tableOf } from "./table.ts";

/** A label file that has been read. */
export interface ReadLabels {
  /** Paths relative to the data folder. */
  readonly files: readonly string[];
  /** Labels of those that are kept. */
  readonly labels: Labels;
  /** Files that are there and not to be opened, and why. */
  readonly unread?: ReadonlyMap<string, string>;
  /** Part of each file, where the data set assigns them. */
  readonly splits?: readonly SplitName[];
  /** What was taken otherwise than it stands, a line each. */
  readonly notes?: readonly string[];
  /** Rows that were left out, where that was asked for. */
  readonly leftOut?: readonly LeftOutRow[];
  /** Which files were taken for parts, in one line. */
  readonly form?: string;
}

const fileColumns = [
  ..."file filename image imageid imagepath img path filepath name".split(" "),
  ..."imagename imagefile imagefilename imageindex images imgid imgname imgpath fname photo picture id".split(" "),
];
const splitColumns = ["split", "partition", "subset", "set"];

/** A column by which pictures are looked for is tried with so many of its cells. */
const TRIED = 40;

/** A label file's cells, before it is known what they are. */
interface Sheet {
  readonly path: string;
  readonly records: readonly CsvRow[];
  readonly separator: Separator;
}

/** A label file, and the part whose pictures it lists, where its name says that. */
export interface LabelFile {
  /** Where it is. */
  readonly path: string;
  /** The part. */
  readonly part?: SplitName;
}

/**
 * The part of a data set that a label file's name says.
 *
 * @param name Its name: `train.csv`, `test_labels.tsv`.
 * @returns The part; undefined where the name says something else.
 */
export function partOfFile(name: string): SplitName | undefined {
  return partNamed(name.replace(/\.\w+$/, "").replace(/[-_. ]?(labels?|annotations?|metadata|list)$/i, ""));
}

/**
 * Reads a label file, or those of the parts of a data set.
 *
 * @param files The file; or those of the parts, the training part first.
 * @param inside The folder of the pictures.
 * @param pictures Those in it.
 * @param options Which columns are what, and what is wanted of the labels.
 * @returns Files, labels and splits.
 * @throws {UserError} If a column is unknown, a cell is wrong, or files are missing or lead out of the data folder.
 */
export async function readManifest(
  files: readonly LabelFile[],
  inside: Inside,
  pictures: readonly string[],
  options: ManifestOptions,
): Promise<ReadLabels> {
  const all = await Promise.all(files.map(async ({ path, part }) => {
    const sheet = await readSheet(path);
    const finder = new Finder(sheet, inside, pictures);
    return { sheet, part, finder, ...finder.table() };
  }));
  const [{ table: first, finder, isHeaderless }] = all;
  const usualSplit = files.length > 1 ? undefined : usual(first, splitColumns);
  const splitColumn = column(first, options.splitColumn) ?? usualSplit;
  const labelColumn = column(first, options.labelColumn);
  const fileColumn = column(first, options.fileColumn) ?? finder.fileColumn(first, [splitColumn, labelColumn]);
  const form = chooseLabels(first, { ...options, labelColumn }, [fileColumn, splitColumn], isHeaderless);
  const needed = [
    fileColumn,
    ...splitColumn === undefined ? [] : [splitColumn],
    ...form.flags,
    form.names ?? fileColumn,
  ];
  const lackedBy = ({ table }: { table: Table }) => needed.filter((name) => !table.header.includes(name));
  const used = all.filter((file) => lackedBy(file).length === 0);

  const table = joined(used.map((file) => file.table));
  const c = table.header.indexOf(fileColumn);
  const faults = new RowFaults(table, (row) => table.columns[c][row]);
  let before = 0;
  for (const { ragged, table: { length } } of used) {
    for (const [row, fault] of ragged) faults.add(before + row, fault, "has too few or too many cells");
    before += length;
  }
  const located = joinedPlaces(
    used.map((file) => file.finder.locate(file.table.columns[file.table.header.indexOf(fileColumn)])),
  );
  noteMissing(table, c, located, inside, faults, options);
  const splits = splitColumn !== undefined
    ? readSplits(table, splitColumn, faults)
    : used.length > 1
    ? used.flatMap(({ part, table: { length } }) => new Array<SplitName | undefined>(length).fill(part))
    : undefined;
  noteFaults(table, form, faults, options);
  if (!options.skipBroken) faults.refuse();

  const merged = mergeRows(table, c, { form, located: located.files, splits, faults, options });
  const read = labelsOfRows(rowsOf(table, merged.rows), merged.form, merged.lists, options);
  return {
    files: merged.rows.map((row) => located.files[row]!),
    labels: read,
    ...splits !== undefined && { splits: merged.rows.map((row) => splits[row]!) },
    notes: [
      ...used.flatMap((file) => sheetNotes(file.sheet, file.isHeaderless, file.table)),
      ...all.filter((file) => !used.includes(file)).map((file) =>
        `${nameOf(file.sheet)} has no column ${firstNames(lackedBy(file))}, and is passed over`
      ),
      ...columnNotes(fileColumn, form.chosen),
      ...located.notes,
      ...merged.notes,
    ],
    leftOut: faults.leftOut(),
    ...used.length > 1 && { form: `parts: ${used.map(({ sheet }) => nameOf(sheet)).join(", ")}` },
  };
}

/** What became of the paths of several files. */
function joinedPlaces(places: readonly Located[]): Located {
  return {
    files: places.flatMap(({ files }) => files),
    outside: new Set(places.flatMap(({ outside }) => [...outside])),
    ambiguous: new Map(places.flatMap(({ ambiguous }) => [...ambiguous])),
    notes: places.flatMap(({ notes }) => notes),
  };
}

/**
 * Whether a file lists pictures of a folder: notes beside the pictures do not.
 *
 * @param path The file.
 * @param inside The folder.
 * @param pictures Those in it.
 * @returns True if cells of a column name pictures.
 */
export async function namesPictures(path: string, inside: Inside, pictures: readonly string[]): Promise<boolean> {
  try {
    const finder = new Finder(await readSheet(path), inside, pictures);
    const { table } = finder.table();
    return finder.bestColumn(table, []) !== undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return false;
  }
}

async function readSheet(path: string): Promise<Sheet> {
  const text = await readText(path);
  // Excel says so which separator it writes.
  const [line, said] = /^sep=([,;\t])\r?\n/i.exec(text) ?? [];
  const separator = said as Separator | undefined ?? separatorOf(text, /\.txt$/i.test(path));
  // The line stays there, empty, so that places are right.
  const body = line === undefined ? text : text.slice(5).replace(/^[^\r\n]*/, "");
  return { path, records: [...csvRows(body, path, separator)], separator };
}

/** Finds out which cells are pictures. */
class Finder {
  readonly #index: PictureIndex;
  readonly #stem: string;

  constructor(private readonly sheet: Sheet, private readonly inside: Inside, pictures: readonly string[]) {
    this.#index = new PictureIndex(pictures);
    this.#stem = /([^\\/]*?)\.[^.\\/]*$/.exec(sheet.path)?.[1] ?? "";
  }

  locate(listed: readonly string[]): Located {
    return locate(listed, this.inside, this.#index, this.#stem);
  }

  /** The table, with numbers for names where the first row is one of pictures. */
  table(): { table: Table; ragged: ReadonlyMap<number, UserError>; isHeaderless: boolean } {
    const { path, records } = this.sheet;
    const isHeaderless = records.length > 0 && this.#isPictures(records[0]);
    const names = isHeaderless ? records[0].cells.map((_, i) => `${i + 1}`) : undefined;
    const { table, faults: ragged } = tableOf(path, records, names);
    return { table, ragged, isHeaderless };
  }

  #isPictures({ cells }: CsvRow): boolean {
    if (cells.some((cell) => namedFormat(cell) !== undefined)) return true;
    const known = [...fileColumns, ...splitColumns, "label", "labels", "class"];
    if (cells.some((cell) => known.includes(folded(cell)))) return false;
    return cells.some((cell) => cell !== "" && this.locate([cell]).files[0] !== undefined);
  }

  /** The column of pictures: a usual one whose cells name some, then any, then a usual one, then the first. */
  fileColumn(table: Table, taken: readonly (string | undefined)[]): string {
    return this.bestColumn(table, taken) ?? usual(table, fileColumns) ?? table.header[0];
  }

  /** The first column, usual ones first, half of whose cells name pictures; else the one with most that do. */
  bestColumn(table: Table, taken: readonly (string | undefined)[]): string | undefined {
    const rest = table.header.filter((name) => !taken.includes(name));
    const order = new Set([...usuals(table, fileColumns).filter((name) => rest.includes(name)), ...rest]);
    let best: { name: string; share: number } | undefined;
    for (const name of order) {
      const cells = table.columns[table.header.indexOf(name)];
      const step = Math.max(1, Math.floor(cells.length / TRIED));
      const tried = [...new Set(cells.filter((cell, i) => i % step === 0 && cell !== "").slice(0, TRIED))];
      const share = this.locate(tried).files.filter((file) => file !== undefined).length / Math.max(1, tried.length);
      if (2 * share >= 1) return name;
      if (share > (best?.share ?? 0)) best = { name, share };
    }
    return best?.name;
  }
}

function column(table: Table, name: string | undefined): string | undefined {
  if (name === undefined || table.header.includes(name)) return name;
  if (/^[1-9]\d*$/.test(name) && Number(name) <= table.header.length) return table.header[Number(name) - 1];
  const near = nearest(name, table.header);
  const hint = near === undefined ? `it has ${firstNames(table.header, 8)}` : `did you mean ${printable(near)}?`;
  throw new UserError(`Unknown column ${printable(name)} of ${printable(table.path)}: ${hint}`, 2);
}

function usuals(table: Table, names: readonly string[]): string[] {
  return names.flatMap((name) => table.header.filter((given) => folded(given) === name));
}

function usual(table: Table, names: readonly string[]): string | undefined {
  return usuals(table, names)[0];
}

/**
 * Reads a column of parts: train, val or test and their usual variants, or 0, 1, 2.
 *
 * @param table The table.
 * @param name The column.
 * @param faults Is told of the cells that are something else; without it the first one is refused.
 * @returns A part for each row; undefined where there is a fault.
 * @throws {UserError} If a cell is something else, with its place.
 */
export function readSplits(table: Table, name: string): SplitName[];
export function readSplits(table: Table, name: string, faults: RowFaults): (SplitName | undefined)[];
export function readSplits(table: Table, name: string, faults?: RowFaults): (SplitName | undefined)[] {
  const c = table.header.indexOf(name);
  return table.columns[c].map((cell, row) => {
    const part = partNames.get(cell.trim().toLowerCase().replace(/^([012])\.0$/, "$1"));
    if (part !== undefined) return part;
    const fault = `${printable(name)} is "${printable(cell)}"; expected train, val or test`;
    if (faults === undefined) throw table.fault(row, c, fault);
    faults.addCell(row, c, fault, `has "${printable(cell)}" as ${printable(name)}`);
    return undefined;
  });
}

/** Notes the rows whose picture is not there; refuses them at once, counted, where rows are not left out. */
function noteMissing(
  table: Table,
  c: number,
  { files, outside, ambiguous }: Located,
  inside: Inside,
  faults: RowFaults,
  { skipBroken }: ManifestOptions,
): void {
  const listed = table.columns[c];
  const root = printable(inside.root);
  const missing: number[] = [];
  files.forEach((file, row) => {
    const path = listed[row];
    if (path === "") {
      const name = printable(table.header[c]);
      faults.addCell(row, c, `${name} is empty; every picture needs one`, `has no ${name}`);
    } else if (outside.has(path) || (file === undefined && leadsOut(path))) {
      const fault = `${printable(path)} leads out of ${root}; set ${option("allowOutside")} to read it, or give ` +
        `the folder of the pictures with ${option("pictures")}`;
      faults.addCell(row, c, fault, "leads out of the folder");
    } else if (file === undefined && ambiguous.has(path)) {
      const fault = `${printable(path)} may be ${
        ambiguous.get(path)!.map(printable).join(" or ")
      }: give the folder that is meant with ${option("pictures")}`;
      faults.addCell(row, c, fault, `may be ${ambiguous.get(path)!.map(printable).join(" or ")}`);
    } else if (file === undefined) {
      missing.push(row);
      faults.addCell(row, c, "", "is not there");
    }
  });
  if (missing.length === 0 || (skipBroken && missing.length < table.length)) return;
  const names = firstNames(missing.map((row) => listed[row]));
  throw table.fault(
    missing[0],
    c,
    `${missing.length} of ${table.length} pictures are not in ${root} (${names}); add them, give their folder with ${
      option("pictures")
    }, or leave their rows out with ${option("skipBroken")}`,
  );
}

const separatorNames: Readonly<Record<Separator, string>> = {
  ",": "commas",
  ";": "semicolons",
  "\t": "tabs",
  " ": "blanks",
};

const nameOf = ({ path }: Sheet): string => printable(path.replace(/^.*[\\/]/, ""));

function sheetNotes(sheet: Sheet, isHeaderless: boolean, table: Table): string[] {
  const { separator } = sheet;
  const between = separator === "," ? [] : [`has ${separatorNames[separator]} between its cells`];
  const header = isHeaderless ? [`has no header: its columns are called ${firstNames(table.header, 6)}`] : [];
  const said = [...between, ...header];
  return said.length === 0 ? [] : [`${nameOf(sheet)} ${said.join(" and ")}`];
}

function columnNotes(fileColumn: string, chosen: string | undefined): string[] {
  return chosen === undefined ? [] : [`pictures by column ${printable(fileColumn)}, ${chosen}`];
}
