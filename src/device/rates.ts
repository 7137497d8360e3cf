/**
 * What a device was measured to do. A run keeps it, so that a resumed run decides by the same numbers.
 *
 * @module
 */

/** Rates of a device, as a short self-test measured them. */
export interface Rates {
  /** Floating-point operations a second in a matrix product. */
  readonly flops: number;
  /** Bytes a second that an elementwise pass reads and writes. */
  readonly bytes: number;
  /** Seconds from asking for a value of an idle device until it is there. */
  readonly readBack: number;
  /** Runs of a program after which to wait for the device: more in flight are no faster, or slower. */
  readonly queueDepth: number;
  /**
   * Is it faster by what is written for a processor than by what is written for a GPU? Then it is a software adapter,
   * whatever its name.
   */
  readonly isProcessor: boolean;
}

/**
 * The queue depth of a device that gains nothing by pacing: the training loop waits for it after so many steps anyway.
 */
export const UNPACED = 16;
