/**
 * The terms of the setting `augment`: what each is called, the numbers that it takes, and what it does.
 *
 * Workers load this file: what it imports is of the host.
 *
 * @module
 */

import { randomBelow, type RandomStream, shuffle } from "../random.ts";
import type { Key, Term, TermKind } from "./grammar.ts";
import { type Change, changing, type PictureFacts } from "./host/change.ts";
import * as colour from "./host/colour.ts";
import { crop } from "./host/crop.ts";
import { gaussian, uniform } from "./host/draws.ts";
import { type Erasing, erasingOf } from "./host/erase.ts";
import { gaussianBlur, sharpness } from "./host/filter.ts";
import { mirror, verticalMirror } from "./host/mirror.ts";
import type { Pixels } from "./host/picture_view.ts";
import { autoAugment, type autoPolicies, trivialAugment } from "./host/policies/auto.ts";
import { augMix, type AugMixSettings, randAugment, type RandSettings, WEIGHTED } from "./host/policies/rand.ts";
import { resizedCrop } from "./host/resized_crop.ts";
import type { HostTransformation } from "./host/transformation.ts";
import * as warp from "./host/warp.ts";

/** What a term is: its values, and its transformation. */
interface Row extends TermKind {
  /** What it does, in the words of a table. */
  readonly help: string;
  /** Whether it takes a part out of a larger square. */
  readonly crops?: true;
  /** Whether it would change nothing of grey pictures. */
  readonly colours?: true;
  /** Whether the share `p` is of each operation, not of the pictures. */
  readonly perOperation?: true;
  /** A transformation of pixels that is done to a share `p` of the pictures, of all unless it has the key. */
  readonly change?: (term: Term) => Change;
  /** A transformation of another make. */
  readonly make?: (term: Term, place: number) => HostTransformation;
}

const share = (byDefault: number): Key => ({ byDefault, min: 0, max: 1 });
const upTo = (max: number, byDefault: number): Key => ({ byDefault, min: 0, max });
const whole = (min: number, max: number, byDefault: number): Key => ({ byDefault, min, max, whole: true });

/** A number as far from 0 as `most`, to both sides. */
const around = (next: RandomStream, most: number): number => uniform(next, -most, most);

/** The values of RandAugment and AugMix that timm calls alike. */
const magnitude = (m: number, mstd: number) => ({
  m: upTo(30, m),
  mstd: upTo(1000, mstd),
  mmax: { byDefault: 10, min: 1, max: 30 },
});

/** Brightness, contrast, saturation and hue in random order, as torchvision's `ColorJitter`. */
function jitter({ numbers: { b, c, s, h } }: Term): Change {
  const factor = (most: number, next: RandomStream) => uniform(next, Math.max(0, 1 - most), 1 + most);
  const all: [most: number, change: (picture: Pixels, next: RandomStream) => Pixels][] = [
    [b, (picture, next) => colour.brightness(picture, factor(b, next))],
    [c, (picture, next) => colour.contrast(picture, factor(c, next))],
    [s, (picture, next) => colour.saturation(picture, factor(s, next))],
    [h, (picture, next) => colour.hue(picture, around(next, h))],
  ];
  const used = all.filter(([most]) => most > 0);
  return (picture, next) => shuffle([...used], next).reduce((seen, [, change]) => change(seen, next), picture);
}

/** Corners that each move towards the middle, as torchvision's `RandomPerspective`. */
const perspective = ({ numbers: { d } }: Term): Change => (picture, next, { fill }) => {
  const [right, bottom] = [picture.width - 1, picture.height - 1];
  const across = () => randomBelow(next, Math.trunc(d * Math.floor(picture.width / 2)) + 1);
  const down = () => randomBelow(next, Math.trunc(d * Math.floor(picture.height / 2)) + 1);
  const from = [[0, 0], [right, 0], [right, bottom], [0, bottom]] as const;
  const to = from.map(([x, y]) => [x === 0 ? across() : right - across(), y === 0 ? down() : bottom - down()] as const);
  return warp.perspective(picture, from, to, fill);
};

