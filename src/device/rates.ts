/**
 * What a device was measured to do: data, which a run keeps, so that it is decided on the same numbers when it is resumed.
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
  /** Most runs of a program that are worth having in flight: more are no faster, or slower, than waiting for the one so many before. */
  readonly queueDepth: number;
  /** Is it faster by what is written for a processor than by what is written for a GPU? Then a processor plays it, whatever its name. */
  readonly isProcessor: boolean;
}
