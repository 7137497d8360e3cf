/**
 * Pages of strange runs: each is written, small, without a value that is none, and lets no name be markup. A thousand
 * classes have tests of their own in `tests/report`.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { reportOfRun } from "../../src/run/run_report.ts";
import { compareRuns } from "../../src/study/compare.ts";
import { planStudy } from "../../src/study/study_file.ts";
import { writeComparison } from "../../src/study/write_comparison.ts";
import { writeFolds } from "../../src/study/write_folds.ts";
import { writeStudy } from "../../src/study/write_study.ts";
import { STRANGE, strangeRun } from "./strange_runs.ts";

/** What a page shows: without scripts, pictures and style. */
function shownIn(page: string): string {
  return page.replaceAll(/<(script|style)[^>]*>[\s\S]*?<\/\1>/g, "").replaceAll(/base64,[^"]*/g, "");
}

for (const [what, strange] of Object.entries(STRANGE)) {
  Deno.test(`pages of runs with ${what} read well`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const plan = planStudy({ axes: { model: ["lenet"], seed: [1, 2] } }, "x", folder);
      const runs = plan.runs.map((planned, i) => ({
        planned,
        record: strangeRun(join(folder, "runs", planned.name), i + 1, strange),
      }));
      const records = runs.map(({ record }) => record);
      const pages = [
        await reportOfRun(records[0], "deno task train"),
        ...await Promise.all([
          writeComparison(join(folder, "compare"), compareRuns(records, { resamples: 20 })),
          writeStudy(join(folder, "study"), plan, runs, []),
          writeFolds(join(folder, "folds"), 2, runs, [], 1, 20),
        ].map(async (page) => await Deno.readTextFile(await page))),
      ];
      for (const page of pages) {
        assert(page.length < 5e6, `${page.length} bytes`);
        const shown = shownIn(page);
        for (const wrong of [/\bNaN\b/, /\bInfinity\b/, />undefined</, /in epoch undefined/, /\[object /, /<script/]) {
          assertEquals(wrong.exec(shown)?.[0], undefined);
        }
        assertEquals(/<img(?![^>]*src="data:)[^>]*>/.exec(shown), null);
      }
      const [run, compared, , folded] = pages.map(shownIn);
      if (strange) {
        assertStringIncludes(run, `The best validation accuracy is 0.5000, in epoch 1.`);
        assertStringIncludes(folded, "out of fold, over all");
      } else {
        assertStringIncludes(run, "The run has no test");
        assertStringIncludes(compared, "2 of the 2 runs have no test.");
        assertStringIncludes(folded, "No fold has a test.");
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
