/**
 * `explain`: what in pictures a run's answers come from.
 *
 * @module
 */

import { basename, join } from "node:path";
import { findPictures } from "../data/find_pictures.ts";
import { counted, printable } from "../data/names.ts";
import { orList, UserError } from "../errors.ts";
import { areaOf, CURVE_PARTS, type Curves, curvesOf } from "../explain/curves.ts";
import { Explainer, type Explanation } from "../explain/explainer.ts";
import { jsonOf, mapShape, npyOf } from "../explain/map_file.ts";
import type { MethodOption } from "../explain/method.ts";
import { methodNames } from "../explain/method_names.ts";
import { methodFor, methods } from "../explain/methods/mod.ts";
import { type Explained, explanationSheet, howOf } from "../explain/sheet.ts";
import { makeFolder, writeAtomic } from "../files.ts";
import { randomStream } from "../random.ts";
import { draw } from "../report/draw.ts";
import { aligned } from "../report/text.ts";
import { readCalibration } from "../run/calibration.ts";
import { flagName, type Invocation } from "./command.ts";
import { commonFolder } from "./contact_sheet.ts";
import { chooseDevice } from "./device.ts";
import { type Asked, explainEmbedding, explainFilters, explainMistakes } from "./explain_data.ts";
import type { explain } from "./explain_flags.ts";
import { type ExplainFlags, methodOptions } from "./explain_options.ts";
import { cannotUse } from "./idle.ts";
import { noteLine } from "./notes.ts";
import { openAsAsked } from "./opened_run.ts";
import { outputNames } from "./output_names.ts";
import { ProgressLine } from "./progress.ts";

/** Pictures on one sheet at most: the first ones. */
const SHEET = 60;

/** Stream of the random maps. */
const randomMapStream = 0x4a9d;

/** Runs `explain`; gives the exit code: 1 when a picture could not be read. */
export async function run(invocation: Invocation<typeof explain.flags>): Promise<number> {
  const { options, given, words: [path, ...patterns] } = invocation;
  const progress = new ProgressLine(false);
  checkMode(options, given, patterns);
  progress.update(() => `reading ${printable(path)}`);
  const opened = await openAsAsked(path, options);
  progress.clear();
  const out = options.out ?? join(path, "explain");
  await using device = await chooseDevice(
    options.backend,
    (line) => (options.verbose || !line.startsWith("device ")) && progress.line(line),
  );
  const { info, model } = opened;
  const { temperature } = await readCalibration(path, info.epoch) ?? {};
  await using explainer = new Explainer({
    ...{ ...info, model, device, temperature, maxMegapixels: options.maxMegapixels },
  });
  if (!options.filters && !options.embedding) {
    explainer.check(options);
    refuseIdle(explainer, options, given);
  }
  const asked = { ...opened, path, explainer, options, given, progress };
  if (options.mistakes) return await explainMistakes(asked);
  if (options.filters) return await explainFilters(asked, out);
  if (options.embedding) return await explainEmbedding(asked, out);
  return await explainPictures(patterns, out, asked);
}

/** Flags of methods. */
const ofMethods = ["method", "class", "layer", "steps", "samples", "noise", "window", "stride", "seed"] as const;

/** What is done, and the flags that act on it. */
const modes: Readonly<Record<string, readonly (keyof ExplainFlags)[]>> = {
  pictures: [...ofMethods, "curves", "npy", "json", "out", "allowOutside", "maxMegapixels"],
  filters: ["layer", "channels", "split", "data", "out"],
  embedding: ["count", "seed", "split", "data", "out"],
  mistakes: [...ofMethods],
};

/** Flags that act on everything, and those that say what is done. */
const always: readonly string[] = ["checkpoint", "models", "backend", "verbose", "filters", "embedding", "mistakes"];

/** Pictures or what is instead of them; refuses flags that act on something else. */
function checkMode(options: ExplainFlags, given: ReadonlySet<keyof ExplainFlags>, patterns: readonly string[]): void {
  const others = (["filters", "embedding", "mistakes"] as const).filter((mode) => options[mode]);
  if (others.length === 0 && patterns.length === 0) {
    throw new UserError("explain needs pictures and got none: give IMAGE…, --filters, --embedding or --mistakes", 2);
  }
  if (others.length > 1) throw new UserError(`Cannot use ${others.map(flagName).join(" and ")} together: give one`, 2);
  const [mode = "pictures"] = others;
  if (mode !== "pictures" && patterns.length > 0) {
    throw new UserError(`Cannot use ${flagName(mode)} with pictures: give one or the other`, 2);
  }
  const idle = [...given].find((name) => !always.includes(name) && !modes[mode].includes(name));
  if (idle !== undefined) {
    const where = Object.keys(modes).filter((other) => modes[other].includes(idle));
    const names = where.map((other) => other === "pictures" ? "explaining pictures" : flagName(other));
    throw cannotUse(flagName(idle), `it would change nothing here; it acts on ${andList(names)}`);
  }
  const ofPatches = (["channels", "split", "data"] as const).find((name) => given.has(name));
  if (mode === "filters" && options.layer === undefined && ofPatches) {
    throw cannotUse(flagName(ofPatches), "the first layer's filters need no data; give --layer for patches");
  }
}

