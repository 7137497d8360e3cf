/**
 * Draws up the faces of the demo set: who wears what in which colours, and which of CelebA's attributes hold. Faces are
 * Pablo Stanley's Avataaars, as DiceBear offers them.
 *
 * @module
 */

import { randomBelow, type RandomStream, randomStream } from "../../random.ts";

/** Hair-colour classes of the demo set, and how many pictures each has in proportion. */
export const hairRatios = { Black_Hair: 2, Blond_Hair: 1, Brown_Hair: 1, Gray_Hair: 1, Others: 0.5 } as const;

/** A hair-colour class. */
export type Hair = keyof typeof hairRatios;

/** Attributes of the demo set: those of CelebA's forty that fit, in CelebA's order. */
export const demoAttributes = [
  "Bald",
  "Black_Hair",
  "Blond_Hair",
  "Brown_Hair",
  "Eyeglasses",
  "Gray_Hair",
  "Mouth_Slightly_Open",
  "Mustache",
  "No_Beard",
  "Pale_Skin",
  "Smiling",
  "Straight_Hair",
  "Wavy_Hair",
  "Wearing_Hat",
] as const;

/** A face to be drawn. */
export interface Face {
  /** Options of DiceBear's `createAvatar`. */
  readonly options: Readonly<Record<string, string | number | boolean | string[]>>;
  /** The attributes that hold. */
  readonly attributes: ReadonlySet<(typeof demoAttributes)[number]>;
}

/** Hue in degrees, saturation and lightness in per cent: from, to. */
type Shade = readonly [
  hue: readonly [number, number],
  saturation: readonly [number, number],
  light: readonly [number, number],
];

const hairShades: Record<Exclude<Hair, "Others">, Shade> = {
  Black_Hair: [[0, 360], [5, 25], [4, 11]],
  Blond_Hair: [[38, 48], [45, 75], [60, 74]],
  Brown_Hair: [[14, 30], [35, 55], [20, 34]],
  Gray_Hair: [[0, 360], [0, 6], [55, 82]],
};

/** Hair of the others: red, green, blue, purple, pink. */
const otherShades: readonly Shade[] = [
  [[0, 8], [70, 90], [40, 50]],
  [[120, 160], [50, 80], [35, 55]],
  [[200, 230], [55, 85], [40, 60]],
  [[270, 290], [50, 80], [40, 60]],
  [[320, 340], [65, 90], [55, 70]],
];

/** Hats, in colours that hair has not. */
const hatShade: Shade = [[100, 350], [55, 90], [30, 65]];

const straight = ["bob", "longButNotTooLong", "miaWallace", "straight01", "straight02", "straightAndStrand"];
const wavy = ["curly", "curvy", "fro", "froBand", "shortCurly", "shortWaved", "bigHair"];
const otherTops = [
  ...["bun", "dreads", "dreads01", "dreads02", "frida", "frizzle", "shaggy", "shaggyMullet", "shavedSides"],
  ...["shortFlat", "shortRound", "theCaesar", "theCaesarAndSidePart"],
];
const hats = ["hat", "winterHat02"]; // the others have a white band, which passes for grey hair at this size
const glasses = ["kurt", "prescription01", "prescription02", "round", "sunglasses", "wayfarers"];
const skins = ["614335", "ae5d29", "d08b5b", "edb98a", "ffdbb4"];
const paleSkin = "ffdbb4";
const beards = ["beardLight", "beardMajestic", "beardMedium"];
const mustaches = ["moustacheFancy", "moustacheMagnum"];
const smiles = ["smile", "twinkle"];
const openMouths = ["smile", "screamOpen"];
const mouths = [...smiles, "smile", "concerned", "disbelief", "grimace", "sad", "screamOpen", "serious"];
const eyes = ["closed", "default", "happy", "side", "squint", "surprised", "wink"];
const brows = ["default", "defaultNatural", "flatNatural", "raisedExcited", "raisedExcitedNatural", "upDown"];
const clothes = [
  "blazerAndShirt",
  "blazerAndSweater",
  "collarAndSweater",
  "hoodie",
  "overall",
  "shirtCrewNeck",
  "shirtVNeck",
];

