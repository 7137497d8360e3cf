/**
 * The Worker that serves the live page of a run while it trains.
 *
 * @module
 */

import { serve } from "../data/workers.ts";
import { type Dash, type DashOptions, serveDash } from "./server.ts";

let dash: Dash | undefined;

serve<DashOptions | "end", string>(async (job) => {
  if (job === "end") await dash?.[Symbol.asyncDispose]();
  else dash = serveDash(job);
  return dash?.url ?? "";
});
