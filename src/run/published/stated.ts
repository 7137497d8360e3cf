/**
 * How pictures are prepared for weights that are known by name: by their row in the tables, or by the small files that
 * lie beside them on the hub, timm's `config.json` and transformers' `preprocessor_config.json`.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { isFolder } from "../../data/paths.ts";
import { statedIn, type StatedPreprocessing } from "../published_preprocessing.ts";
import { publishedFile, rowOf } from "./cached.ts";
import { isPublishedName } from "./names.ts";

/**
 * How pictures are prepared for weights.
 *
 * @param given A name of published weights, or a path.
 * @returns What is stated; undefined where nothing is, or nothing that can be done here.
 */
export async function statedFor(given: string): Promise<StatedPreprocessing | undefined> {
  const row = rowOf(given);
  if (row) return statedIn(row.preprocessing);
  const folder = await folderOf(given);
  if (folder === undefined) return undefined;
  const [config, processor] = await Promise.all(
    ["config.json", "preprocessor_config.json"].map((name) => jsonIn(join(folder, name))),
  );
  return ofTimm(config?.pretrained_cfg ?? config) ?? ofTransformers(processor);
}

/** What is stated of Swin's windows. */
export interface StatedWindow {
  /** Their side. */
  readonly window: number;
  /** Side of the windows from which they were fine-tuned, where it was another. */
  readonly before?: number;
  /** Side of the pictures. */
  readonly imageSize?: number;
}

/**
 * The windows of Swin's weights, as the `config.json` beside them says it: transformers' `window_size`, or timm's, or
 * the name of timm's model.
 *
 * @param given A name of published weights, or a path.
 * @returns What is stated; undefined where nothing is.
 */
export async function statedWindow(given: string): Promise<StatedWindow | undefined> {
  const folder = await folderOf(given);
  if (folder === undefined) return undefined;
  const config = await jsonIn(join(folder, "config.json"));
  const { window_size, model_args, architecture, image_size, pretrained_window_sizes } = config ?? {};
  const [, first, last] = /_window(\d+)(?:to(\d+))?/.exec(`${architecture}`) ?? [];
  const window = [window_size, model_args?.window_size, Number(last ?? first)].map(sideOf).find(isSide);
  if (window === undefined) return undefined;
  const [, side] = [config?.pretrained_cfg?.input_size ?? config?.input_size ?? []].flat();
  const imageSize = [image_size, side].map(sideOf).find(isSide);
  const before = [...[pretrained_window_sizes ?? []].flat(), last && Number(first)].find((side) =>
    isSide(side) && side !== window
  );
  return { window, ...imageSize !== undefined && { imageSize }, ...before !== undefined && { before } };
}

/** The folder that says something of weights: where they are as the hub has them, or as transformers saves them. */
async function folderOf(given: string): Promise<string | undefined> {
  if (isPublishedName(given)) return dirname((await publishedFile(given)).path);
  if (await isFolder(given)) return given;
  return /^(pytorch_)?model\.(safetensors|bin)(\.index\.json)?$/.test(basename(given)) ? dirname(given) : undefined;
}

// deno-lint-ignore no-explicit-any -- what another program wrote; each field is looked at where it is used
type Json = Record<string, any>;

async function jsonIn(path: string): Promise<Json | undefined> {
  try {
    const value = JSON.parse(await Deno.readTextFile(path));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Of timm's configuration: `input_size` [C, H, W], and the share of the picture that is kept. */
function ofTimm(config?: Json): StatedPreprocessing | undefined {
  const { input_size, crop_pct, crop_mode = "center", interpolation, mean, std } = config ?? {};
  const [, height, width] = Array.isArray(input_size) ? input_size : [];
  if (!isSide(height) || height !== width || crop_mode !== "center") return undefined;
  if (!(crop_pct > 0 && crop_pct <= 1)) return undefined;
  return checked({ crop: height, resize: Math.floor(height / crop_pct), interpolation, mean, std });
}

/** Pillow's numbers of the filters. */
const FILTERS: Readonly<Record<number, string>> = { 2: "bilinear", 3: "bicubic" };

/** Of transformers' image processors: one size for the whole picture, a shorter side and a crop, or a crop's share. */
function ofTransformers(config?: Json): StatedPreprocessing | undefined {
  if (!config || config.do_resize === false) return undefined;
  const { size, crop_size, do_center_crop, crop_pct, resample, image_mean: mean, image_std: std } = config;
  const resized = sideOf(size);
  if (resized === undefined) return undefined;
  const interpolation = FILTERS[resample ?? 2];
  if (do_center_crop) {
    const crop = sideOf(crop_size);
    return crop === undefined ? undefined : checked({ crop, resize: resized, interpolation, mean, std });
  }
  // ConvNeXt's, which ResNet's use: below 384 pixels the picture is resized to more and cropped.
  const isCropped = crop_pct > 0 && crop_pct < 1 && resized < 384;
  const resize = isCropped ? Math.floor(resized / crop_pct) : resized;
  return checked({ crop: resized, resize, interpolation, mean, std });
}

/** A side: a number, height and width alike, or the shorter one. */
function sideOf(size: unknown): number | undefined {
  if (isSide(size)) return size;
  const { height, width, shortest_edge } = (size ?? {}) as Json;
  if (isSide(shortest_edge)) return shortest_edge;
  return isSide(height) && height === width ? height : undefined;
}

function isSide(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= 4096;
}

/** What can be done here: two filters, and a mean and a standard deviation for each of three channels. */
function checked(
  { interpolation, mean, std, ...sides }: {
    crop: number;
    resize: number;
    interpolation: unknown;
    mean: unknown;
    std: unknown;
  },
): StatedPreprocessing | undefined {
  if (interpolation !== "bilinear" && interpolation !== "bicubic") return undefined;
  if (sides.resize < sides.crop || !isTriple(mean) || !isTriple(std) || std.some((value) => value <= 0)) {
    return undefined;
  }
  return { ...sides, interpolation, mean, std };
}

function isTriple(value: unknown): value is number[] {
  return Array.isArray(value) && value.length === 3 && value.every((item) => Number.isFinite(item));
}
