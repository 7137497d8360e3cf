import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { commonFolder, groupsOf, shownOf, surenessOf, writeContactSheet } from "../../src/cli/contact_sheet.ts";
import { predictionOf } from "../../src/run/prediction.ts";
import type { Task } from "../../src/data/labels.ts";

const answer = (file: string, task: Task, classes: string[], ...logits: number[]) => ({
  file,
  prediction: predictionOf(task, classes, Float32Array.from(logits)),
});
const names = (groups: ReturnType<typeof groupsOf>) =>
  groups.map(({ name, pictures }) => [name, ...pictures.map(({ file }) => file)]);

Deno.test("groupsOf() has classes in their order and the least sure first", () => {
  const classes = ["cat", "dog", "eel"];
  const all = [
    answer("a", "multiclass", classes, 0, 3, 0),
    answer("b", "multiclass", classes, 0, 1, 0),
    answer("c", "multiclass", classes, 2, 0, 0),
  ];
  assertEquals(names(groupsOf(all, { task: "multiclass", classes })), [["cat", "c"], ["dog", "b", "a"]]);
});

Deno.test("groupsOf() has sets of labels, the most frequent first; yes and no of a binary task", () => {
  const classes = ["hat", "beard"];
  const all = [
    answer("a", "multilabel", classes, 3, -3),
    answer("b", "multilabel", classes, -3, -3),
    answer("c", "multilabel", classes, 3, -0.1),
  ];
  assertEquals(names(groupsOf(all, { task: "multilabel", classes })), [["hat", "c", "a"], ["no label", "b"]]);
  const binary = [answer("a", "binary", ["hat"], -2), answer("b", "binary", ["hat"], 2)];
  assertEquals(names(groupsOf(binary, { task: "binary", classes: ["hat"] })), [["hat", "b"], ["not hat", "a"]]);
  // Of labels the one counts of which it is least sure.
  assertEquals(surenessOf("multilabel", all[2].prediction).toFixed(3), "0.525");
});

Deno.test("shownOf() shows all, or of each group its share of what a page can hold", () => {
  assertEquals(shownOf([3, 2]), { side: 128, counts: [3, 2] });
  assertEquals(shownOf([600, 2]), { side: 96, counts: [600, 2] });
  const { side, counts } = shownOf([90_000, 9_999, 1]);
  assertEquals([side, counts], [64, [2250, 249, 1]]);
});

Deno.test("commonFolder() is what all paths begin with", () => {
  assertEquals(commonFolder(["/a/b/1.jpg", "/a/b/c/2.jpg"]), "/a/b/");
  assertEquals(commonFolder(["/a/1.jpg", "/b/1.jpg"]), "");
  assertEquals([commonFolder([]), commonFolder(["/a/b/1.jpg"])], ["", "/a/b/"]);
});

Deno.test("a contact sheet is safe against hostile names, needs no script and says what was not read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const evil = "<script>alert(1)</script>\"'\u202e";
    const file = join(folder, '"><img src=x onerror=alert(1)>.png');
    await Deno.copyFile(new URL("../../fixtures/data/rgb.png", import.meta.url), file);
    const gone = join(folder, "gone.png");
    const classes = [evil, "dog"];
    const line = await writeContactSheet(
      join(folder, "sheet.html"),
      [answer(file, "multiclass", classes, 2, 0), answer(gone, "multiclass", classes, 3, 0)],
      {
        ...{ run: evil, task: "multiclass", classes, decoding: {}, faults: ["x.png is no picture"] },
        resizing: { interpolation: "bilinear", fit: "crop" },
      },
      () => {},
    );
    assertStringIncludes(line, "2 pictures: ");
    const page = await Deno.readTextFile(join(folder, "sheet.html"));
    assertEquals([page.includes("<script"), page.includes("<img src=x"), page.includes("\u202e")], [
      false,
      false,
      false,
    ]);
    assertStringIncludes(page, "script-src &#39;none&#39;");
    assertStringIncludes(page, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;\\u{202e} 88.1%");
    assertStringIncludes(page, "x.png is no picture");
    assertStringIncludes(page, "gone.png");
    assertEquals(page.match(/class="doubt"/g)?.length, 1);
    const [, jpeg] = /src="data:image\/jpeg;base64,([^"]+)"/.exec(page)!;
    assertEquals([...Uint8Array.fromBase64(jpeg).slice(0, 2)], [0xff, 0xd8]);
    assert(page.length < 40_000);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