/** `a, b and c`. */
function andList(words: readonly string[]): string {
  return [words.slice(0, -1).join(", "), ...words.slice(-1)].filter((part) => part !== "").join(" and ");
}

/** Refuses options of other methods than the one that is used. */
function refuseIdle({ probe }: Explainer, { method, curves }: ExplainFlags, given: ReadonlySet<string>): void {
  const { name, uses } = methodFor(method, probe.anatomy);
  const all = ["layer", "steps", "samples", "noise", "seed", "window", "stride"] satisfies MethodOption[];
  const idle = all.find((option) => given.has(option) && !uses.includes(option) && !(option === "seed" && curves));
  if (!idle) return;
  const who = methodNames.filter((other) => methods[other].uses.includes(idle));
  throw cannotUse(
    flagName(idle),
    `it would change nothing, since ${name} does not use it; ${orList(who)} ${who.length === 1 ? "does" : "do"}`,
  );
}

/** Explains pictures, one after the other. */
async function explainPictures(
  patterns: readonly string[],
  out: string,
  { path: run, explainer, options, given, progress }: Asked,
): Promise<number> {
  const found = await findPictures(patterns, options.allowOutside);
  for (const note of found.notes) progress.line(noteLine(note, options.verbose));
  for (const [file, fault] of found.faults) progress.line(`fovea: ${printable(file)} ${fault}`);
  const files = found.files.filter((file) => !found.faults.has(file));
  let broken = found.faults.size;
  if (files.length === 0) return 1;
  await makeFolder(out);
  const names = outputNames(files);
  const asked = methodOptions(options, given);
  const folder = commonFolder(files);
  const explained: Explained[] = [];
  const curves: { own: Curves; random: Curves }[] = [];
  for (const [i, file] of files.entries()) {
    progress.share("explaining", { done: i, total: files.length });
    try {
      const image = await explainer.shaped(file, file);
      const explanation = await explainer.explainImage(image, asked);
      const one = { file: file.slice(folder.length), explanation };
      if (explained.length < SHEET) explained.push(one);
      const path = join(out, `${names[i]}.${explanation.method}`);
      await writeAtomic(`${path}.png`, (await draw(explanationSheet(undefined, [one]))).png);
      if (options.npy) await writeAtomic(`${path}.npy`, npyOf(explanation.values, mapShape(explanation)));
      if (options.json) await writeAtomic(`${path}.json`, jsonOf(file, explanation));
      if (options.curves) curves.push(await measured(explainer, image, explanation, options.seed, i));
      console.log(lineOf(file, explanation, `${path}.png`));
    } catch (error) {
      if (!(error instanceof UserError) || error.exitCode === 2) throw error;
      progress.line(`fovea: ${error.message}`);
      broken++;
    }
  }
  progress.clear();
  if (explained.length > 1) {
    const path = join(out, `sheet.${explained[0].explanation.method}.png`);
    const title = `${basename(run)}: ${explained[0].explanation.method}`;
    await writeAtomic(path, (await draw(explanationSheet(title, explained))).png);
    const first = explained.length < files.length - broken ? `the first ${explained.length} on a sheet` : "a sheet";
    console.log(`${first}: ${printable(path)}`);
  }
  if (curves.length > 0) console.log(curvesText(curves));
  return broken > 0 ? 1 : 0;
}

/** A map's curves beside those of a random map of as many places. */
async function measured(explainer: Explainer, image: Float32Array, explanation: Explanation, seed: number, i: number) {
  const next = randomStream(randomMapStream, seed, i);
  const values = explanation.values.map(() => next() / 2 ** 32);
  return {
    own: await curvesOf(explainer, image, explanation),
    random: await curvesOf(explainer, image, { ...explanation, values }),
  };
}

/** `photo.jpg  Blond_Hair 0.971, grad-cam at layer4: seen/photo.grad-cam.png`. */
function lineOf(file: string, explanation: Explanation, path: string): string {
  const { name, probability } = explanation.prediction.top;
  const how = printable(howOf(explanation));
  return `${printable(file)}  ${printable(name)} ${probability.toFixed(3)}, ${how}: ${printable(path)}`;
}

/** Means of the curves over the pictures, every tenth of the pixels, and the areas below them. */
function curvesText(curves: readonly { own: Curves; random: Curves }[]): string {
  const shares = Array.from({ length: CURVE_PARTS / 2 + 1 }, (_, k) => 2 * k);
  const rows = (["deletion", "insertion"] as const).flatMap((kind) =>
    (["own", "random"] as const).map((whose) => {
      const mean = Float32Array.from(
        { length: CURVE_PARTS + 1 },
        (_, part) => curves.reduce((sum, one) => sum + one[whose][kind][part], 0) / curves.length,
      );
      const name = whose === "own" ? kind : `${kind}, random map`;
      return [name, ...shares.map((part) => mean[part].toFixed(3)), areaOf(mean).toFixed(4)];
    })
  );
  const heads = ["pixels changed", ...shares.map((part) => `${100 * part / CURVE_PARTS}%`), "area"];
  return [
    `probability of the class, mean of ${counted(curves.length, "picture")}; deletion should be low, insertion high`,
    ...aligned([heads, ...rows], (c) => c > 0),
  ].join("\n");
}