/** All terms by name, in the order of the README. */
export const terms: Readonly<Record<string, Row>> = {
  crop: { help: "a part of the model's size, from anywhere", crops: true, make: () => crop },
  rrc: {
    help: "random resized crop: area s, width over height r",
    crops: true,
    keys: {
      s: { byDefault: [0.08, 1], min: 0.01, max: 1 },
      r: { byDefault: [0.75, 4 / 3], min: 0.1, max: 10 },
    },
    change: ({ pairs: { s, r } }) => resizedCrop(s, r),
  },
  flip: { help: "half of the pictures mirrored", make: () => mirror },
  vflip: {
    help: "turned upside down, for pictures without an up",
    keys: { p: share(0.5) },
    make: ({ numbers: { p } }, place) => verticalMirror(place, p),
  },
  rotate: {
    help: "turned by up to d degrees",
    keys: { d: upTo(180, 15), p: share(1) },
    change: ({ numbers: { d } }) => (picture, next, { fill }) => warp.rotate(picture, around(next, d), fill),
  },
  translate: {
    help: "moved by up to a of the side",
    keys: { a: upTo(1, 0.1), p: share(1) },
    change: ({ numbers: { a } }) => (picture, next, { fill }) => {
      const [x, y] = [around(next, a * picture.width), around(next, a * picture.height)];
      return warp.warped(picture, [1, 0, x, 0, 1, y], fill);
    },
  },
  shear: {
    help: "sheared both ways, by up to f pixels a pixel",
    keys: { f: upTo(1, 0.3), p: share(1) },
    change: ({ numbers: { f } }) => (picture, next, { fill }) => {
      const [x, y] = [around(next, f), around(next, f)];
      const [width, height] = [picture.width / 2, picture.height / 2];
      return warp.warped(picture, [1, x, -x * height, y, 1, -y * width], fill); // the middle stays
    },
  },
  perspective: {
    help: "seen from another side: corners move by up to d of half a side",
    keys: { d: upTo(1, 0.5), p: share(0.5) },
    change: perspective,
  },
  jitter: {
    help: "brightness b, contrast c, saturation s, hue h",
    keys: { b: upTo(2, 0.4), c: upTo(2, 0.4), s: upTo(2, 0.4), h: upTo(0.5, 0), p: share(1) },
    change: jitter,
  },
  grey: {
    help: "colours taken off",
    colours: true,
    keys: { p: share(0.1) },
    change: () => colour.grey,
  },
  blur: {
    help: "Gaussian blur of deviation s in pixels",
    keys: { s: { byDefault: [0.1, 2], min: 0.1, max: 20 }, p: share(0.1) },
    change: ({ pairs: { s } }) => (picture, next) => gaussianBlur(picture, uniform(next, ...s)),
  },
  sharpness: {
    help: "sharper by factor f, smoother below 1",
    keys: { f: upTo(10, 2), p: share(0.5) },
    change: ({ numbers: { f } }) => (picture) => sharpness(picture, f),
  },
  posterize: {
    help: "b bits kept",
    keys: { b: whole(1, 8, 4), p: share(0.5) },
    change: ({ numbers: { b } }) => (picture) => colour.posterize(picture, b),
  },
  solarize: {
    help: "bytes from t on turned over",
    keys: { t: whole(0, 256, 128), p: share(0.5) },
    change: ({ numbers: { t } }) => (picture) => colour.solarize(picture, t),
  },
  equalize: { help: "all brightnesses as frequent", keys: { p: share(0.5) }, change: () => colour.equalize },
  autocontrast: { help: "stretched from black to white", keys: { p: share(0.5) }, change: () => colour.autoContrast },
  invert: { help: "the negative", keys: { p: share(0.5) }, change: () => colour.invert },
  lighting: {
    help: "AlexNet's: light along the colours' main components, deviation s",
    colours: true,
    keys: { s: upTo(10, 0.1) },
    change: ({ numbers: { s } }) => (picture, next) =>
      colour.lighting(picture, [0, 0, 0].map(() => gaussian(next, 0, s))),
  },
  rand: {
    help: "RandAugment: n operations of magnitude m, and timm's mstd, mmax, inc, p, tweights",
    keys: { ...magnitude(10, 0), n: whole(1, WEIGHTED, 2), inc: whole(0, 1, 0), p: share(0.5) },
    words: ["", "tweights"],
    perOperation: true,
    change: ({ numbers, word }) =>
      randAugment({ ...numbers, weighted: word === "tweights" } as unknown as RandSettings),
  },
  trivial: { help: "TrivialAugment: one operation of any magnitude", change: () => trivialAugment },
  auto: {
    help: "AutoAugment's policy of imagenet or cifar10",
    words: ["imagenet", "cifar10"],
    change: ({ word }) => autoAugment(word as keyof typeof autoPolicies),
  },
  augmix: {
    help: "AugMix: w chains of d operations (0: 1 to 3) of magnitude m, mixed",
    keys: { ...magnitude(3, 1000), w: whole(1, 10, 3), d: whole(0, 10, 0) },
    change: ({ numbers }) => augMix(numbers as unknown as AugMixSettings),
  },
  erase: {
    help: "random erasing: area a, proportions from r, n rectangles of const, rand or pixel",
    keys: {
      p: share(0.25),
      a: { byDefault: [0.02, 1 / 3], min: 0, max: 1 },
      r: { byDefault: 0.3, min: 0.01, max: 1 },
      n: whole(1, 10, 1),
    },
    words: ["pixel", "const", "rand"],
    make: ({ numbers: { p, r, n }, pairs: { a }, word }, place) =>
      erasingOf(place, { p, area: a, aspect: r, count: n, mode: word as Erasing["mode"] }),
  },
};

/**
 * The transformation of a term.
 *
 * @param term The term.
 * @param place Its place in the list of terms, which names its random numbers.
 * @param facts What the pictures are like.
 */
export function transformationOf(term: Term, place: number, facts: PictureFacts): HostTransformation {
  const { crops, perOperation, change, make } = terms[term.name];
  if (make !== undefined) return make(term, place);
  const p = perOperation ? 1 : term.numbers.p ?? 1;
  return changing({ name: term.name, place, p, crops, frames: crops }, change!(term), facts);
}
