/**
 * A server on 127.0.0.1 that answers byte by byte as a test says: it cuts, stalls and lies.
 */

/** What was asked. */
export interface Asked {
  /** Path and query. */
  readonly path: string;
  /** Headers by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  /** First byte of the part that was asked for; 0 where none was. */
  readonly from: number;
}

/** What is answered. */
export interface Reply {
  /** Default 200. */
  readonly status?: number;
  /** Besides the length of the body, unless it is among them; `undefined` leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: Uint8Array | string;
  /** Bytes of the body after which the connection is cut, or says nothing more. */
  readonly cutAt?: number;
  readonly stallAt?: number;
}

/** A running server. */
export interface Server extends AsyncDisposable {
  readonly origin: string;
  /** What was asked so far. */
  readonly asked: readonly Asked[];
}

/** Starts a server, which answers every request by `reply`; `n` counts from 0. */
export function serve(reply: (asked: Asked, n: number) => Reply): Server {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const asked: Asked[] = [];
  const open = new Set<Deno.TcpConn>();
  const answers: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      open.add(connection);
      answers.push(
        answer(connection, asked, reply).catch(() => false).then((stalls) => {
          if (!stalls && open.delete(connection)) connection.close();
        }),
      );
    }
  })();
  return {
    origin: `http://127.0.0.1:${listener.addr.port}`,
    asked,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      // A client may have opened one in advance, on which nothing was ever asked.
      for (const connection of open) {
        open.delete(connection);
        connection.close();
      }
      await Promise.all(answers);
    },
  };
}

/** Answers one request; true where the connection is to stay open and silent. */
async function answer(
  connection: Deno.TcpConn,
  asked: Asked[],
  reply: (asked: Asked, n: number) => Reply,
): Promise<boolean> {
  let text = "";
  const buffer = new Uint8Array(4096);
  while (!text.includes("\r\n\r\n")) {
    const read = await connection.read(buffer);
    if (read === null) return false;
    text += new TextDecoder().decode(buffer.subarray(0, read));
  }
  const [first, ...lines] = text.split("\r\n");
  const headers = new Map(
    lines.filter((line) => line.includes(":")).map((line) => {
      const [name, ...value] = line.split(":");
      return [name.toLowerCase(), value.join(":").trim()];
    }),
  );
  const from = Number(/^bytes=(\d+)-$/.exec(headers.get("range") ?? "")?.[1] ?? 0);
  asked.push({ path: first.split(" ")[1], headers, from });
  const { status = 200, headers: given = {}, body = "", cutAt, stallAt } = reply(asked.at(-1)!, asked.length - 1);
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const all = { "content-length": String(bytes.length), connection: "close", ...given };
  const head = Object.entries(all).filter(([, value]) => value !== undefined).map(([name, value]) =>
    `${name}: ${value}`
  );
  const sent = bytes.subarray(0, cutAt ?? stallAt);
  const pieces = [new TextEncoder().encode(`HTTP/1.1 ${status} X\r\n${head.join("\r\n")}\r\n\r\n`), sent];
  for (const piece of pieces) {
    for (let written = 0; written < piece.length;) written += await connection.write(piece.subarray(written));
  }
  return stallAt !== undefined;
}

/** A file as servers that know parts give it. */
export function partOf(file: Uint8Array, { from }: Asked, etag = '"v1"'): Reply {
  if (from === 0) return { headers: { etag }, body: file };
  return {
    status: 206,
    headers: { etag, "content-range": `bytes ${from}-${file.length - 1}/${file.length}` },
    body: file.subarray(from),
  };
}
