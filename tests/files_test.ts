import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  appendRecord,
  type FileSystem,
  type OpenFile,
  readRecords,
  realFileSystem as disk,
  removeTemporaries,
  writeAtomic,
} from "../src/files.ts";
import { lockDirectory } from "../src/lock.ts";
import { UserError } from "../src/errors.ts";

/** Runs `test` in a directory that is removed afterwards. */
async function inTemporaryDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "fovea-files-" });
  try {
    await test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** The error of a full disk, as Deno throws it. */
function diskFull(): Error {
  return Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
}

/**
 * A disk whose N-th call fails, counted over every kind of call, and which writes `atMost` bytes a call. From a `dead`
 * one on every call fails, as for a process that was killed there.
 */
class FailingDisk implements FileSystem {
  readonly calls: string[] = [];
  constructor(readonly failAt: number, readonly dead = false, readonly atMost = Infinity) {}

  #call<T>(name: string, action: () => T): T {
    this.calls.push(name);
    if (this.dead ? this.calls.length >= this.failAt : this.calls.length === this.failAt) throw diskFull();
    return action();
  }

  // deno-lint-ignore require-await -- so that a failing call rejects, as the disk's does
  async #later<T>(name: string, action: () => Promise<T>): Promise<T> {
    return this.#call(name, action);
  }

  async open(path: string, options: Deno.OpenOptions): Promise<OpenFile> {
    const file = await this.#later("open", () => disk.open(path, options));
    return {
      read: (buffer) => this.#later("read", () => file.read(buffer)),
      write: (bytes) => this.#later("write", () => file.write(bytes.subarray(0, this.atMost))),
      seek: (offset, whence) => this.#later("seek", () => file.seek(offset, whence)),
      truncate: (length) => this.#later("truncate", () => file.truncate(length)),
      sync: () => this.#later("sync", () => file.sync()),
      tryLock: (exclusive) => this.#later("lock", () => file.tryLock(exclusive)),
      // The descriptor goes in any case; what can fail is what close reports.
      close: () => {
        file.close();
        this.#call("close", () => {});
      },
    };
  }
  rename(from: string, to: string): Promise<void> {
    return this.#later("rename", () => disk.rename(from, to));
  }
  remove(path: string): Promise<void> {
    return this.#later("remove", () => disk.remove(path));
  }
}

Deno.test("writeAtomic() writes text, bytes and pieces, and leaves nothing beside them", () =>
  inTemporaryDirectory(async (directory) => {
    for (
      const data of [
        "grün",
        new TextEncoder().encode("grün"),
        ["gr", "ü", "n"].map((s) => new TextEncoder().encode(s)),
      ]
    ) {
      await writeAtomic(`${directory}/file`, data);
      assertEquals(Deno.readTextFileSync(`${directory}/file`), "grün");
      assertEquals([...Deno.readDirSync(directory)].length, 1);
    }
  }));

Deno.test("writeAtomic() syncs the file before the rename and the directory after it", () =>
  inTemporaryDirectory(async (directory) => {
    const files = new FailingDisk(Infinity, false, 3);
    await writeAtomic(`${directory}/file`, "12345678", files);
    const directorySync = Deno.build.os === "windows" ? [] : ["open", "sync", "close"];
    assertEquals(files.calls, ["open", "write", "write", "write", "sync", "close", "rename", ...directorySync]);
    assertEquals(Deno.readTextFileSync(`${directory}/file`), "12345678");
  }));

for (const dead of [false, true]) {
  Deno.test(`writeAtomic() leaves old or new, never torn, when ${dead ? "killed at" : "failing at"} any call`, () =>
    inTemporaryDirectory(async (directory) => {
      const path = `${directory}/last.safetensors`;
      const calls = new FailingDisk(Infinity, false, 3);
      await writeAtomic(path, "old", calls);
      for (let n = 1; n <= calls.calls.length; n++) {
        await writeAtomic(path, "old");
        const files = new FailingDisk(n, dead, 3);
        const error = await assertRejects(() => writeAtomic(path, "something new", files), UserError);
        const renamed = files.calls.indexOf("rename") >= 0 && files.calls.indexOf("rename") !== n - 1;
        assertEquals(Deno.readTextFileSync(path), renamed ? "something new" : "old", `call ${n}`);
        assertStringIncludes(error.message, `${path} (13 bytes)`);
        assertStringIncludes(error.message, "the disk is full (ENOSPC)");
        assertStringIncludes(error.message, renamed ? "cannot make sure of it" : "what was there before is untouched");
        const left = await removeTemporaries(directory);
        // Only a killed process leaves its temporary, and only between making and renaming it.
        if (!dead || renamed || n === 1) assertEquals(left, [], `call ${n}`);
        else assertEquals(left.length, 1, `call ${n}`);
        assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["last.safetensors"]);
      }
    }));
}

