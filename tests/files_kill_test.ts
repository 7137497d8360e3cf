/**
 * `src/files.ts` against real kills of real processes; `files_test.ts` has the calls that fail one by one.
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../src/errors.ts";
import { removeTemporaries } from "../src/files.ts";
import { lockDirectory } from "../src/lock.ts";
import { inFolder } from "./data/sets.ts";

/** Bytes of the file that is written again and again. */
const SIZE = 1 << 20;

/** Starts a process that runs `code`, in which `files` is the module under test, and waits for its first output. */
async function start(code: string): Promise<{ pid: number; kill(): Promise<void> }> {
  const module = JSON.stringify(new URL("../src/files.ts", import.meta.url).href);
  const args = ["eval", `const files = await import(${module});\n${code}`];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    pid: child.pid,
    async kill() {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

Deno.test("writeAtomic() leaves a whole file when its process is killed at any instant", () =>
  inFolder(async (folder) => {
    const path = `${folder}/last.safetensors`;
    for (let kills = 1; kills < 10; kills++) {
      // Each process has 25 values of its own to fill the file with.
      const child = await start(`
        for (let i = 0;; i = (i + 1) % 25) {
          await files.writeAtomic(${JSON.stringify(path)}, new Uint8Array(${SIZE}).fill(${kills * 25} + i));
          if (i === 0) console.log("written");
        }`);
      await new Promise((resolve) => setTimeout(resolve, kills * 7));
      await child.kill();
      const bytes = await Deno.readFile(path);
      assertEquals(bytes.length, SIZE, `kill ${kills}`);
      assert(bytes.every((byte) => byte === bytes[0]), `kill ${kills}: two versions in one file`);
      assertEquals(Math.floor(bytes[0] / 25), kills, `kill ${kills}: the file is of an earlier process`);
      assert((await removeTemporaries(folder)).length <= 1, `kill ${kills}`);
      assertEquals(Array.from(Deno.readDirSync(folder), ({ name }) => name), ["last.safetensors"]);
    }
  }));

Deno.test("lockDirectory() names the process that holds the folder, and takes over when it is killed", () =>
  inFolder(async (folder) => {
    const child = await start(`
      globalThis.lock = await (await import(${JSON.stringify(new URL("../src/lock.ts", import.meta.url).href)}))
        .lockDirectory(${JSON.stringify(folder)});
      console.log("locked");
      setInterval(() => {}, 1000);`);
    const holder = Deno.build.os === "windows" ? "another process" : `process ${child.pid} (since `;
    await assertRejects(() => lockDirectory(folder), UserError, holder);
    await child.kill();
    await using _lock = await lockDirectory(folder);
  }));
