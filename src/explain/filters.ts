/**
 * What a network's layers have learnt to look for (Zeiler and Fergus, 2014, figure 2): the first layer's filters as
 * pictures, and of a deeper layer's channels the patches of a data set that they answer most.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { Model } from "../models/model.ts";
import type { RgbPixels } from "../report/png.ts";
import { asMap, lastStage, layerNamed, type MapLayer } from "./anatomy.ts";
import type { Probe } from "./probe.ts";
import { type ReceptiveField, receptiveField } from "./receptive_field.ts";

/** Filters as pictures. */
export interface Filters {
  /** The layer, such as `conv1`. */
  readonly layer: string;
  /** Side of a filter in pixels. */
  readonly side: number;
  /** One each: grey is 0, and the largest size in a filter is black or white. */
  readonly pictures: readonly RgbPixels[];
}

/**
 * The filters of the first convolution of pictures.
 *
 * @throws UserError where a model has none.
 */
export function firstFilters(model: Model): Filters {
  const { name, shape } = model.parameters.find(({ shape }) => shape.length === 4 && shape[1] === model.channels) ?? {};
  if (name === undefined || shape === undefined) {
    throw new UserError(`Cannot draw the filters of ${model.name}: no convolution of it takes pictures`, 2);
  }
  const [count, channels, side] = shape;
  const values = model.weights.get(name)!;
  const size = channels * side * side;
  const pictures = Array.from({ length: count }, (_, filter): RgbPixels => {
    const own = values.subarray(filter * size, (filter + 1) * size);
    const most = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
    const rgb = new Uint8Array(3 * side * side);
    for (let i = 0; i < side * side; i++) {
      for (let c = 0; c < 3; c++) {
        rgb[3 * i + c] = Math.round(127.5 * (1 + own[Math.min(c, channels - 1) * side * side + i] / most));
      }
    }
    return { width: side, height: side, rgb };
  });
  return { layer: name.replace(/\.weight$/, ""), side, pictures };
}

/** A patch of a picture that a channel answers. */
export interface Patch {
  /** Place of the picture among those that were seen. */
  readonly picture: number;
  /** What the channel answers, the largest value in the picture. */
  readonly value: number;
  /** First row and column of the patch, which may be beyond the picture's edge. */
  readonly top: number;
  /** First column. */
  readonly left: number;
  /** Rows and columns of the patch. */
  readonly side: number;
  /** Its pixels; beyond the picture's edge white. */
  readonly pixels: RgbPixels;
}

/** Finds the patches that a layer's channels answer most, of pictures that come one after the other. */
export class PatchSearch {
  /** The layer. */
  readonly layer: MapLayer;
  /** The channels that are looked at. */
  readonly channels: readonly number[];
  readonly #probe: Probe;
  readonly #most: number;
  readonly #field: ReceptiveField | undefined;
  readonly #best: Patch[][];
  #seen = 0;

  /**
   * @param probe The model.
   * @param name The layer; default the last stage.
   * @param count Channels: the first ones.
   * @param most Patches of each channel, each of another picture.
   * @throws UserError where there is no such layer.
   */
  constructor(probe: Probe, name: string | undefined, count: number, most: number) {
    const { anatomy, model } = probe;
    const layer = name === undefined
      ? lastStage(anatomy)
      : layerNamed(name, anatomy.layers, `${model.name} has no map from a layer`);
    if (!layer) throw new UserError(`Cannot find patches for ${model.name}: it has no layer whose output is a map`, 2);
    this.layer = layer;
    this.channels = Array.from({ length: Math.min(count, layer.channels) }, (_, c) => c);
    this.#probe = probe;
    this.#most = most;
    this.#best = this.channels.map(() => []);
    const b = new GraphBuilder({ asWritten: true });
    const images = b.input("images", [1, model.channels, model.imageSize, model.imageSize]);
    const output = model.trace(b, 1, false, undefined, images).scope.outputs.get(layer.name)!;
    this.#field = receptiveField(b.graph, images, output);
  }

  /** Pixels that a place of the map sees at most, along a side. */
  get fieldSide(): number {
    const { imageSize } = this.#probe.model;
    return this.#field ? Math.min(imageSize, this.#field.last - this.#field.first + 1) : imageSize;
  }

  /**
   * Looks at pictures.
   *
   * @param images As the model takes them, [N, C, S, S].
   * @param pixelsOf The n-th of them as pixels, of the same side.
   */
  async look(images: Float32Array, pixelsOf: (n: number) => RgbPixels): Promise<void> {
    const { layer, channels } = this;
    const { map } = await this.#probe.ask(`map ${layer.name} ${channels.length}`, images, undefined, ({ b, scope }) => {
      const whole = asMap(b, scope.outputs.get(layer.name)!, layer);
      const [batch, , side] = whole.shape;
      b.output("map", b.slice(whole, [0, 0, 0, 0], [batch, channels.length, side, side]));
    });
    const plane = layer.side ** 2;
    for (let n = 0; n < images.length / this.#probe.size; n++) {
      for (const c of channels) {
        const own = map.subarray((n * channels.length + c) * plane, (n * channels.length + c + 1) * plane);
        const at = own.reduce((best, value, i) => value > own[best] ? i : best, 0);
        this.#add(c, own[at], at, () => pixelsOf(n));
      }
      this.#seen++;
    }
  }

  /** The patches of each channel, the largest answer first. */
  get patches(): readonly (readonly Patch[])[] {
    return this.#best;
  }

  #add(channel: number, value: number, at: number, pixels: () => RgbPixels): void {
    const best = this.#best[channel];
    const place = best.findIndex((other) => value > other.value);
    if (place < 0 && best.length >= this.#most) return;
    const { top, left, side } = this.#patchAt(at);
    const patch = { picture: this.#seen, value, top, left, side, pixels: cut(pixels(), top, left, side) };
    best.splice(place < 0 ? best.length : place, 0, patch);
    best.length = Math.min(best.length, this.#most);
  }

  /** What a place sees; all of the picture where that is as much. */
  #patchAt(at: number): { top: number; left: number; side: number } {
    const { imageSize } = this.#probe.model;
    const field = this.#field;
    if (!field || field.last - field.first + 1 >= imageSize) return { top: 0, left: 0, side: imageSize };
    const { first, last, step } = field;
    const [row, column] = [Math.floor(at / this.layer.side), at % this.layer.side];
    return { top: first + row * step, left: first + column * step, side: last - first + 1 };
  }
}

/** A square of a picture; beyond its edge white. */
function cut({ width, height, rgb }: RgbPixels, top: number, left: number, side: number): RgbPixels {
  const out = new Uint8Array(3 * side * side).fill(255);
  for (let y = Math.max(0, -top); y < side && top + y < height; y++) {
    const [from, to] = [Math.max(0, -left), Math.min(side, width - left)];
    if (from >= to) continue;
    const start = 3 * ((top + y) * width + left + from);
    out.set(rgb.subarray(start, start + 3 * (to - from)), 3 * (y * side + from));
  }
  return { width: side, height: side, rgb: out };
}
