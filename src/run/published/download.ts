/**
 * Fetches a large file once: it goes on where it broke off, is compared with its hash, and stands under its name only
 * when it is whole.
 *
 * What has come is in `NAME.part`, and `NAME.part.json` says of what it is a part. The hash is that of the bytes on the
 * disk.
 *
 * @module
 */

import { dirname } from "node:path";
import { systemFault, UserError } from "../../errors.ts";
import { startSha256 } from "../../interop/safetensors_file.ts";
import { type Answer, FetchError, type Patience, patiently, request, usualPatience } from "./request.ts";

/** A file to fetch. */
export interface RemoteFile {
  /** Where it is. */
  readonly address: string;
  /** Its SHA-256 in hexadecimal digits, or the first of them. */
  readonly sha256: string;
  /** Its bytes, where they were announced. */
  readonly size?: number;
}

/** How to fetch. */
export interface DownloadOptions {
  /** Told how many bytes there are, and of how many. */
  readonly onProgress?: (done: number, total: number | undefined) => void;
  /** Stops; what has come is kept. */
  readonly signal?: AbortSignal;
  /** How long to wait, and how often. */
  readonly patience?: Patience;
}

/** Bytes by which a file's kind is told. */
const HEAD = 9;

/** What a part is of. */
interface PartOf {
  readonly address: string;
  readonly sha256: string;
  readonly etag?: string;
}

/**
 * Fetches a file.
 *
 * @param remote What.
 * @param path Where it goes; its folder is made.
 * @param options How.
 * @returns Its bytes and its SHA-256.
 * @throws {FetchError} When it cannot be had, or is not what it should be.
 * @throws {UserError} When it cannot be written, or another process fetches it.
 */
export async function download(
  remote: RemoteFile,
  path: string,
  { onProgress, signal, patience = usualPatience }: DownloadOptions = {},
): Promise<{ size: number; sha256: string }> {
  const part = await Part.open(path, remote);
  try {
    // Of what an earlier call left, it is not known whether it is whole.
    let isOwn = part.size === 0;
    for (;;) {
      const work = () => continuePart(part, remote, patience, signal, onProgress);
      await patiently(work, patience, signal, () => part.size);
      const sha256 = await part.hash(signal);
      if (sha256.startsWith(remote.sha256)) {
        const { size } = part;
        await part.finish();
        return { size, sha256 };
      }
      await part.cut();
      if (isOwn) {
        throw new FetchError(
          `its SHA-256 is ${sha256.slice(0, 16)}…, not ${remote.sha256.slice(0, 16)}: it was changed on its way`,
        );
      }
      isOwn = true;
    }
  } finally {
    part.close();
  }
}

/** The SHA-256 of a file on the disk. */
export async function hashOf(path: string): Promise<string> {
  using file = await Deno.open(path);
  return await hashFrom(file);
}

/** The SHA-256 of an open file. */
async function hashFrom(file: Deno.FsFile, signal?: AbortSignal): Promise<string> {
  const hash = startSha256();
  const buffer = new Uint8Array(2 ** 20);
  await file.seek(0, Deno.SeekMode.Start);
  for (let read; (read = await file.read(buffer)) !== null;) {
    signal?.throwIfAborted();
    hash.update(buffer.subarray(0, read));
  }
  return hash.digest("hex");
}

/** One request, for what is not there yet. */
async function continuePart(
  part: Part,
  remote: RemoteFile,
  patience: Patience,
  signal: AbortSignal | undefined,
  onProgress: DownloadOptions["onProgress"],
): Promise<void> {
  if (part.size === remote.size) return;
  const range: Record<string, string> = part.size > 0 ? { range: `bytes=${part.size}-` } : {};
  // Of a file that was exchanged meanwhile, all is sent.
  if (part.size > 0 && part.etag !== undefined) range["if-range"] = part.etag;
  let answer: Answer;
  try {
    answer = await request(remote.address, range, patience, signal);
  } catch (error) {
    if (error instanceof FetchError && error.status === 416) await part.cut();
    throw error;
  }
  try {
    const total = await beginAnswer(part, remote, answer);
    for await (const piece of answer.body()) {
      await part.append(piece);
      if (total !== undefined && part.size > total) {
        await part.cut();
        throw new FetchError(`more than the ${total} bytes came that were announced`);
      }
      onProgress?.(part.size, total);
    }
    await part.checkHead();
    if (total !== undefined && part.size < total) {
      throw new FetchError(`the connection ended after ${part.size} of ${total} bytes`, { retry: true });
    }
  } finally {
    answer.close();
  }
}

