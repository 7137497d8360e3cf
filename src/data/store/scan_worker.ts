/**
 * Worker that looks at picture files; see `scan.ts`.
 *
 * @module
 */

import { scanFile, type ScanJob } from "./scan.ts";
import { serve } from "../workers.ts";

serve((job: ScanJob) => job.paths.map(scanFile));
