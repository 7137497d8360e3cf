/**
 * Figures of the machine and of this process, by the names that W&B shows them under.
 *
 * @module
 */

import process from "node:process";

/** Measures since it was made. */
export class SystemFigures {
  #last = { time: performance.now(), cpu: 0 };

  /** What is used now. The processor's share is that of the time since the last call, of all cores together. */
  measure(): Record<string, number> {
    const { rss } = Deno.memoryUsage();
    const { user, system } = process.cpuUsage();
    const now = { time: performance.now(), cpu: (user + system) / 1000 };
    const elapsed = now.time - this.#last.time;
    const share = (now.cpu - this.#last.cpu) / Math.max(1, elapsed) / navigator.hardwareConcurrency;
    this.#last = now;
    const figures = { "proc.memory.rssMB": rss / 2 ** 20, cpu: 100 * share };
    if (Deno.permissions.querySync({ name: "sys", kind: "systemMemoryInfo" }).state !== "granted") return figures;
    const { total, available } = Deno.systemMemoryInfo();
    return {
      ...figures,
      "proc.memory.percent": 100 * rss / total,
      "proc.memory.availableMB": available / 2 ** 20,
      memory_percent: 100 * (1 - available / total),
    };
  }
}
