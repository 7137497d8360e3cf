/**
 * Formats of pictures, by the endings of their names and by their first bytes.
 *
 * @module
 */

/** A format that is read. */
export type PictureFormat = "jpeg" | "png" | "webp" | "gif" | "bmp" | "tiff" | "avif";

/** Endings of the formats that are read; the content decides what a file is. */
const endings: Readonly<Record<PictureFormat, RegExp>> = {
  jpeg: /\.(jpe?g|jpe|jfif?|pjpe?g|pjp)$/i,
  png: /\.a?png$/i,
  webp: /\.webp$/i,
  gif: /\.gif$/i,
  bmp: /\.(bmp|dib)$/i,
  tiff: /\.tiff?$/i,
  avif: /\.avifs?$/i,
};

/**
 * A file's name without its ending, where that is one of a format that is read.
 *
 * @param name The name or path.
 * @returns The rest of it.
 */
export function withoutEnding(name: string): string {
  return namedFormat(name) === undefined ? name : name.replace(/\.\w+$/, "");
}

const formats = Object.keys(endings) as PictureFormat[];

/** Endings of pictures in formats that are not read. Cameras' raw files are TIFF inside, with a small picture first. */
const unreadable: readonly (readonly [ending: RegExp, format: string])[] = [
  [/\.(heic|heif|hif)$/i, "HEIC"],
  [/\.(jp2|j2k|jpx|jpf|j2c)$/i, "JPEG 2000"],
  [/\.jxl$/i, "JPEG XL"],
  [/\.(jxr|wdp|hdp)$/i, "JPEG XR"],
  [/\.psd$/i, "PSD"],
  [/\.svgz?$/i, "SVG"],
  [/\.ico$/i, "ICO"],
  [/\.tga$/i, "TGA"],
  [/\.pcx$/i, "PCX"],
  [/\.(ppm|pgm|pbm|pnm|pam)$/i, "PNM"],
  [/\.(exr|hdr)$/i, "HDR"],
  [/\.dds$/i, "DDS"],
  [/\.(dcm|dicom)$/i, "DICOM"],
  [/\.(cr2|cr3|nef|nrw|arw|srf|sr2|dng|orf|rw2|raf|pef|srw|x3f|3fr|erf|kdc|mrw)$/i, "camera raw"],
];

/**
 * The format that a file's name says.
 *
 * @param name The name or path.
 * @returns The format; undefined where the ending is none of those that are read.
 */
export function namedFormat(name: string): PictureFormat | undefined {
  return formats.find((format) => endings[format].test(name));
}

/**
 * The picture format that a file's name says and that is not read.
 *
 * @param name The name or path.
 * @returns Such as `HEIC`; undefined where the ending is no such.
 */
export function unreadableEnding(name: string): string | undefined {
  return unreadable.find(([ending]) => ending.test(name))?.[1];
}

/** Is it a format that is read? */
export function isRead(format: string | undefined): format is PictureFormat {
  return formats.includes(format as PictureFormat);
}

/** Bytes from which {@link formatOf} tells a format. */
export const sniffedBytes = 32;

/**
 * The format of a file by its first bytes.
 *
 * @param bytes At least {@link sniffedBytes} of them where the file has as many.
 * @returns A format that is read, or one that is known and not read, in capitals; undefined where it is none of both.
 */
export function formatOf(bytes: Uint8Array): PictureFormat | "HEIC" | "JPEG 2000" | "JPEG XL" | undefined {
  const start = String.fromCharCode(...bytes.subarray(0, sniffedBytes));
  if (start.startsWith("\xff\xd8\xff")) return "jpeg";
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (start.startsWith("RIFF") && start.startsWith("WEBP", 8)) return "webp";
  if (/^GIF8[79]a/.test(start)) return "gif";
  if (start.startsWith("II*\0") || start.startsWith("MM\0*")) return "tiff";
  // Two letters are few: the reserved bytes and a known length of the header that follows must agree.
  if (start.startsWith("BM") && bytes[14] !== undefined && /^\0{4}$/.test(start.slice(6, 10))) {
    if ([12, 40, 52, 56, 64, 108, 124].includes(bytes[14])) return "bmp";
  }
  if (start.startsWith("ftyp", 4)) {
    if (/^avi[fs]/.test(start.slice(8))) return "avif";
    const brands = start.slice(8, Math.max(12, Math.min(sniffedBytes, bytes[3])));
    if (/avi[fs]/.test(brands)) return "avif";
    if (/^(hei[cxms]|hev[cmsx]|mif1|msf1)/.test(start.slice(8))) return "HEIC";
  }
  if (start.startsWith("\0\0\0\x0cjP  ")) return "JPEG 2000";
  if (start.startsWith("\xff\x0a") || start.startsWith("\0\0\0\x0cJXL ")) return "JPEG XL";
  return undefined;
}
