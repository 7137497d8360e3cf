/**
 * Class maps: what a fully convolutional model says of each place of a picture (Shelhamer et al., 2015).
 *
 * A model whose dense layers can be convolutions is taken as it is: their weights are the same. A picture is seen at
 * its own size, enlarged to the side that the model was trained at, or made smaller to four times that.
 *
 * @module
 */

import { wholeOf } from "../augment/host/picture_view.ts";
import { resizePart } from "../augment/host/resample.ts";
import { normalTables, placePicture } from "../data/batches/batch.ts";
import type { Picture } from "../data/pictures/decode.ts";
import type { Device, Program, Session } from "../device/device.ts";
import { UserError } from "../errors.ts";
import { GraphBuilder } from "../graph/builder.ts";
import type { Graph } from "../graph/graph.ts";
import { createModel, type Model, models } from "../models/mod.ts";
import type { Preprocessing } from "./checkpoint.ts";
import { writeWeights } from "./evaluate.ts";
import { inChannels } from "./picture_input.ts";

/** Most times the side of training that a picture's shorter side is. */
const MOST_TIMES = 4;

/** What a model says of each place. */
export interface ClassMap {
  /** The picture as the model saw it. */
  readonly picture: Picture;
  /** Places one below the other. */
  readonly rows: number;
  /** Places side by side. */
  readonly columns: number;
  /** Logits of each place, [K, rows, columns]. */
  readonly logits: Float32Array;
  /** Middle of the first place in pixels from the picture's left and upper edge. */
  readonly first: number;
  /** Pixels from the middle of one place to the next, down and across. */
  readonly spacing: readonly [down: number, across: number];
}

/**
 * The model with its dense layers as convolutions, and its weights.
 *
 * @throws UserError where it cannot have them so.
 */
export function withClassMap(model: Model): Model {
  const { name, options } = model;
  if (options.head === "fcn") return model;
  if (options.head !== undefined || !models.some((known) => known.name === name && known.heads?.includes("fcn"))) {
    const others = models.filter(({ heads }) => heads?.includes("fcn")).map((known) => known.name);
    const why = options.head === undefined ? "" : ` with the head ${options.head}`;
    throw new UserError(`${name}${why} gives no class map; models that do are ${others[0]}, … and ${others.at(-1)}`, 2);
  }
  const convolved = createModel(name, { ...options, head: "fcn" });
  for (const [key, values] of model.weights) convolved.weights.set(key, values);
  return convolved;
}

/** Makes class maps of pictures of any size, one at a time. */
export class ClassMapper implements Disposable {
  readonly #model: Model;
  readonly #preprocessing: Preprocessing;
  readonly #normal: readonly Float32Array[];
  readonly #session: Session;
  /** Places along a side of a picture of the side of training. */
  readonly #places: number;
  /** The last program, and the size that it is for. */
  #program?: { readonly size: string; readonly program: Program; readonly shape: readonly number[] };

  /**
   * Gives the weights to the device.
   *
   * @param model Any that {@link withClassMap} takes.
   */
  constructor(model: Model, preprocessing: Preprocessing, device: Device) {
    this.#model = withClassMap(model);
    this.#preprocessing = preprocessing;
    this.#normal = normalTables(preprocessing.mean, preprocessing.std);
    this.#places = this.#graph(model.imageSize, model.imageSize).shape[2];
    this.#session = device.open();
    writeWeights(this.#session, this.#model);
  }

  /** The map of a picture. */
  async map(picture: Picture): Promise<ClassMap> {
    const { channels, imageSize } = this.#model;
    const shorter = Math.min(picture.width, picture.height);
    const scale = Math.min(Math.max(shorter, imageSize), MOST_TIMES * imageSize) / shorter;
    const [width, height] = [picture.width, picture.height].map((side) => Math.round(side * scale));
    const { interpolation } = this.#preprocessing;
    const size = { width, height };
    const resized = resizePart(inChannels(picture, channels), size, { left: 0, top: 0, ...size }, interpolation);
    const images = new Float32Array(channels * width * height);
    placePicture(wholeOf(resized), this.#normal, images);
    const { program, shape: [, , rows, columns] } = this.#programFor(height, width);
    program.run({ images });
    const { class_map: logits } = await program.outputs();
    const spacing = [[height, rows], [width, columns]].map(([side, places]) =>
      places > this.#places ? (side - imageSize) / (places - this.#places) : imageSize / this.#places
    );
    return {
      ...{ picture: resized, rows, columns, logits, first: imageSize / (2 * this.#places) },
      spacing: [spacing[0], spacing[1]],
    };
  }

  /** Frees the device's memory. */
  [Symbol.dispose](): void {
    this.#session[Symbol.dispose]();
  }

  #graph(height: number, width: number): { readonly graph: Graph; readonly shape: readonly number[] } {
    const b = new GraphBuilder();
    const images = b.input("images", [1, this.#model.channels, height, width]);
    const map = this.#model.trace(b, 1, false, undefined, images).scope.outputs.get("class_map")!;
    b.output("class_map", map);
    return { graph: b.graph, shape: map.shape };
  }

  #programFor(height: number, width: number) {
    const size = `${height}×${width}`;
    if (this.#program?.size !== size) {
      const { graph, shape } = this.#graph(height, width);
      this.#program = { size, program: this.#session.compile(graph), shape };
    }
    return this.#program;
  }
}
