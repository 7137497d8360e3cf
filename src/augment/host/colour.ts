/**
 * Transformations of colours, in the arithmetic of Pillow's `ImageEnhance`, `ImageOps` and `Image.convert`. Those that
 * look at each channel's byte alone are tables of 256.
 *
 * @module
 */

import type { Pixels } from "./picture_view.ts";

/** Pillow's floats have 32 bits. */
const { fround } = Math;

/** A picture whose bytes are looked up: in one table, or in one a channel. */
export function mapped(picture: Pixels, tables: readonly Uint8Array[]): Pixels {
  const { channels, data } = picture;
  const out = new Uint8Array(data.length);
  for (let c = 0; c < channels; c++) {
    const table = tables[c] ?? tables[0];
    for (let i = c; i < data.length; i += channels) out[i] = table[data[i]];
  }
  return { ...picture, data: out };
}

/** A table of a function; what is no byte is clipped, fractions are cut off. */
function tableOf(value: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => Math.trunc(Math.min(255, Math.max(0, value(byte)))));
}

/** Pillow's luma of a pixel (ITU-R 601). */
const luma = (red: number, green: number, blue: number): number =>
  (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;

/** From `from` at 0 to `to` at 1, and beyond: Pillow's `Image.blend`. */
function between(from: number, to: number, share: number): number {
  return fround(from + fround(fround(share) * (to - from)));
}

/** Two pictures mixed, or moved apart where the share is not from 0 to 1: Pillow's `Image.blend`. */
export function blend(from: Pixels, to: Pixels, share: number): Pixels {
  const out = new Uint8Array(to.data.length);
  for (let i = 0; i < out.length; i++) {
    const value = between(from.data[i], to.data[i], share);
    out[i] = value <= 0 ? 0 : value >= 255 ? 255 : value;
  }
  return { ...to, data: out };
}

/** Brighter above 1, darker below, black at 0. */
export const brightness = (picture: Pixels, factor: number): Pixels =>
  mapped(picture, [tableOf((byte) => between(0, byte, factor))]);

/** More contrast above 1, less below, one grey at 0: that of the picture's mean. */
export function contrast(picture: Pixels, factor: number): Pixels {
  const { channels, data } = picture;
  let sum = 0;
  for (let i = 0; i < data.length; i += channels) {
    sum += channels === 1 ? data[i] : luma(data[i], data[i + 1], data[i + 2]);
  }
  const mean = Math.floor(sum * channels / data.length + 0.5);
  return mapped(picture, [tableOf((byte) => between(mean, byte, factor))]);
}

/** A picture without colours, of as many channels. */
export function grey(picture: Pixels): Pixels {
  const { channels, data } = picture;
  if (channels === 1) return picture;
  const out = new Uint8Array(data.length);
  for (let i = 0; i < out.length; i += 3) {
    out[i] = out[i + 1] = out[i + 2] = luma(data[i], data[i + 1], data[i + 2]);
  }
  return { ...picture, data: out };
}

/** More colour above 1, less below, none at 0. A grey picture stays as it is. */
export const saturation = (picture: Pixels, factor: number): Pixels => blend(grey(picture), picture, factor);

/** Which of value, lowest, falling and rising part is red, green and blue, for each sixth of the circle of hues. */
const SECTORS = [[0, 3, 1], [2, 0, 1], [1, 0, 3], [1, 2, 0], [3, 1, 0], [0, 1, 2]] as const;

/** The hue turned by a share of the circle, from −0.5 to 0.5, by way of Pillow's HSV of bytes. */
export function hue(picture: Pixels, turn: number): Pixels {
  const { channels, data } = picture;
  if (channels === 1) return picture;
  const by = Math.trunc(turn * 255);
  const parts = [0, 0, 0, 0];
  const out = new Uint8Array(data.length);
  for (let i = 0; i < out.length; i += 3) {
    const [red, green, blue] = [data[i], data[i + 1], data[i + 2]];
    const value = Math.max(red, green, blue);
    const range = value - Math.min(red, green, blue);
    if (range === 0) {
      out[i] = out[i + 1] = out[i + 2] = value;
      continue;
    }
    const r = fround((value - red) / range);
    const g = fround((value - green) / range);
    const b = fround((value - blue) / range);
    const sixth = fround(red === value ? b - g : green === value ? 2 + r - b : 4 + g - r);
    const byte = (Math.trunc(fround((sixth / 6 + 1) % 1) * 255) + by) & 255;
    const share = fround(Math.trunc(fround(range / value) * 255) / 255);
    const sector = Math.floor(byte * 6 / 255);
    const part = fround(byte * 6 / 255 - sector);
    parts[0] = value;
    parts[1] = Math.round(value * (1 - share));
    parts[2] = Math.round(value * (1 - share * part));
    parts[3] = Math.round(value * (1 - share * (1 - part)));
    const order = SECTORS[sector % 6];
    for (let c = 0; c < 3; c++) out[i + c] = parts[order[c]];
  }
  return { ...picture, data: out };
}

/** Of each byte so many of the highest bits are kept, the others are 0. */
export const posterize = (picture: Pixels, bits: number): Pixels =>
  bits >= 8 ? picture : mapped(picture, [tableOf((byte) => byte & ~(2 ** (8 - bits) - 1))]);

/** Bytes from the threshold on are turned over. */
export const solarize = (picture: Pixels, threshold: number): Pixels =>
  mapped(picture, [tableOf((byte) => byte < threshold ? byte : 255 - byte)]);

/** Bytes below 128 become so much brighter, as in the policies of EfficientNet. */
export const solarizeAdd = (picture: Pixels, add: number): Pixels =>
  mapped(picture, [tableOf((byte) => byte < 128 ? byte + add : byte)]);

/** The negative. */
export const invert = (picture: Pixels): Pixels => solarize(picture, 0);

/** How often each byte is there, for each channel. */
function histograms({ channels, data }: Pixels): Uint32Array[] {
  return Array.from({ length: channels }, (_, c) => {
    const counts = new Uint32Array(256);
    for (let i = c; i < data.length; i += channels) counts[data[i]]++;
    return counts;
  });
}

const unchanged = tableOf((byte) => byte);

/** Each channel so that all brightnesses are as frequent as can be: Pillow's `ImageOps.equalize`. */
export function equalize(picture: Pixels): Pixels {
  return mapped(
    picture,
    histograms(picture).map((counts) => {
      const brightest = counts.findLast((count) => count > 0)!;
      const step = Math.floor((picture.width * picture.height - brightest) / 255);
      if (step === 0) return unchanged;
      let sum = step >> 1;
      return tableOf((byte) => {
        const value = Math.floor(sum / step);
        sum += counts[byte];
        return value;
      });
    }),
  );
}

/** Each channel stretched from black to white: Pillow's `ImageOps.autocontrast`. */
export function autoContrast(picture: Pixels): Pixels {
  return mapped(
    picture,
    histograms(picture).map((counts) => {
      const low = counts.findIndex((count) => count > 0);
      const high = counts.findLastIndex((count) => count > 0);
      if (high <= low) return unchanged;
      const scale = 255 / (high - low);
      return tableOf((byte) => byte * scale - low * scale);
    }),
  );
}

/** Principal components of ImageNet's colours, of values from 0 to 1, a row for each channel. */
const COMPONENTS = [
  [-0.5675, 0.7192, 0.4009],
  [-0.5808, -0.0045, -0.8140],
  [-0.5836, -0.6948, 0.4203],
] as const;

/** Their standard deviations, as AlexNet's followers have them (fb.resnet.torch). */
const DEVIATIONS = [0.2175, 0.0188, 0.0045] as const;

/**
 * The light changed along the main components of ImageNet's colours (Krizhevsky et al. 2012, 4.1).
 *
 * @param picture RGB.
 * @param amounts Of each component, in its standard deviations.
 */
export function lighting(picture: Pixels, amounts: readonly number[]): Pixels {
  const shifts = COMPONENTS.map((row) => row.reduce((sum, part, k) => sum + part * DEVIATIONS[k] * amounts[k], 0));
  return mapped(picture, shifts.map((shift) => tableOf((byte) => byte + 255 * shift + 0.5)));
}
