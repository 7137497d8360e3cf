import { assert, assertEquals, assertRejects } from "@std/assert";
import { demoAttributes, drawUpFace, type Hair } from "../../../src/data/demo/demo_face.ts";
import { makeDemo } from "../../../src/data/demo/demo.ts";
import { openDataset } from "../../../src/data/open.ts";
import { UserError } from "../../../src/errors.ts";
import { inFolder } from "../sets.ts";

const target = ["Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair"];

Deno.test("makeDemo() makes faces in CelebA's layout, 2:1:1:1:0.5, the same for a seed", () =>
  inFolder(async (folder) => {
    const options = { count: 44, size: 24, seed: 5 };
    const [one, two, other] = ["one", "two", "other"].map((name) => `${folder}/${name}`);
    await makeDemo({ ...options, directory: one });
    const data = await openDataset(one, { target, others: "Others" });
    assertEquals([data.kind, data.pictureSize, ...data.counts()], ["celeba", 24, 16, 8, 8, 8, 4]);
    await makeDemo({ ...options, directory: two });
    await makeDemo({ ...options, seed: 6, directory: other });
    const fingerprints = [one, two, other].map(async (path) => (await openDataset(path, { target })).fingerprint());
    const [a, b, c] = await Promise.all(fingerprints);
    assertEquals(a, b);
    assert(a !== c);
    assertEquals((await Array.fromAsync(Deno.readDir(folder))).length, 3); // nothing half-made stays behind
  }));

Deno.test("makeDemo() finds the set that is there, and refuses a folder with something else", () =>
  inFolder(async (folder) => {
    const options = { count: 33, size: 16, directory: `${folder}/faces` };
    let drawn = 0;
    const onProgress = (done: number) => drawn = done;
    assertEquals(await makeDemo({ ...options, onProgress }), options.directory);
    assertEquals(drawn, 33);
    drawn = 0;
    await makeDemo({ ...options, onProgress });
    assertEquals(drawn, 0);
    await assertRejects(() => makeDemo({ ...options, count: 40 }), UserError, "the folder is not empty");
  }));

Deno.test("drawUpFace() never lets one face have two hair colours, or a hat over a coloured class", () => {
  for (let i = 0; i < 500; i++) {
    const hair = ([...target, "Others"] as Hair[])[i % 5];
    const { attributes } = drawUpFace(1, i, hair);
    assertEquals(target.filter((name) => attributes.has(name as "Bald")), hair === "Others" ? [] : [hair]);
    if (hair !== "Others") assert(!attributes.has("Wearing_Hat") && !attributes.has("Bald"));
  }
});

Deno.test("drawUpFace() uses every attribute", () => {
  const seen = new Set(
    Array.from({ length: 300 }, (_, i) => [...drawUpFace(1, i, i % 2 ? "Others" : "Black_Hair").attributes]).flat(),
  );
  for (const hair of ["Blond_Hair", "Brown_Hair", "Gray_Hair"] as const) {
    drawUpFace(1, 0, hair).attributes.forEach((name) => seen.add(name));
  }
  assertEquals([...seen].sort(), [...demoAttributes]);
});
