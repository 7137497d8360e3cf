/**
 * What a method of explanation is: of a picture and a class it makes a map of what counted.
 *
 * @module
 */

import type { Anatomy } from "./anatomy.ts";
import type { MethodName } from "./method_names.ts";
import type { Probe } from "./probe.ts";

/** Numbers that methods are told; each method uses some of them. */
export interface MethodOptions {
  /** Layer whose output is explained, or of attention whose weights are drawn; default the last stage, or the last. */
  readonly layer?: string;
  /** Integrated gradients: points on the way from the mean colour to the picture; default 32. */
  readonly steps?: number;
  /** SmoothGrad: noisy copies of the picture; default 24. */
  readonly samples?: number;
  /** SmoothGrad: deviation of the noise, as a share of the range of the picture's values; default 0.15. */
  readonly noise?: number;
  /** SmoothGrad: names the noise; default 0. */
  readonly seed?: number;
  /** Occlusion: side of what is hidden in pixels; default an eighth of the picture's. */
  readonly window?: number;
  /** Occlusion: pixels from one place to the next; default half of the window. */
  readonly stride?: number;
}

/** An option of methods. */
export type MethodOption = keyof MethodOptions;

/** What is asked about a picture. */
export interface Question extends MethodOptions {
  /** The picture as the model takes it, [C, S, S]. */
  readonly image: Float32Array;
  /** What is explained: a factor for each logit, [K]. Of a class 1 for its own and 0 for the others. */
  readonly select: Float32Array;
  /** Was a class asked for? Where it was not, attention alone is drawn, whatever it led to. */
  readonly isClassAsked: boolean;
}

/** What a method gives. */
export interface MethodMap {
  /** Rows and columns. */
  readonly side: number;
  /** [side, side]; of attention [heads, side, side]. */
  readonly values: Float32Array;
  /** The layer that it is of, where there is one. */
  readonly layer?: string;
  /** Pixels of the picture that the map's side covers; default the picture's side. Some are beyond its edge. */
  readonly covered?: number;
  /** The gradient itself, [C, S, S], where it looks like a picture. */
  readonly pattern?: Float32Array;
}

/** A method. */
export interface Method {
  /** What users call it. */
  readonly name: MethodName;
  /** What it draws and who described it, in one line. */
  readonly summary: string;
  /** Options that it uses. */
  readonly uses: readonly MethodOption[];
  /** Are its maps of both signs? Below 0 is what spoke against the class. */
  readonly isSigned: boolean;
  /** Why a model cannot have it; undefined where it can. */
  readonly lacks: (anatomy: Anatomy) => string | undefined;
  /** The layer of a name, or its own choice; UserError with the nearest where there is none. Missing: it takes none. */
  readonly layerOf?: (anatomy: Anatomy, name: string | undefined) => { readonly name: string };
  /** Makes the map. */
  readonly explain: (probe: Probe, question: Question) => Promise<MethodMap>;
}
