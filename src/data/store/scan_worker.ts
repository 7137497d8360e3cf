/**
 * Worker that looks at picture files; see `scan.ts`.
 *
 * @module
 */

import { scanFile, type ScanJob, type Scanned } from "./scan.ts";
import { serve } from "../workers.ts";

serve(async ({ paths, maxPixels, decodes }: ScanJob): Promise<Scanned[]> => {
  const found: Scanned[] = [];
  for (const [i, path] of paths.entries()) found.push(await scanFile(path, { maxPixels }, decodes?.[i] ?? false));
  return found;
});
