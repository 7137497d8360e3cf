/**
 * Which textures the dispatches of a program read from. They are few and shared: a tensor is copied into one where it
 * is not in one already.
 *
 * Only a software adapter reads through storage textures (`bound_step.ts` says why); a GPU reads buffers. A tensor is
 * copied only where it is not in a texture already, and not at all where it is written in place. Tensors of many sizes
 * share textures of few, and what these take counts as device memory (`dispatches.ts`).
 *
 * @module
 */

import { placeKey } from "../../graph/place.ts";
import { TEXTURE_WIDTH, type TextureOperand } from "./bound_step.ts";
import type { TextureFormat } from "./context.ts";

/** A texture operand's place among the textures of its size, and whether it must be copied there first. */
export interface TextureUse extends TextureOperand {
  /** Texels of the texture: no fewer than the operand's. */
  readonly capacity: number;
  /** Number of the texture among those of its format and capacity. */
  readonly slot: number;
  /** Is something else in it when the dispatch comes? */
  readonly copies: boolean;
}

/**
 * Textures of one format and capacity. With three a ResNet-50's take a third more memory and save 3% of the bytes
 * copied.
 */
const SLOTS = 2;

/** Capacities are powers of 2, so that tensors of many sizes share few textures. */
const capacityOf = (texels: number): number => 2 ** Math.ceil(Math.log2(texels));

/** Width and height of a texture of so many texels. */
export function textureSize(capacity: number): [width: number, height: number] {
  return [Math.min(capacity, TEXTURE_WIDTH), Math.ceil(capacity / TEXTURE_WIDTH)];
}

/** What a texture holds. */
interface Held {
  readonly slot: number;
  place: string;
  texels: number;
}

/** Bytes of a texel. */
export const TEXEL_BYTES: Readonly<Record<TextureFormat, number>> = { r32float: 4, rgba32float: 16, rgba16float: 8 };

/** Assigns textures, dispatch by dispatch in the order of a run. */
export class TextureSlots {
  /** What each texture of a format and capacity holds, the one used longest ago first. */
  readonly #held = new Map<string, Held[]>();
  /** Bytes of a texture of each format and capacity. */
  readonly #sizes = new Map<string, number>();

  /**
   * Textures for the operands of the next dispatch.
   *
   * @param operands At most {@link SLOTS} may have one capacity; further ones get further textures.
   * @param written Places that the dispatch writes to: what textures hold of them is old afterwards.
   */
  assign(operands: readonly TextureOperand[], written: ReadonlySet<string>): TextureUse[] {
    const taken = new Set<Held>();
    const uses = operands.map((operand) => {
      const place = placeKey(operand.place);
      const { texels } = operand;
      const capacity = capacityOf(texels);
      const held = this.#heldOf(operand.format, capacity);
      let texture = held.find((other) => other.place === place && other.texels >= texels);
      const copies = texture === undefined;
      texture ??= held.length < SLOTS ? undefined : held.find((other) => !taken.has(other));
      if (texture) held.splice(held.indexOf(texture), 1);
      else texture = { slot: held.length, place, texels };
      if (copies) Object.assign(texture, { place, texels });
      held.push(texture);
      taken.add(texture);
      return { ...operand, capacity, slot: texture.slot, copies };
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

  #heldOf(format: TextureFormat, capacity: number): Held[] {
    const key = `${format} ${capacity}`;
    let held = this.#held.get(key);
    if (!held) {
      const [width, height] = textureSize(capacity);
      this.#held.set(key, held = []);
      this.#sizes.set(key, width * height * TEXEL_BYTES[format]);
    }
    return held;
  }
}
