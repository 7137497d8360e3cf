/**
 * The number types of safetensors files.
 *
 * @module
 */

/** Bytes of an element by dtype. */
const sizes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
} as const;

/** A number type, as the format names it. */
export type Dtype =
  | "F64"
  | "F32"
  | "F16"
  | "BF16"
  | "I64"
  | "U64"
  | "I32"
  | "U32"
  | "I16"
  | "U16"
  | "I8"
  | "U8"
  | "BOOL";

/**
 * The size of an element.
 *
 * @param dtype What a header says.
 * @returns Bytes, or undefined if it is no type that is read here.
 */
export function dtypeSize(dtype: string): number | undefined {
  return Object.hasOwn(sizes, dtype) ? sizes[dtype as Dtype] : undefined;
}

/**
 * Values of any type as float32, rounded to nearest.
 *
 * @param bytes The values as they are stored, little-endian (as every machine that Deno runs on); taken over where
 * they need no conversion.
 * @param dtype Their type.
 * @returns The values.
 */
export function toFloat32(bytes: Uint8Array<ArrayBuffer>, dtype: Dtype): Float32Array {
  // Typed arrays start at multiples of their element; a copy starts at 0.
  const aligned = bytes.byteOffset % sizes[dtype] === 0 ? bytes : bytes.slice();
  const view: [ArrayBuffer, number, number] = [aligned.buffer, aligned.byteOffset, aligned.byteLength / sizes[dtype]];
  switch (dtype) {
    case "F32":
      return new Float32Array(...view);
    case "F64":
      return Float32Array.from(new Float64Array(...view));
    case "F16":
      return Float32Array.from(new Float16Array(...view));
    case "BF16":
      // The upper half of a float32.
      return new Float32Array(Uint32Array.from(new Uint16Array(...view), (half) => half << 16).buffer);
    case "I64":
      return Float32Array.from(new BigInt64Array(...view), Number);
    case "U64":
      return Float32Array.from(new BigUint64Array(...view), Number);
    case "I32":
      return Float32Array.from(new Int32Array(...view));
    case "U32":
      return Float32Array.from(new Uint32Array(...view));
    case "I16":
      return Float32Array.from(new Int16Array(...view));
    case "U16":
      return Float32Array.from(new Uint16Array(...view));
    case "I8":
      return Float32Array.from(new Int8Array(...view));
    case "U8":
    case "BOOL":
      return Float32Array.from(new Uint8Array(...view));
  }
}
