/**
 * Where the pictures of a data set are: files under a folder, or pixels read from an IDX file.
 *
 * @module
 */

/** Pictures in files. */
export interface FileSource {
  /** Tells the two sources apart. */
  readonly form: "files";
  /** Folder that the paths are relative to. */
  readonly root: string;
  /** Paths relative to the root, with `/`. */
  readonly paths: readonly string[];
  /** Pictures are decoded to RGB. */
  readonly channels: 3;
  /** Files that are there and not to be opened, and why, by place. */
  readonly problems?: ReadonlyMap<number, string>;
  /** Largest picture that is decoded, in pixels, where it is not the usual limit. */
  readonly maxPixels?: number;
}

/** Grey pictures of one size that stand in memory as bytes. */
export interface PixelSource {
  /** Tells the two sources apart. */
  readonly form: "pixels";
  /** [count, height, width], shared with the Workers. */
  readonly pixels: SharedArrayBuffer;
  /** How many pictures. */
  readonly count: number;
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** One grey channel. */
  readonly channels: 1;
}

/** Where the pictures of a data set are. */
export type PictureSource = FileSource | PixelSource;

/**
 * Path of a picture.
 *
 * @param source Files.
 * @param position The picture's place in the source.
 * @returns The path as Deno opens it.
 */
export function pathOf(source: Pick<FileSource, "root" | "paths">, position: number): string {
  const path = source.paths[position];
  // Where pictures outside may be read, a label file may name them by the path on the whole disk.
  return path.startsWith("/") || path.startsWith("\\") || /^[a-z]:[\\/]/i.test(path) ? path : `${source.root}/${path}`;
}
