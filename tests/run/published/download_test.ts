import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { download, type DownloadOptions, type RemoteFile } from "../../../src/run/published/download.ts";
import { FetchError } from "../../../src/run/published/request.ts";
import { inFolder } from "../../data/sets.ts";
import { type Asked, partOf, type Reply, serve } from "./server.ts";

/** Bytes that begin as a safetensors file does. */
function fileOf(length: number): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, i) => i * 31 + (i >> 8));
  bytes[8] = "{".charCodeAt(0);
  return bytes;
}

const FILE = fileOf(300_000);
const sha256 = createHash("sha256").update(FILE).digest("hex");
const patience = { stallMs: 150, tries: 3, pauseMs: 1 };

/** Fetches the file from a server; what stands there then, and what was asked. */
async function fetched(
  reply: (asked: Asked, n: number) => Reply,
  { remote = {}, before, options = {}, parts = {} }: {
    remote?: Partial<RemoteFile>;
    before?: (path: string, address: string) => Promise<void>;
    options?: DownloadOptions;
    parts?: Record<string, unknown>;
  } = {},
): Promise<{ asked: readonly Asked[]; bytes?: Uint8Array; error?: Error; left: string[] }> {
  await using server = serve(reply);
  let result: { bytes?: Uint8Array; error?: Error; left: string[] } = { left: [] };
  await inFolder(async (folder) => {
    const path = join(folder, "weights", "w.safetensors");
    const address = `${server.origin}/w`;
    await Deno.mkdir(join(folder, "weights"));
    for (const [name, text] of Object.entries(parts)) {
      const content = typeof text === "function" ? text(address) : text;
      await Deno.writeFile(
        `${path}${name}`,
        content instanceof Uint8Array ? content : new TextEncoder().encode(content),
      );
    }
    await before?.(path, address);
    let error: Error | undefined;
    try {
      assertEquals(await download({ address, sha256, ...remote }, path, { patience, ...options }), {
        size: FILE.length,
        sha256,
      });
    } catch (caught) {
      error = caught as Error;
    }
    const left = (await Array.fromAsync(Deno.readDir(join(folder, "weights")))).map(({ name }) => name).sort();
    result = { error, left, bytes: left.includes("w.safetensors") ? await Deno.readFile(path) : undefined };
  });
  return { asked: server.asked, ...result };
}

/** What a part that an earlier call left looks like. */
const earlier = (bytes: Uint8Array, etag?: string) => ({
  ".part": bytes,
  ".part.json": (address: string) => JSON.stringify({ address, sha256, etag }),
});

const html = "<!DOCTYPE html><html><body>Please log in to the network</body></html>";

/** What servers do, and from which bytes on the file is asked for; all end with the file. */
const ends: [
  what: string,
  reply: (asked: Asked, n: number) => Reply,
  from: number[],
  parts?: Record<string, unknown>,
][] = [
  ["gives it at once", (asked) => partOf(FILE, asked), [0]],
  ["cuts twice", (asked, n) => ({ ...partOf(FILE, asked), cutAt: n < 2 ? 100_000 : undefined }), [0, 100_000, 200_000]],
  ["stalls in the middle", (asked, n) => ({ ...partOf(FILE, asked), stallAt: n === 0 ? 100_000 : undefined }), [
    0,
    1e5,
  ]],
  ["stalls before the first byte", (asked, n) => ({ ...partOf(FILE, asked), stallAt: n === 0 ? 0 : undefined }), [
    0,
    0,
  ]],
  ["says 500, then gives it", (asked, n) => n === 0 ? { status: 500 } : partOf(FILE, asked), [0, 0]],
  [
    "says 429 and when to come back",
    (asked, n) => n === 0 ? { status: 429, headers: { "retry-after": "0" } } : partOf(FILE, asked),
    [0, 0],
  ],
  [
    "knows no parts: it starts over",
    (_, n) => ({ body: FILE, cutAt: n === 0 ? 50_000 : undefined }),
    [0, 50_000],
  ],
  [
    "gives another part than the one asked for",
    (asked, n) =>
      n === 1
        ? { ...partOf(FILE, { ...asked, from: 7 }) }
        : { ...partOf(FILE, asked), cutAt: n === 0 ? 5e4 : undefined },
    [0, 50_000, 0],
  ],
  ["goes on with what an earlier call left", (asked) => partOf(FILE, asked), [1000], earlier(FILE.subarray(0, 1000))],
  [
    "starts over where what was left is damaged",
    (asked) => partOf(FILE, asked),
    [1000, 0],
    earlier(fileOf(1000).fill(5, 20)),
  ],
  [
    "has fewer bytes than were left",
    (asked) => asked.from > 0 ? { status: 416 } : partOf(FILE, asked),
    [400_000, 0],
    earlier(fileOf(400_000)),
  ],
  [
    "starts over where what was left is of another file",
    (asked) => partOf(FILE, asked),
    [0],
    { ".part": FILE.subarray(0, 1000), ".part.json": JSON.stringify({ address: "http://127.0.0.1/other", sha256 }) },
  ],
  ["says no length", (asked) => ({ ...partOf(FILE, asked), headers: { "content-length": undefined } }), [0]],
  [
    "sends on, twice",
    (asked, n) =>
      n < 2 ? { status: 302, headers: { location: n === 0 ? "/there" : "w?signed=1" } } : partOf(FILE, asked),
    [0, 0, 0],
  ],
];
for (const [what, reply, from, parts] of ends) {
  Deno.test(`download() has the file in the end: the server ${what}`, async () => {
    const { asked, bytes, error, left } = await fetched(reply, { parts });
    assertEquals(error, undefined);
    assertEquals(asked.map((one) => one.from), from);
    assertEquals(left, ["w.safetensors"]);
    assert(bytes!.every((byte, i) => byte === FILE[i]));
  });
}