Deno.test("writeAtomic() into a directory that is not there is one line", async () => {
  const error = await assertRejects(() => writeAtomic("/nonexistent/fovea/file", "x"), UserError);
  assertStringIncludes(error.message, "Cannot write /nonexistent/fovea/file (1 bytes): ");
  assert(!error.message.includes("\n"));
});

Deno.test({
  name: "writeAtomic() leaves what is no regular file alone, and says what to do about a full disk",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inTemporaryDirectory(async (folder) => {
      const pipe = `${folder}/pipe`;
      await new Deno.Command("mkfifo", { args: [pipe] }).output();
      await assertRejects(() => writeAtomic(pipe, "x"), UserError, "pipe (1 bytes): it is a named pipe, not a file");
      await assertRejects(() => writeAtomic(folder, "x"), UserError, "it is a folder, not a file; give another");
      assert((await Deno.stat(pipe)).isFifo);
      const full = {
        ...disk,
        open: () => Promise.reject(new Error("No space left on device (os error 28)")),
      };
      await assertRejects(
        () => writeAtomic(`${folder}/x`, "x", full),
        UserError,
        "the disk is full (ENOSPC); make room; what was there before is untouched",
      );
    }),
});

Deno.test("removeTemporaries() touches only temporaries", () =>
  inTemporaryDirectory(async (directory) => {
    for (const name of [".a.json.12-3.tmp", ".hidden", "b.tmp", "c.12-3.tmp"]) {
      Deno.writeTextFileSync(`${directory}/${name}`, "");
    }
    assertEquals(await removeTemporaries(directory), [".a.json.12-3.tmp"]);
    assertEquals([...Deno.readDirSync(directory)].length, 3);
  }));

Deno.test("appendRecord() keeps numbers that JSON cannot hold, and says so", () =>
  inTemporaryDirectory(async (directory) => {
    const path = `${directory}/metrics.jsonl`;
    await appendRecord(path, { step: 1, loss: 0.5, note: "NaN", none: null });
    await appendRecord(path, { step: 2, loss: NaN, val: { "a/b~c": [1, -Infinity, { x: Infinity }] } });
    assertEquals(
      Deno.readTextFileSync(path),
      '{"step":1,"loss":0.5,"note":"NaN","none":null}\n' +
        '{"step":2,"loss":"NaN","val":{"a/b~c":[1,"-Infinity",{"x":"Infinity"}]},' +
        '"nonFinite":["/loss","/val/a~1b~0c/1","/val/a~1b~0c/2/x"]}\n',
    );
    const records = await readRecords(path);
    assertEquals(records.length, 2);
    assertEquals(Number(records[1].loss), NaN);
    await assertRejects(() => appendRecord(path, { nonFinite: 1 }), TypeError, '"nonFinite" is taken');
  }));

Deno.test("appendRecord() cuts off a torn last line first, and readRecords() leaves it out", () =>
  inTemporaryDirectory(async (directory) => {
    const path = `${directory}/metrics.jsonl`;
    assertEquals(await readRecords(path), []);
    const long = `{"text":"${"x".repeat(20_000)}"}`;
    const cases = [
      { before: "", after: "" },
      { before: '{"step":1', after: "" },
      { before: '{"step":1}\n', after: '{"step":1}\n' },
      { before: '{"step":1}\n{"st', after: '{"step":1}\n' },
      { before: `{"step":1}\n${long}`, after: '{"step":1}\n' },
      { before: `${long}\n{`, after: `${long}\n` },
    ];
    for (const { before, after } of cases) {
      Deno.writeTextFileSync(path, before);
      assertEquals((await readRecords(path)).length, after === "" ? 0 : 1);
      await appendRecord(path, { step: 2 });
      assertEquals(Deno.readTextFileSync(path), after + '{"step":2}\n');
    }
  }));

