/**
 * A directory for one process alone: {@link lockDirectory}.
 *
 * @module
 */
import { join } from "node:path";
import { UserError } from "./errors.ts";
import { fileError, type FileSystem, type OpenFile, realFileSystem, writeAll } from "./files.ts";

/** Says who holds a directory. */
interface Holder {
  /** Process id. */
  readonly pid: number;
  /** When the lock was taken, ISO 8601. */
  readonly since: string;
}

/** A directory held for this process; disposing of it lets go. */
export type DirectoryLock = AsyncDisposable;

/**
 * Takes a directory for this process alone. The lock is the operating system's (on the file `.lock`). The system lets
 * go of it when the process ends, however it ends: a lock of the dead never stands in the way. The file stays, since
 * removing it would let two processes hold locks on two files of that name.
 *
 * @param directory An existing directory.
 * @param files The file system.
 * @returns The lock.
 * @throws {UserError} If another holds it, naming the process and since when; or if it cannot be locked.
 *
 * @example
 * ```ts
 * import { lockDirectory } from "./lock.ts";
 *
 * await using _lock = await lockDirectory("runs/hair");
 * ```
 */
export async function lockDirectory(directory: string, files: FileSystem = realFileSystem): Promise<DirectoryLock> {
  let file: OpenFile | undefined;
  try {
    file = await files.open(join(directory, ".lock"), { read: true, write: true, create: true });
    let isMine = await file.tryLock(true);
    // Who asks isHeld() has the lock for an instant.
    if (!isMine) isMine = await new Promise((resolve) => setTimeout(() => resolve(file!.tryLock(true)), 100));
    if (isMine) {
      const holder: Holder = { pid: Deno.pid, since: new Date().toISOString() };
      await file.truncate(0);
      await writeAll(file, new TextEncoder().encode(JSON.stringify(holder) + "\n"));
      const held = file;
      return { [Symbol.asyncDispose]: () => Promise.resolve(held.close()) };
    }
  } catch (error) {
    file?.close();
    throw fileError(`Cannot lock ${directory}`, error, "check that it exists and can be written");
  }
  const holder = await describeHolder(file);
  file.close();
  throw new UserError(`Cannot use ${directory}: ${holder} is at work there; wait for it or choose another directory`);
}

/**
 * Is a process at work in a directory? This process counts, too.
 *
 * @param directory The directory.
 * @returns False where nobody holds its lock, or it has none.
 */
export async function isHeld(directory: string): Promise<boolean> {
  try {
    using file = await Deno.open(join(directory, ".lock"));
    return !await file.tryLock(false);
  } catch (error) {
    // Windows lets nobody read what is locked, and gives that another name.
    return !(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied);
  }
}

/** The holder of a lock in words, from the lock file as far as it can be read. */
async function describeHolder(file: OpenFile): Promise<string> {
  try {
    const buffer = new Uint8Array(1024);
    const read = await file.read(buffer) ?? 0;
    const { pid, since }: Holder = JSON.parse(new TextDecoder().decode(buffer.subarray(0, read)));
    return `process ${pid} (since ${since})`;
  } catch {
    // It has not written its name yet, or (Windows) a locked file cannot be read.
    return "another process";
  }
}
