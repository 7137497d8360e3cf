/**
 * Which textures the dispatches of a program read from. They are few and shared: a tensor is copied into one where it is
 * not in one already.
 *
 * @module
 */

import { placeOf, TEXTURE_WIDTH, type TextureOperand } from "./assemble.ts";
import type { TextureFormat } from "./context.ts";

/** A texture operand's place among the textures of its size, and whether it must be copied there first. */
export interface TextureUse extends TextureOperand {
  /** Number of the texture among those of its format and size. */
  readonly slot: number;
  /** Is something else in it when the dispatch comes? */
  readonly copies: boolean;
}

/** Textures of one format and size. With four a ResNet-50's take 39% more memory and save 6% of the bytes copied. */
const SLOTS = 2;

/** Width and height of a texture for so many texels. */
export function textureSize(texels: number): [width: number, height: number] {
  return [Math.min(texels, TEXTURE_WIDTH), Math.ceil(texels / TEXTURE_WIDTH)];
}

/** Bytes of a texel. */
export const TEXEL_BYTES: Readonly<Record<TextureFormat, number>> = { r32float: 4, rgba32float: 16, rgba16float: 8 };

/** Assigns textures, dispatch by dispatch in the order of a run. */
export class TextureSlots {
  /** What each texture of a format and size holds, the one used longest ago first. */
  readonly #held = new Map<string, { slot: number; place: string }[]>();
  /** Bytes of a texture of each format and size. */
  readonly #sizes = new Map<string, number>();

  /**
   * Textures for the operands of the next dispatch.
   *
   * @param operands At most {@link SLOTS} may have one size; further ones get further textures.
   * @param written Places that the dispatch writes to: what textures hold of them is old afterwards.
   */
  assign(operands: readonly TextureOperand[], written: ReadonlySet<string>): TextureUse[] {
    const taken = new Set<object>();
    const uses = operands.map((operand) => {
      const place = placeOf(operand.location);
      const held = this.#heldOf(operand);
      let texture = held.find((other) => other.place === place);
      const copies = texture === undefined;
      texture ??= held.length < SLOTS ? undefined : held.find((other) => !taken.has(other));
      if (texture) held.splice(held.indexOf(texture), 1);
      else texture = { slot: held.length, place };
      texture.place = place;
      held.push(texture);
      taken.add(texture);
      return { ...operand, slot: texture.slot, copies };
    });
    for (const held of this.#held.values()) {
      for (const texture of held) if (written.has(texture.place)) texture.place = "";
    }
    return uses;
  }

  /** Bytes of all textures assigned so far. */
  get bytes(): number {
    let total = 0;
    for (const [key, held] of this.#held) total += held.length * this.#sizes.get(key)!;
    return total;
  }

  #heldOf({ format, texels }: TextureOperand): { slot: number; place: string }[] {
    const key = `${format} ${texels}`;
    const held = this.#held.get(key) ?? [];
    this.#held.set(key, held);
    const [width, height] = textureSize(texels);
    this.#sizes.set(key, width * height * TEXEL_BYTES[format]);
    return held;
  }
}
