import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { multiclassTest, softmax } from "../../src/metrics/mod.ts";
import { escapeHtml, html, scriptJson, tableOf } from "../../src/report/page/html.ts";
import { type RunPage, runPage } from "../../src/report/page/run_page.ts";

const HOSTILE = `</script><script>alert(1)</script><img src=x onerror=alert(2)> "quoted" 'q' \u202eabc é 日本 🐈`;

function page(names: string[], options: Partial<RunPage> = {}): RunPage {
  const classes = names.length;
  const samples = Math.max(classes, 6);
  const logits = Float64Array.from({ length: samples * classes }, (_, i) => Math.sin(i * 7));
  const truth = Array.from({ length: samples }, (_, i) => i % classes);
  const targets = new Uint8Array(logits.length);
  truth.forEach((c, i) => targets[i * classes + c] = 1);
  return {
    ...{ name: names[0], model: "lenet", task: "multiclass", command: `deno task train --data ${names[0]}` },
    settings: [{ heading: "Training", rows: [["epochs", "5"], ["data", names[0]]] }],
    circumstances: [["seed", "1"]],
    splits: ["train", "val", "test"],
    balance: names.map((name) => ({ name, counts: { train: 8, val: 1, test: 1 } })),
    records: [{ type: "train", epoch: 1, step: 1, loss: 1 }, {
      type: "val",
      epoch: 1,
      step: 1,
      accuracy: 0.5,
      loss: 1,
    }],
    summary: ["1 of 1 epochs were trained."],
    test: {
      of: "the test split",
      report: multiclassTest(logits, truth, names, { resamples: 5 }),
      answers: { probabilities: softmax(logits, classes), targets },
      notes: [names[0]],
    },
    ...options,
  };
}

/** Elements of a page, without the contents of its scripts. */
function withoutScripts(text: string): string {
  return text.replaceAll(/(<script[^>]*>)[\s\S]*?<\/script>/g, "$1</script>");
}

Deno.test("html`` escapes all but markup, joins lists and leaves out what is missing", () => {
  const inner = html`<b>${"a & b"}</b>`;
  assertEquals(
    html`<p title="${'"<'}">${inner}${[1, " ", undefined, null, false]}</p>`.text,
    `<p title="&quot;&lt;"><b>a &amp; b</b>1 </p>`,
  );
  assertEquals(escapeHtml("a\u202eb\u0007\nc"), "a\\u{202e}b\\u{7}\nc");
  // Joiners stay where writing needs them, and there alone.
  const joined = "👩\u200d👩\u200d👧 می\u200cخواهم";
  assertEquals(escapeHtml(`${joined} a\u200db 1\u200d2 🐈\u200d`), `${joined} a\\u{200d}b 1\\u{200d}2 🐈\\u{200d}`);
  assertStringIncludes(tableOf(["<x>"], [["<y>", 1]], "<z>").text, "&lt;y&gt;");
});

Deno.test("JSON in a script element cannot end it, and reads back as it was", () => {
  const value = { text: `${HOSTILE}<!--\u2028` };
  const { text } = scriptJson(value);
  assert(!/[<>&\u2028]/.test(text));
  assertEquals(JSON.parse(text), value);
});

Deno.test("a run's page is inert whatever its classes, files and folder are called", async () => {
  const text = await runPage(page([HOSTILE, "=cmd()", "plain"]));
  const outside = withoutScripts(text);
  assert(!outside.includes("<script>alert"), "markup of a name");
  assert(!/<img(?![^>]*src="data:)/.test(outside), "a picture that is not the page's");
  assert(!outside.includes("\u202e"));
  assertStringIncludes(outside, "&lt;/script&gt;&lt;script&gt;alert(1)");
  // Of scripts there are those that were written for the page: their hashes are in the policy, and nothing else runs.
  const [, policy] = /Content-Security-Policy" content="([^"]*)"/.exec(text)!;
  assertStringIncludes(policy, "default-src &#39;none&#39;");
  const scripts = [...text.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, script]) => script);
  assertEquals(scripts.length, 2);
  for (const script of scripts) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(script));
    assertStringIncludes(policy, new Uint8Array(digest).toBase64());
  }
});

Deno.test("a run's page loads nothing, and every picture in it has a text", async () => {
  const text = withoutScripts(await runPage(page(["cat", "dog", "owl"])));
  assert(!/\b(?:src|href)="(?!data:|#)/.test(text));
  assert(!/@import|url\(/.test(text));
  const pictures = [...text.matchAll(/<img[^>]*>/g)].map(([picture]) => picture);
  assertEquals(pictures.length, 7);
  for (const picture of pictures) assert(/alt="[^"]+"/.test(picture), picture.slice(0, 80));
});

Deno.test("a page says what it lacks: a test, a log, a split", async () => {
  const text = await runPage(page(["a", "b"], { test: undefined, records: [], balance: [] }));
  assertStringIncludes(text, "The run has no test");
  assertStringIncludes(text, "The run has no split.csv");
  assert(!text.includes("<script>"), "nothing to draw, no script");
});

Deno.test("a page of 1000 classes stays under 5 MB", async () => {
  const text = await runPage(page(Array.from({ length: 1000 }, (_, c) => `a class of a rather long name ${c}`)));
  assert(text.length < 5e6, `${text.length}`);
  assertStringIncludes(text, "… and 800 more");
});
