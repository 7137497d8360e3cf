/**
 * Decoders of the `@cwasm` family: C libraries as WebAssembly, one instance a module.
 *
 * A file that is damaged leaves an instance in the midst of its work: the stack of the C code is not taken back, and
 * what was allocated stays. After some 350 damaged JPEG files every good one failed. So an instance is used no more
 * once it has failed, nor after a large picture, whose memory it would keep.
 *
 * @module
 */

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** Pixels as a decoder gives them: RGBA, [height, width, 4]. */
export interface Rgba {
  /** Width in pixels. */
  readonly width: number;
  /** Height in pixels. */
  readonly height: number;
  /** Values 0 to 255. */
  readonly data: ArrayLike<number> & { readonly length: number };
}

/** Decodes a whole file. */
export type Decode = (bytes: Uint8Array) => Rgba;

/** Pixels of a picture after which an instance is dropped: it holds several times as many bytes. */
const large = 16e6;

/**
 * A decoder that is as good after a damaged file as before.
 *
 * @param specifier The package, `npm:` and with its version, which was imported before.
 * @param first Its function `decode`.
 * @returns What decodes.
 */
export function lasting(specifier: string, first: Decode): Decode {
  let decode: Decode | undefined = first;
  return (bytes) => {
    const used = decode ?? anew(specifier);
    decode = undefined;
    const picture = used(bytes);
    if (picture.width * picture.height < large) decode = used;
    return picture;
  };
}

/** Runs the package's module again, which makes another instance: in about 2 ms. */
function anew(specifier: string): Decode {
  const url = import.meta.resolve(specifier);
  const require = createRequire(url);
  const path = fileURLToPath(url);
  delete require.cache[path];
  return require(path).decode;
}
