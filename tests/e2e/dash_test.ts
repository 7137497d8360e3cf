/**
 * The live page in Chromium: a run is followed from start to end, runs are filtered, sorted and overlaid.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { serveDash } from "../../src/dash/server.ts";
import { findChromium } from "../browser/chromium.ts";
import { openBrowser, type Page } from "../browser/playwright.ts";
import { trained, validated, writeRun } from "../dash/written.ts";
import { classFolders, inFolder, write } from "../data/sets.ts";
import { start } from "./command.ts";

const chromium = await findChromium();
const ignore = chromium === undefined;

/** Counts what a page must not do: errors, and requests to elsewhere. */
function faultsOf(page: Page, url: string): string[] {
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("data:")) faults.push(request.url());
  });
  return faults;
}

/** Texts of the elements that a selector finds. */
const textsOf = (page: Page, selector: string) =>
  page.evaluate<string[]>(`[...document.querySelectorAll(${JSON.stringify(selector)})].map((e) => e.textContent)`);

/** What the option of the first chart draws: its lines with a name, and the last point of each. */
const drawn = (page: Page) =>
  page.evaluate<{ x: string; lines: { name: string; last: [number, number] }[] }>(`(() => {
    const option = echarts.getInstanceByDom(document.querySelector("#charts .live > div")).getOption();
    const lines = option.series.filter(({ lineStyle }) => lineStyle.opacity !== 0.3);
    return { x: option.xAxis[0].name, lines: lines.map(({ name, data }) => ({ name, last: data.at(-1) })) };
  })()`);

/**
 * Waits until an expression holds in the page. Playwright's own way evaluates texts inside of it, which its content
 * security policy forbids.
 */