/** What servers do, what is said, and which bytes are kept for the next call. */
const faults: [what: string, reply: (asked: Asked, n: number) => Reply, says: string, kept: number, asks: number][] = [
  ["stalls always", (asked) => ({ ...partOf(FILE, asked), stallAt: 0 }), "nothing came for 0.15 seconds", 0, 3],
  [
    "cuts always at the same byte",
    (asked) => ({ ...partOf(FILE, asked), cutAt: Math.max(0, 1000 - asked.from) }),
    "the connection ended",
    1000,
    3,
  ],
  [
    "answers with a web page",
    () => ({ headers: { "content-type": "text/html; charset=utf-8" }, body: html }),
    "web page",
    0,
    1,
  ],
  ["calls a web page a file", () => ({ body: html }), "web page", 0, 1],
  [
    "answers with something else",
    () => ({ body: '{"error": "no such thing"}' }),
    "neither a safetensors file nor",
    0,
    1,
  ],
  ["answers with nothing", () => ({ body: "" }), "neither a safetensors file nor", 0, 1],
  ["gives another file", () => ({ body: fileOf(300_001) }), `not ${sha256.slice(0, 16)}`, 0, 1],
  ["has no such file", () => ({ status: 404, body: html }), "there is no such file (404)", 0, 1],
  ["lets nobody in", () => ({ status: 403 }), "not given to everybody (403)", 0, 1],
  ["says 429 always", () => ({ status: 429, headers: { "retry-after": "0" } }), "asked too often", 0, 3],
  ["says to come back in an hour", () => ({ status: 503, headers: { "retry-after": "3600" } }), "in 60 minutes", 0, 1],
  ["sends round in circles", () => ({ status: 302, headers: { location: "/w" } }), "without end", 0, 9],
  ["sends to a file", () => ({ status: 302, headers: { location: "file:///etc/passwd" } }), "not https", 0, 1],
  ["sends nowhere", () => ({ status: 307 }), "sends to no address", 0, 1],
];
for (const [what, reply, says, kept, asks] of faults) {
  Deno.test(`download() says why it has none: the server ${what}`, async () => {
    let part = 0;
    await using server = serve(reply);
    await inFolder(async (folder) => {
      const path = join(folder, "w.safetensors");
      const error = await assertRejects(
        () => download({ address: `${server.origin}/w`, sha256 }, path, { patience }),
        FetchError,
      );
      assertStringIncludes(error.message, says);
      part = (await Deno.stat(`${path}.part`)).size;
      await assertRejects(() => Deno.stat(path), Deno.errors.NotFound);
    });
    assertEquals([part, server.asked.length], [kept, asks]);
  });
}

Deno.test("download() refuses a length that was not announced, and bytes beyond it", async () => {
  const announced = { remote: { size: FILE.length } };
  const longer = fileOf(300_500);
  const { error } = await fetched((asked) => partOf(longer, asked), announced);
  assertEquals(error?.message, "the file has 300500 bytes, not the 300000 that were announced");
  const unsaid = await fetched(() => ({ body: longer, headers: { "content-length": undefined } }), announced);
  assertEquals(unsaid.error?.message, "more than the 300000 bytes came that were announced");
});

Deno.test("download() asks for the rest of the same file only, and for no compression", async () => {
  const reply = (asked: Asked, n: number) => ({ ...partOf(FILE, asked), cutAt: n === 0 ? 1000 : undefined });
  const { asked } = await fetched(reply);
  assertEquals(asked.map(({ headers }) => headers.get("if-range")), [undefined, '"v1"']);
  assertEquals(asked.map(({ headers }) => headers.get("accept-encoding")), ["identity", "identity"]);
  const weak = await fetched((asked, n) => ({ ...partOf(FILE, asked, 'W/"v1"'), cutAt: n === 0 ? 1000 : undefined }));
  assertEquals(weak.asked[1].headers.get("if-range"), undefined);
});

Deno.test("download() stops when it is told to, and keeps what came", async () => {
  const controller = new AbortController();
  const { error, left } = await fetched((asked) => ({ ...partOf(FILE, asked), stallAt: 1000 }), {
    options: { signal: controller.signal, onProgress: () => controller.abort() },
  });
  assertEquals(error?.name, "AbortError");
  assertEquals(left, ["w.safetensors.part", "w.safetensors.part.json"]);
});

Deno.test("download() by two at once: the second is told of the first", async () => {
  const lock: Deno.FsFile[] = [];
  const { error } = await fetched((asked) => partOf(FILE, asked), {
    before: async (path) => {
      lock.push(await Deno.open(`${path}.part`, { create: true, write: true }));
      await lock[0].lock(true);
    },
  });
  lock[0].close();
  assertStringIncludes(error!.message, "another process is at it");
});

Deno.test("download() keeps what came before when a login page answers", async () => {
  const reply = () => ({ headers: { "content-type": "text/html" }, body: html });
  const { error, left } = await fetched(reply, { parts: earlier(FILE.subarray(0, 1000)) });
  assertStringIncludes(error!.message, "web page");
  assertEquals(left, ["w.safetensors.part", "w.safetensors.part.json"]);
  const asked: number[] = [];
  await using server = serve((one) => {
    asked.push(one.from);
    return asked.length === 2 ? reply() : { ...partOf(FILE, one), cutAt: asked.length === 1 ? 1000 : undefined };
  });
  await inFolder(async (folder) => {
    const fetch = () => download({ address: server.origin, sha256 }, join(folder, "w"), { patience });
    await assertRejects(fetch, FetchError, "web page");
    await fetch();
  });
  assertEquals(asked, [0, 1000, 1000]);
});
