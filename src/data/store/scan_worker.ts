/**
 * Worker that looks at picture files; see `scan.ts`.
 *
 * @module
 */

import { type ScanAnswer, scanFile, type ScanJob } from "./scan.ts";
import { stampOf } from "./scan_index.ts";
import { serve } from "../workers.ts";

serve(async ({ paths, maxPixels, decodes, stamps }: ScanJob): Promise<ScanAnswer[]> => {
  const answers: ScanAnswer[] = [];
  for (const [i, path] of paths.entries()) {
    // Before it is read: what is written meanwhile changes it.
    const stamp = stamps && path !== "" ? stampOf(path) : undefined;
    if (stamp !== undefined && stamp === stamps![i]) {
      answers.push("same");
      continue;
    }
    const scanned = await scanFile(path, { maxPixels }, decodes?.[i] ?? false);
    answers.push(stamp === undefined || scanned.problem !== undefined ? { scanned } : { scanned, stamp });
  }
  return answers;
});
