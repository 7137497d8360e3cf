/**
 * The memory of a session: one that all threads share, in which a block begins at a multiple of 256 bytes.
 *
 * @module
 */

import { UserError } from "../../errors.ts";
import { ALIGNMENT } from "../../graph/place.ts";

const PAGE = 2 ** 16;

/** Bytes that a memory can have: addresses have 32 bits. */
export const MOST_BYTES = 2 ** 32;

/** Vectors may be read so far past the last number of a tensor. */
const SLACK = 256;

interface Block {
  readonly address: number;
  readonly bytes: number;
}

/** A shared memory that grows. Blocks that are given back are used again. */
export class SharedMemory {
  /** What modules import. */
  readonly memory: WebAssembly.Memory;
  #end = ALIGNMENT;
  #free: Block[] = [];

  /** @throws UserError when the host has no shared memory to give. */
  constructor() {
    try {
      this.memory = new WebAssembly.Memory({ initial: 1, maximum: MOST_BYTES / PAGE, shared: true });
    } catch (error) {
      throw noMemory(MOST_BYTES, (error as Error).message);
    }
  }

  /**
   * Address of a new block.
   *
   * @throws UserError when there is no memory left for it.
   */
  allocate(bytes: number): number {
    const whole = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    const found = this.#free.find((block) => block.bytes >= whole);
    if (found) {
      const rest = { address: found.address + whole, bytes: found.bytes - whole };
      this.#free = [...this.#free.filter((block) => block !== found), ...rest.bytes > 0 ? [rest] : []];
      return found.address;
    }
    const address = this.#end;
    this.#grow(address + whole + SLACK);
    this.#end = address + whole;
    return address;
  }

  /** Gives a block back. */
  release(address: number, bytes: number): void {
    const whole = Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    if (whole > 0) this.#free.push({ address, bytes: whole });
  }

  #grow(end: number): void {
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
    if (missing <= 0) return;
    if (end > MOST_BYTES) throw noMemory(end, "WebAssembly has 4 GiB at most");
    try {
      this.memory.grow(missing);
    } catch (error) {
      throw noMemory(end, (error as Error).message);
    }
  }
}

function noMemory(bytes: number, why: string): UserError {
  const mib = Math.ceil(bytes / 2 ** 20);
  return new UserError(
    `WebAssembly has no memory of ${mib} MiB here (${why}): give a smaller batch or smaller pictures, or another device`,
  );
}
