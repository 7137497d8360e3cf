/**
 * Worker that looks at picture files; see `scan.ts`.
 *
 * @module
 */

import { scanFile, type ScanJob } from "./scan.ts";
import { serve } from "../workers.ts";

serve(({ paths, maxPixels }: ScanJob) => paths.map((path) => scanFile(path, { maxPixels })));