async function until(page: Page, expression: string, timeout = 30_000): Promise<void> {
  const end = Date.now() + timeout;
  while (!await page.evaluate<boolean>(`Boolean(${expression})`)) {
    if (Date.now() > end) throw new Error(`not in ${timeout / 1000} s: ${expression}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Does the page fit its window? */
const fits = (page: Page) => page.evaluate<boolean>("document.documentElement.scrollWidth <= innerWidth");

Deno.test({
  name: "train --dash: a page follows the run from its start to its end, without a reload",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const [data, cache, runs] = ["data", "cache", "runs"].map((name) => join(folder, name));
      await write(data, classFolders({ "a <b>": 40, b: 40 }));
      await using browser = await openBrowser(chromium!);
      const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, colorScheme: "dark" });
      // Long enough on a fast device for the page to come in time.
      const child = start(
        [
          ...["train", "--data", data, "--model", "lenet", "--image-size", "32", "--batch", "8", "--epochs", "120"],
          ...["--log-every", "2", "--out", join(runs, "hair"), "--quiet", "--dash"],
        ],
        cache,
      );
      const results = new Response(child.stdout).text();
      let said = "";
      let found = (_url: string) => {};
      const url = new Promise<string>((resolve) => found = resolve);
      const reading = (async () => {
        for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
          said += text;
          const [, address] = /^dash {3}(http:\S+) /m.exec(said) ?? [];
          if (address) found(address);
        }
      })();
      const address = await Promise.race([url, reading.then(() => "")]);
      assert(address, said);
      const faults = faultsOf(page, address);
      await page.goto(address);
      await page.evaluate("window.isTheSame = true");
      await until(page, `document.querySelector(".state.training")`);
      await until(page, `document.querySelectorAll("#charts canvas").length > 0`);
      const steps = [];
      for (let look = 0; look < 2; look++) {
        const seen = (await drawn(page)).lines[0].last[0];
        steps.push(seen);
        await until(
          page,
          `echarts.getInstanceByDom(document.querySelector("#charts .live > div")).getOption()
          .series[0].data.at(-1)[0] > ${seen}`,
        );
      }
      assert(steps[1] > steps[0], `${steps}`);
      await until(page, `document.querySelector("#confusion canvas")`);
      await until(page, `document.querySelector(".state.finished")`, 120_000);
      await until(page, `document.querySelector("#status").textContent.includes("has ended")`);
      const { code } = await child.status;
      await reading;
      assertEquals(code, 0, `${await results}${said}`);
      assertStringIncludes(await page.textContent("#rows") ?? "", "120/120");
      assertEquals((await textsOf(page, "#worst li")).length, 8);
      const accuracy = JSON.parse(await Deno.readTextFile(join(runs, "hair", "test", "metrics.json"))).accuracy;
      assertStringIncludes(await page.textContent("#figures") ?? "", `${accuracy.toPrecision(4)}test accuracy`);
      assertEquals(await page.evaluate("window.isTheSame"), true);
      assertEquals(faults, []);
    }),
});

Deno.test({
  name: "dash: runs are filtered, sorted and overlaid; names are text; what is added appears",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const hostile = `<img src=x onerror=alert(1)> "'`;
      const names = ["resnet", "vit", hostile];
      const runs = await Promise.all(
        names.map((name, r) => writeRun(join(folder, name), { model: { name: r === 0 ? "resnet18" : "vit-b32" } })),
      );
      for (const [r, run] of runs.entries()) {
        await run.add(
          ...Array.from({ length: 40 }, (_, i) => trained(i + 1, 1 + (i % 2))),
          validated(40, [0.5, 0.9, 0.7][r]),
        );
      }
      const lock = await Deno.open(join(folder, "resnet", ".lock"), { create: true, write: true });
      await lock.lock(true);
      await using dash = serveDash({ folder, depth: 2, port: 0, pace: 100 });
      await using browser = await openBrowser(chromium!);
      for (const [width, colorScheme] of [[1400, "light"], [400, "dark"]] as const) {
        const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
        const faults = faultsOf(page, dash.url);
        await page.goto(dash.url);
        await until(page, `document.querySelectorAll("#rows tr").length === 3`);
        // The run at work is chosen by itself.
        await until(page, `document.querySelectorAll("#key li").length === 1`);
        assertEquals(await textsOf(page, "#key li"), ["resnet"]);

        const shown = () => textsOf(page, "#rows .name");
        await page.selectOption("#sort", "best val accuracy");
        assertEquals(await shown(), ["vit", hostile, "resnet"]);
        await page.click("#order");
        assertEquals(await shown(), ["resnet", hostile, "vit"]);
        await page.fill("#text", "onerror stopped");
        assertEquals(await shown(), [hostile]);
        await page.fill("#text", "");
        await page.selectOption("#model", "vit-b32");
        assertEquals(await shown(), [hostile, "vit"]);
        await page.selectOption("#model", "");
        await page.selectOption("#state", "training");
        assertEquals([await shown(), await page.textContent("#count")], [["resnet"], "1 of 3 runs"]);
        await page.selectOption("#state", "");

        await until(page, `document.querySelector("#charts canvas")`);
        await page.click(`[aria-label="curves of vit"]`);
        const lines = `echarts.getInstanceByDom(document.querySelector("#charts .live > div")).getOption()`;
        await until(page, `${lines}.series.length === 2`);
        const last = width === 1400 ? 40 : 44;
        assertEquals(await drawn(page), {
          x: "step",
          lines: [{ name: "resnet", last: [last, 2] }, { name: "vit", last: [40, 2] }],
        });
        await page.evaluate(`(() => {
          const slider = document.getElementById("smoothing");
          slider.value = "0.9";
          slider.dispatchEvent(new Event("input"));
        })()`);
        await until(page, `${lines}.series.length === 4`);
        const [{ last: [, smooth] }] = (await drawn(page)).lines;
        assert(Math.abs(smooth - 1.5) < 0.1, `${smooth}`);
        await page.selectOption("#x", "time");
        await until(page, `${lines}.xAxis[0].name === "seconds of training"`);
        // At 8 pictures a second, 2 a step.
        assertEquals((await drawn(page)).lines[1].last[0], 10);

        if (width === 1400) {
          await runs[0].add(trained(44, 2));
          await until(page, `${lines}.series[1].data.at(-1)[0] === 11`);
        }
        const view = await page.evaluate<string>("location.hash");
        await page.reload();
        await until(page, `document.querySelectorAll("#key li").length === 2`);
        await until(page, `document.querySelector("#charts canvas")`);
        assertEquals(await page.evaluate("location.hash"), view);
        assertEquals(await fits(page), true, `${width} pixels`);
        assertEquals(faults, []);
      }
      lock.close();
    }),
});
