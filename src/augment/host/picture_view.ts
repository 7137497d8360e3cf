/**
 * Pictures as transformations on the host see them.
 *
 * @module
 */

/**
 * A rectangle of a picture's bytes and the way in which they are gone through: to cut or to mirror moves no byte. A
 * transformation that computes new pixels gives a view of new bytes.
 */
export interface PictureView {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Channels of a pixel: 1 grey, 3 RGB; a pixel's stand side by side. */
  readonly channels: 1 | 3;
  /** Values 0 to 255. */
  readonly data: Uint8Array;
  /** Where the upper left pixel is. */
  readonly start: number;
  /** From a pixel to the one at its right. */
  readonly acrossBy: number;
  /** From a pixel to the one below. */
  readonly downBy: number;
}

/** Rounds halves to even, as Python's `round` does in torchvision's `center_crop`. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor & 1) : Math.round(value);
}

/** A picture's bytes in rows from the top left, channels side by side: [height, width, channels]. */
export type Pixels = Pick<PictureView, "width" | "height" | "channels" | "data">;

/** A whole picture, [height, width, channels]. */
export function wholeOf(picture: Pixels): PictureView {
  const { width, height, channels, data } = picture;
  return { width, height, channels, data, start: 0, acrossBy: channels, downBy: width * channels };
}

/**
 * A square of a picture.
 *
 * @param picture At least as large.
 * @param left Columns left out on the left.
 * @param top Rows left out above.
 * @param size Side of the square in pixels.
 */
export function cutOut(picture: PictureView, left: number, top: number, size: number): PictureView {
  const { start, acrossBy, downBy } = picture;
  return { ...picture, width: size, height: size, start: start + left * acrossBy + top * downBy };
}

/** What a view shows, in rows from the top left; the bytes themselves where they lie so already. */
export function packed(view: PictureView): Pixels {
  const { width, height, channels, data, start, acrossBy, downBy } = view;
  if (start === 0 && acrossBy === channels && downBy === width * channels && data.length === height * downBy) {
    return view;
  }
  const out = new Uint8Array(width * height * channels);
  let to = 0;
  for (let y = 0; y < height; y++) {
    let from = start + y * downBy;
    for (let x = 0; x < width; x++, from += acrossBy) {
      for (let c = 0; c < channels; c++) out[to++] = data[from + c];
    }
  }
  return { width, height, channels, data: out };
}
