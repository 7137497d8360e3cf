/**
 * A W&B server for tests: it keeps what it is sent, and can fail in the ways that servers fail.
 */

import { assertEquals } from "@std/assert";

/** A request that came. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  // deno-lint-ignore no-explicit-any -- JSON of any form
  readonly body: any;
}

/** How a server answers: as it should, with a code, never, or with a page. */
export type Mood = "well" | "page" | "hang" | "no uploads" | "no key" | number;

/** One server with at most one run. */
export class WandbServer implements AsyncDisposable {
  /** Everything that was asked, in order. */
  readonly requests: Received[] = [];
  /** The lines of the run, by the file's name. */
  readonly lines: Record<string, string[]> = {};
  /** Files by name. */
  readonly files = new Map<string, Uint8Array>();
  /** Exit code, once the run is complete. */
  exit?: number;
  /** Failing answers before it answers as it should. */
  failures = 0;
  mood: Mood;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #held: (() => void)[] = [];
  #isKnown = false;

  /** @param mood How it answers. */
  constructor(mood: Mood = "well") {
    this.mood = mood;
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(request),
    );
  }

  /** Its address. */
  get base(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Names of the operations that were asked, those of GraphQL by their own. */
  get operations(): string[] {
    return this.requests.map(({ method, path, body }) =>
      body?.operationName ?? (path.endsWith("/file_stream") ? "file_stream" : method)
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#held.forEach((release) => release());
    await this.#server.shutdown();
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname: path } = new URL(request.url);
    const bytes = await request.bytes();
    const isUpload = request.method === "PUT";
    const body = isUpload ? bytes : JSON.parse(new TextDecoder().decode(bytes));
    this.requests.push({ method: request.method, path, headers: request.headers, body });
    if (this.failures > 0) {
      this.failures--;
      return new Response("{}", { status: 503 });
    }
    if (typeof this.mood === "number") return new Response("{}", { status: this.mood });
    if (this.mood === "page") return new Response("<!doctype html>");
    if (this.mood === "hang") {
      await new Promise<void>((resolve) => this.#held.push(resolve));
      return new Response("{}");
    }
    if (isUpload) {
      if (this.mood === "no uploads") return new Response("", { status: 500 });
      this.files.set(decodeURIComponent(path.replace("/storage/", "")), bytes);
      return new Response("");
    }
    if (path === "/graphql") return Response.json({ data: this.#data(body) });
    this.#stream(body);
    return Response.json({ exitcode: null, limits: {} });
  }

  // deno-lint-ignore no-explicit-any -- see above
  #data({ operationName, variables }: any): unknown {
    const project = { id: "p", name: variables.project, entity: { id: "e", name: "me" } };
    switch (operationName) {
      case "Viewer":
        return { viewer: this.mood === "no key" ? null : { id: "v", entity: "me" } };
      case "RunResumeStatus": {
        const count = (name: string) => this.lines[name]?.length ?? 0;
        const bucket = {
          ...{ historyLineCount: count("wandb-history.jsonl"), eventsLineCount: count("wandb-events.jsonl") },
          logLineCount: count("output.log"),
          historyTail: JSON.stringify((this.lines["wandb-history.jsonl"] ?? []).slice(-1)),
        };
        return { model: { ...project, bucket: this.#isKnown ? bucket : null } };
      }
      case "UpsertBucket":
        this.#isKnown = true;
        return { upsertBucket: { bucket: { id: "b", name: variables.name, project }, inserted: true } };
      case "CreateRunFiles": {
        const files = variables.files.map((name: string) => ({ name, uploadUrl: `${this.base}/storage/${name}` }));
        return { createRunFiles: { runID: "b", uploadHeaders: ["X-Kept: yes"], files } };
      }
      default:
        return {};
    }
  }

  // deno-lint-ignore no-explicit-any -- see above
  #stream({ files = {}, complete, exitcode }: any): void {
    for (const [name, { offset, content }] of Object.entries<{ offset: number; content: string[] }>(files)) {
      const lines = this.lines[name] ??= [];
      if (name === "wandb-summary.json") lines.length = 0;
      assertEquals(offset, lines.length, `lines of ${name} come one after the other`);
      lines.push(...content);
    }
    if (complete) this.exit = exitcode;
  }
}