Deno.test("appendRecord() leaves whole records when any call fails", () =>
  inTemporaryDirectory(async (directory) => {
    const path = `${directory}/metrics.jsonl`;
    const before = '{"step":1}\n';
    const after = before + '{"step":2}\n';
    const count = new FailingDisk(Infinity, false, 4);
    Deno.writeTextFileSync(path, before);
    await appendRecord(path, { step: 2 }, count);
    assertEquals(count.calls.filter((call) => call === "write").length, 3);
    for (let n = 1; n <= count.calls.length; n++) {
      Deno.writeTextFileSync(path, before);
      const error = await assertRejects(() => appendRecord(path, { step: 2 }, new FailingDisk(n, false, 4)), UserError);
      assertStringIncludes(error.message, `Cannot append 11 bytes to ${path}: the disk is full (ENOSPC)`);
      // Only closing can fail with the record in its place.
      assertEquals(Deno.readTextFileSync(path), n === count.calls.length ? after : before, `call ${n}`);
      Deno.writeTextFileSync(path, before);
      await assertRejects(() => appendRecord(path, { step: 2 }, new FailingDisk(n, true, 4)), UserError);
      await appendRecord(path, { step: 3 });
      const steps = (await readRecords(path)).map(({ step }) => step);
      assertEquals(steps, n === count.calls.length ? [1, 2, 3] : [1, 3], `killed at call ${n}`);
    }
  }));

Deno.test("readRecords() names the line that is no record", () =>
  inTemporaryDirectory(async (directory) => {
    const path = `${directory}/metrics.jsonl`;
    for (const bad of ["{", "[1]", "null"]) {
      Deno.writeTextFileSync(path, `{"step":1}\n${bad}\n`);
      await assertRejects(() => readRecords(path), UserError, `${path}:2 is no record`);
    }
    await assertRejects(() => readRecords(directory), UserError, `Cannot read ${directory}`);
  }));

Deno.test("lockDirectory() refuses a second run and names the holder, until it lets go", () =>
  inTemporaryDirectory(async (directory) => {
    {
      await using _lock = await lockDirectory(directory);
      const error = await assertRejects(() => lockDirectory(directory), UserError);
      assertStringIncludes(error.message, `Cannot use ${directory}: `);
      if (Deno.build.os !== "windows") assertStringIncludes(error.message, `process ${Deno.pid} (since 20`);
    }
    await using _again = await lockDirectory(directory);
  }));

Deno.test("lockDirectory() refuses though the holder's name cannot be read", () =>
  inTemporaryDirectory(async (directory) => {
    await using _lock = await lockDirectory(directory);
    Deno.writeTextFileSync(`${directory}/.lock`, "{");
    await assertRejects(() => lockDirectory(directory), UserError, "another process is at work there");
  }));

Deno.test("lockDirectory() takes over from a process that was killed", () =>
  inTemporaryDirectory(async (directory) => {
    const module = JSON.stringify(new URL("../src/lock.ts", import.meta.url).href);
    const code = `const { lockDirectory } = await import(${module});
      globalThis.lock = await lockDirectory(${JSON.stringify(directory)});
      console.log("locked"); setInterval(() => {}, 1000);`;
    const child = new Deno.Command(Deno.execPath(), { args: ["eval", code], stdout: "piped" }).spawn();
    const reader = child.stdout.getReader();
    await reader.read();
    await assertRejects(() => lockDirectory(directory), UserError, `Cannot use ${directory}: `);
    child.kill("SIGKILL");
    await child.status;
    await reader.cancel();
    await using _lock = await lockDirectory(directory);
  }));

Deno.test("lockDirectory() that fails at any call is one line and holds nothing", () =>
  inTemporaryDirectory(async (directory) => {
    const count = new FailingDisk(Infinity);
    await (await lockDirectory(directory, count))[Symbol.asyncDispose]();
    for (let n = 1; n < count.calls.length; n++) {
      await assertRejects(
        () => lockDirectory(directory, new FailingDisk(n)),
        UserError,
        `Cannot lock ${directory}`,
      );
      await using _lock = await lockDirectory(directory);
    }
    await assertRejects(() => lockDirectory(`${directory}/none`), UserError, "Cannot lock");
  }));
