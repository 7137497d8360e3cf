import { assert, assertEquals } from "@std/assert";
import { openDataset } from "../../../src/data/open.ts";
import { makeRoom } from "../../../src/data/store/cache_folder.ts";
import { openPack } from "../../../src/data/store/pack.ts";
import { scanPictures } from "../../../src/data/store/scan.ts";
import type { FileSource } from "../../../src/data/store/source.ts";
import { classFolders, inFolder, write } from "../sets.ts";

const resizing = { imageSize: 8, square: 8, interpolation: "bilinear" } as const;

const bytesOf = 8 * 8 * 3;

const at = (module: string) => JSON.stringify(new URL(`../../../src/data/${module}.ts`, import.meta.url).href);

/** Makes a pack, and kills itself as soon as two jobs of pictures are in it. */
const killedBuild = `
  const { openDataset } = await import(${at("open")});
  const { openPack } = await import(${at("store/pack")});
  const [data, directory] = Deno.args;
  const { source } = await openDataset(data);
  await openPack(source, ${JSON.stringify(resizing)}, { mode: "auto", directory }, (done, _total, what) => {
    if (what === "decoding" && done >= 64) Deno.kill(Deno.pid, "SIGKILL");
  });`;

const namesIn = async (folder: string) => (await Array.fromAsync(Deno.readDir(folder), ({ name }) => name)).sort();

const sourceOf = async (folder: string) => (await openDataset(folder)).source as FileSource;

async function build(source: FileSource, directory: string): Promise<Uint8Array> {
  const notes: string[] = [];
  await openPack(source, resizing, { mode: "auto", directory }, undefined, (note) => void notes.push(note));
  const names = await namesIn(directory);
  assertEquals([names.length, notes], [1, []], `${names}`);
  return await Deno.readFile(`${directory}/${names[0]}`);
}

Deno.test("a pack whose making was killed is gone on with: no picture that was done is decoded again", () =>
  inFolder(async (folder) => {
    await write(`${folder}/data`, classFolders({ cat: 120, dog: 104 }));
    // Of a file that does not decode the reason is kept, too.
    const flipped = await Deno.readFile(`${folder}/data/cat/003.png`);
    flipped[60] ^= 8;
    await Deno.writeFile(`${folder}/data/cat/003.png`, flipped);
    const whole = await build(await sourceOf(`${folder}/data`), `${folder}/whole`);
    const killed = `${folder}/killed`;
    const args = ["eval", killedBuild, `${folder}/data`, killed];
    const { success } = await new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" }).output();
    assert(!success, "the making was not killed");
    const [journal, temporary] = await namesIn(killed);
    assert(/^pictures-\w+\.journal$/.test(journal) && /^pictures-\w+\.tmp$/.test(temporary), `${journal} ${temporary}`);
    // One more picture was not brought to the disk, and a line of the journal not whole.
    const lines = (await Deno.readTextFile(`${killed}/${journal}`)).split("\n").slice(0, -1);
    const done = lines.flatMap((line): [number, number | string][] => JSON.parse(line.split("\t")[0]));
    const places = done.map(([offset]) => offset / bytesOf);
    assert(places.length >= 64 && places.length < 224, `${places.length} pictures were done`);
    const pixels = await Deno.readFile(`${killed}/${temporary}`);
    pixels[5 * bytesOf] ^= 1;
    await Deno.writeFile(`${killed}/${temporary}`, pixels);
    await Deno.writeTextFile(`${killed}/${journal}`, '[[99999,"torn', { append: true });

    const source = await sourceOf(`${folder}/data`);
    await scanPictures(source);
    // What is not there any more cannot be decoded.
    for (const place of places) if (place !== 5) await Deno.remove(`${folder}/data/${source.paths[place]}`);
    assertEquals(await build(source, killed), whole);
  }));

Deno.test("room for a pack is made of halves that killed runs left, then of packs", () =>
  inFolder(async (folder) => {
    const size = 1000;
    const write = (name: string) => Deno.writeFile(`${folder}/pictures-${name}`, new Uint8Array(size));
    for (const name of ["a.pack", "b.tmp", "b.journal", "c.tmp", "c.journal", "d.tmp", "e.journal"]) await write(name);
    await Deno.utime(`${folder}/pictures-a.pack`, 1, 1);
    using held = await Deno.open(`${folder}/pictures-c.journal`, { read: true, write: true });
    await held.lock(true);
    const names = async () => (await namesIn(folder)).map((name) => name.slice("pictures-".length));
    // What has lost its pixels or its journal is gone at once, since nobody can go on with it.
    const kept = ["a.pack", "b.journal", "b.tmp", "c.journal", "c.tmp"];
    await makeRoom(folder, size, 4 * size, `${folder}/pictures-f.tmp`);
    assertEquals(await names(), Deno.build.os === "windows" ? [...kept, "d.tmp"] : kept);
    await makeRoom(folder, size, 3 * size, `${folder}/pictures-f.tmp`);
    assertEquals((await names()).slice(0, 3), ["a.pack", "c.journal", "c.tmp"]);
    await makeRoom(folder, size, 2 * size, `${folder}/pictures-f.tmp`);
    assertEquals((await names()).slice(0, 2), ["c.journal", "c.tmp"]);
    // Its own half does not count twice.
    await write("f.tmp");
    await makeRoom(folder, size, 2 * size, `${folder}/pictures-f.tmp`);
    assert((await names()).includes("f.tmp"));
  }));
