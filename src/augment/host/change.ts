/**
 * What a random change to a picture's pixels is, of which transformations are made.
 *
 * @module
 */

import type { RandomStream } from "../../random.ts";
import { chance } from "./draws.ts";
import { packed, type Pixels, wholeOf } from "./picture_view.ts";
import type { Interpolation } from "./resample.ts";
import { type HostTransformation, streamOf } from "./transformation.ts";

/** What a run's pictures are like, which changes go by. */
export interface PictureFacts {
  /** Mean of each channel, of values from 0 to 1: as many as there are channels. */
  readonly mean: readonly number[];
  /** How pixels are mixed where pictures are resized. */
  readonly interpolation: Interpolation;
}

/** What a change goes by. */
export interface ChangeFacts {
  /** Colour of what comes from outside of the picture: the mean, in bytes, as timm does. */
  readonly fill: readonly number[];
  /** How pixels are mixed where pictures are resized. */
  readonly interpolation: Interpolation;
  /** Side that the model takes, in pixels. */
  readonly size: number;
}

/** A change: what it draws it draws from the stream; the picture itself stays as it is. */
export type Change = (picture: Pixels, next: RandomStream, facts: ChangeFacts) => Pixels;

/** A change as a transformation. */
export interface ChangeSpec {
  /** What it is called. */
  readonly name: string;
  /** Its place in the list of transformations, which names its random numbers. */
  readonly place: number;
  /** The share of the pictures that it is done to. */
  readonly p: number;
  /** Whether it takes a part out of a larger square. */
  readonly crops?: boolean;
  /** Whether it says where the picture is looked at. */
  readonly frames?: boolean;
}

/** A transformation that does a change to a share of the pictures. */
export function changing(
  { name, place, p, crops, frames }: ChangeSpec,
  change: Change,
  facts: PictureFacts,
): HostTransformation {
  const { interpolation } = facts;
  const fill = facts.mean.map((value) => Math.min(255, Math.round(255 * value)));
  return {
    ...{ name, crops, frames },
    apply(picture, key, size) {
      const next = streamOf(place, key);
      return chance(next, p) ? wholeOf(change(packed(picture), next, { fill, interpolation, size })) : picture;
    },
  };
}
