/**
 * How fast a run trains.
 *
 * @module
 */

/** Pictures a second since the window began, without the time in which nothing is learnt. */
export class Pace {
  #began = performance.now();
  #images = 0;

  /** Counts pictures that were learnt from. */
  count(images: number): void {
    this.#images += images;
  }

  /** Since the window began. */
  get imagesPerSecond(): number {
    return 1000 * this.#images / Math.max(1, performance.now() - this.#began);
  }

  /** Counts anew from here. */
  beginWindow(): void {
    this.#began = performance.now();
    this.#images = 0;
  }

  /** Does something that is no training. */
  async without(work: () => Promise<unknown>): Promise<void> {
    const started = performance.now();
    await work();
    this.#began += performance.now() - started;
  }
}