/** Stream of faces. */
const faceStream = 0xface;

/**
 * Draws up a face. The hair of the four colours is always to be seen. Hats, which hide it all, are worn by others only,
 * and bald heads are others, too.
 *
 * @param seed Names the set.
 * @param index The face's number in the set.
 * @param hair Its class.
 * @returns Options for the drawing, and the attributes that hold.
 */
export function drawUpFace(seed: number, index: number, hair: Hair): Face {
  const next = randomStream(faceStream, seed, index);
  const pick = <T>(items: readonly T[]): T => items[randomBelow(next, items.length)];
  const chance = (percent: number) => randomBelow(next, 100) < percent;
  const head = hair !== "Others" || chance(70) ? "hair" : chance(65) ? "hat" : "bald";
  const top = head === "hat" ? pick(hats) : pick([...straight, ...wavy, ...otherTops]);
  const hairColor = color(next, hair === "Others" ? pick(otherShades) : hairShades[hair]);
  const face = chance(75) ? "shaven" : chance(65) ? "beard" : "mustache";
  const [wearsGlasses, mouth, skin] = [chance(30), pick(mouths), pick(skins)];
  const options = {
    seed: `${index}`,
    size: 280,
    top: [top],
    topProbability: head === "bald" ? 0 : 100,
    hairColor: [hairColor],
    hatColor: [color(next, hatShade)],
    facialHair: [pick(face === "beard" ? beards : mustaches)],
    facialHairProbability: face === "shaven" ? 0 : 100,
    facialHairColor: [hairColor],
    accessories: [pick(glasses)],
    accessoriesProbability: wearsGlasses ? 100 : 0,
    accessoriesColor: [color(next, [[0, 360], [0, 60], [10, 40]])],
    skinColor: [skin],
    mouth: [mouth],
    eyes: [pick(eyes)],
    eyebrows: [pick(brows)],
    clothing: [pick(clothes)],
    clothesColor: [color(next, [[0, 360], [10, 80], [20, 85]])],
    backgroundColor: [color(next, [[0, 360], [5, 60], [35, 92]])],
    flip: chance(50),
    rotate: (randomBelow(next, 17) + 352) % 360,
    scale: 90 + randomBelow(next, 21),
    translateX: randomBelow(next, 11) - 5,
    translateY: randomBelow(next, 9) - 2,
  };
  const holds: Record<(typeof demoAttributes)[number], boolean> = {
    Bald: head === "bald",
    Black_Hair: hair === "Black_Hair",
    Blond_Hair: hair === "Blond_Hair",
    Brown_Hair: hair === "Brown_Hair",
    Eyeglasses: wearsGlasses,
    Gray_Hair: hair === "Gray_Hair",
    Mouth_Slightly_Open: openMouths.includes(mouth),
    Mustache: face === "mustache",
    No_Beard: face !== "beard",
    Pale_Skin: skin === paleSkin,
    Smiling: smiles.includes(mouth),
    Straight_Hair: head === "hair" && straight.includes(top),
    Wavy_Hair: head === "hair" && wavy.includes(top),
    Wearing_Hat: head === "hat",
  };
  return { options, attributes: new Set(demoAttributes.filter((name) => holds[name])) };
}

/** A colour of a shade, as six hexadecimal digits. */
function color(next: RandomStream, [hues, saturations, lights]: Shade): string {
  const between = ([from, to]: readonly [number, number]) => from + randomBelow(next, 1000) / 1000 * (to - from);
  const [hue, saturation, light] = [between(hues), between(saturations) / 100, between(lights) / 100];
  const span = saturation * Math.min(light, 1 - light);
  const channel = (n: number) => {
    const k = (n + hue / 30) % 12;
    const value = light - span * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(value * 255).toString(16).padStart(2, "0");
  };
  return channel(0) + channel(8) + channel(4);
}