/** Reads an answer's headers; gives the bytes of the whole file, where they are said. */
async function beginAnswer(part: Part, remote: RemoteFile, { status, headers }: Answer): Promise<number | undefined> {
  if (/\b(text|application)\/(html|xhtml)/i.test(headers.get("content-type") ?? "")) throw new FetchError(WEB_PAGE);
  const [, from, whole] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "") ?? [];
  if (status === 206 && Number(from) !== part.size) {
    await part.cut();
    throw new FetchError("it answers with another part of the file than the one asked for", { retry: true });
  }
  if (status === 200) await part.cut();
  const length = headers.get("content-length");
  const total = status === 206
    ? whole === "*" ? remote.size : Number(whole)
    : length === null
    ? remote.size
    : Number(length);
  if (remote.size !== undefined && total !== remote.size) {
    throw new FetchError(`the file has ${total} bytes, not the ${remote.size} that were announced`);
  }
  const etag = headers.get("etag") ?? undefined;
  // A weak one does not say that the bytes are the same.
  await part.describe(etag?.startsWith("W/") ? undefined : etag);
  return total;
}

const WEB_PAGE = "it answers with a web page instead of the file, as the login pages of networks do";

/** What has come of a file, held for this process. */
class Part {
  #file: Deno.FsFile;
  #remote: RemoteFile;
  #target: string;
  #isChecked = false;
  #isOpen = true;
  /** Bytes that are there. */
  size = 0;
  /** Of what they are, as the server marks it. */
  etag?: string;

  private constructor(file: Deno.FsFile, target: string, remote: RemoteFile) {
    this.#file = file;
    this.#target = target;
    this.#remote = remote;
  }

  /** Where it is. */
  get path(): string {
    return `${this.#target}.part`;
  }

  /** Opens the part of a file; what is of another file is dropped. */
  static async open(target: string, remote: RemoteFile): Promise<Part> {
    const part = await onDisk(target, async () => {
      await Deno.mkdir(dirname(target), { recursive: true });
      const file = await Deno.open(`${target}.part`, { read: true, write: true, create: true });
      return new Part(file, target, remote);
    });
    try {
      if (!await part.#file.tryLock(true)) {
        throw new UserError(`Cannot fetch ${target}: another process is at it; wait for it`);
      }
      const of = await partOf(`${target}.part.json`);
      if (of?.address === remote.address && of.sha256 === remote.sha256) {
        part.size = (await part.#file.stat()).size;
        part.etag = of.etag;
        if (remote.size !== undefined && part.size > remote.size) await part.cut();
      } else {
        await part.cut();
      }
      return part;
    } catch (error) {
      part.close();
      throw error;
    }
  }

  /** Says of what it is a part. */
  async describe(etag: string | undefined): Promise<void> {
    this.etag = etag;
    const { address, sha256 } = this.#remote;
    const of: PartOf = { address, sha256, etag };
    await onDisk(this.#target, () => Deno.writeTextFile(`${this.path}.json`, JSON.stringify(of)));
  }

  /** Writes a piece after what is there. */
  async append(piece: Uint8Array): Promise<void> {
    await onDisk(this.#target, async () => {
      await this.#file.seek(this.size, Deno.SeekMode.Start);
      for (let written = 0; written < piece.length;) {
        const count = await this.#file.write(piece.subarray(written));
        written += count;
        this.size += count;
      }
    });
    if (this.size >= HEAD) await this.checkHead();
  }

  /** Refuses what is no file of weights. */
  async checkHead(): Promise<void> {
    if (this.#isChecked) return;
    const head = new Uint8Array(HEAD);
    await this.#file.seek(0, Deno.SeekMode.Start);
    const read = await this.#file.read(head) ?? 0;
    const isZip = head[0] === 0x50 && head[1] === 0x4b;
    // A pickle's first opcode; the brace of a safetensors file behind the header's length.
    if (isZip || head[0] === 0x80 || (read === HEAD && head[8] === 0x7b)) {
      this.#isChecked = true;
      return;
    }
    await this.cut();
    const text = new TextDecoder().decode(head.subarray(0, read)).trimStart();
    throw new FetchError(
      text.startsWith("<") ? WEB_PAGE : "what it answers with is neither a safetensors file nor one of PyTorch's",
    );
  }

  /** Its SHA-256, read through the handle that holds it: Windows lets no other one read. */
  hash(signal?: AbortSignal): Promise<string> {
    return hashFrom(this.#file, signal);
  }

  /** Drops what is there. */
  async cut(): Promise<void> {
    await onDisk(this.#target, () => this.#file.truncate(0));
    this.size = 0;
    this.etag = undefined;
    this.#isChecked = false;
  }

  /** Puts it in its place. */
  async finish(): Promise<void> {
    await onDisk(this.#target, async () => {
      await this.#file.sync();
      // Windows renames no file that is open.
      this.close();
      await Deno.rename(this.path, this.#target);
      await Deno.remove(`${this.path}.json`);
    });
  }

  /** Lets go of it. */
  close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

/** What a note beside a part says; undefined where there is none that can be read. */
async function partOf(path: string): Promise<PartOf | undefined> {
  try {
    const { address, sha256, etag } = JSON.parse(await Deno.readTextFile(path));
    return { address, sha256, etag: typeof etag === "string" ? etag : undefined };
  } catch {
    return undefined;
  }
}

/** A fault of the disk in one line. */
async function onDisk<T>(target: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const advice = "what has come is kept, and the same command goes on with it";
    throw systemFault(`Cannot write ${target}`, error, advice);
  }
}
