/**
 * Two arenas that alternate. WebGPU binds a buffer that a dispatch writes for reading and writing, and then allows no
 * read-only binding of the same buffer beside it. GPUs read faster what is bound for reading alone: through caches that
 * see no writes. So a result goes to the other arena than its operands, where that can be.
 *
 * Two arenas are taken where they cost at most a tenth more memory than one.
 *
 * @module
 */

/** Temporaries that share one place. */
export interface Tenant {
  readonly bytes: number;
}

/** What one step reads and writes. */
export interface Traffic<T extends Tenant> {
  readonly reads: readonly T[];
  readonly writes: readonly T[];
}

/** One of the two arenas. */
export type Side = 0 | 1;

/** How often each tenant is looked at again: more changes nothing in the models here. */
const ROUNDS = 4;

/**
 * The arena of each tenant. What is made small is the bytes that steps read from an arena that they also write. First
 * this is done greedily in the order of the steps, then by moving single tenants (a local search for a maximum cut).
 *
 * @param traffic Of each step, in order.
 */
export function arenaSides<T extends Tenant>(traffic: readonly Traffic<T>[]): Map<T, Side> {
  /** Bytes that steps read of one of two tenants while they write the other. */
  const meets = new Map<T, Map<T, number>>();
  const bytesWith = (tenant: T): Map<T, number> => {
    if (!meets.has(tenant)) meets.set(tenant, new Map());
    return meets.get(tenant)!;
  };
  const meet = (a: T, b: T, bytes: number): void => void bytesWith(a).set(b, (bytesWith(a).get(b) ?? 0) + bytes);
  for (const { reads, writes } of traffic) {
    for (const tenant of [...reads, ...writes]) bytesWith(tenant);
    for (const write of writes) {
      for (const read of reads) {
        // What is written in place is bound for writing anyway.
        if (read === write) continue;
        meet(write, read, read.bytes);
        meet(read, write, read.bytes);
      }
    }
  }
  const sides = new Map<T, Side>();
  const bytesOn = (side: Side, others: ReadonlyMap<T, number>): number => {
    let sum = 0;
    for (const [other, bytes] of others) if (sides.get(other) === side) sum += bytes;
    return sum;
  };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [tenant, others] of meets) {
      const [on0, on1] = [bytesOn(0, others), bytesOn(1, others)];
      if (on0 !== on1) sides.set(tenant, on0 < on1 ? 0 : 1);
      else if (round === 0) sides.set(tenant, 0);
    }
  }
  return sides;
}
