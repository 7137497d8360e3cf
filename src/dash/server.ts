/**
 * The live page's server: this machine alone can ask it, and it only answers questions.
 *
 * ```text
 * GET /                          the page; its scripts and styles belong to it
 * GET /events                    server-sent events: the list of runs, then what changes in it
 * GET /charts?run=ID.PLACE&…     option objects of the charts of chosen runs
 * GET /validation?run=ID         the last validation of a run: confusion matrix and worst pictures
 * ```
 *
 * It listens on 127.0.0.1. A `Host` that is not this address is refused, so that no page of another site can read it
 * under a name of its own (DNS rebinding). No address has a path of the disk in it: runs have ids.
 *
 * @module
 */

import { UserError } from "../errors.ts";
import { printable } from "../printable.ts";
import { echartsText } from "../report/draw.ts";
import charts from "../report/page/charts.js" with { type: "text" };
import tokens from "../report/page/page.css" with { type: "text" };
import { readLive } from "../track/live.ts";
import { chartsOf, type ChosenRun, validationOf, type View } from "./charts.ts";
import { Curves, type XAxis } from "./curves.ts";
import elements from "./page/elements.js" with { type: "text" };
import style from "./page/dash.css" with { type: "text" };
import page from "./page/index.html" with { type: "text" };
import script from "./page/page.js" with { type: "text" };
import validation from "./page/validation.js" with { type: "text" };
import { type Change, Runs } from "./runs.ts";
import { numberIn, type WatchedRun } from "./watched_run.ts";

/** What is served. */
export interface DashOptions {
  /** The folder with the runs, or a run. */
  readonly folder: string;
  /** How many folders deep runs may be in it. */
  readonly depth: number;
  /** Where to listen; 0 for any port that is free. */
  readonly port: number;
  /** Ports from there on that are tried; default 1. */
  readonly tries?: number;
  /** Milliseconds from one look at the runs to the next. */
  readonly pace?: number;
}

/** A page that is served. */
export interface Dash extends AsyncDisposable {
  /** Its address. */
  readonly url: string;
  /** Resolves when it is served no more. */
  readonly finished: Promise<void>;
}

/** Runs whose curves are drawn at a time. */
const MOST_CHOSEN = 64;

/** Milliseconds that pages have to ask for the last values. */
const GRACE = 1000;

/** Milliseconds after which curves that nobody looks at are forgotten. */
const KEPT = 60_000;

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HEADERS = {
  "content-security-policy": POLICY,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cache-control": "no-store",
} as const;

/** What belongs to the page, by address. */
const files: ReadonlyMap<string, readonly [type: string, text: () => string | Promise<string>]> = new Map([
  ["/", ["text/html", () => page]],
  ["/dash.css", ["text/css", () => `${tokens}\n${style}`]],
  ["/page.js", ["text/javascript", () => script]],
  ["/elements.js", ["text/javascript", () => elements]],
  ["/validation.js", ["text/javascript", () => validation]],
  ["/charts.js", ["text/javascript", () => charts]],
  ["/echarts.js", ["text/javascript", echartsText]],
]);

/**
 * Serves the page.
 *
 * @param options What is served, and where.
 * @throws UserError when no port is free.
 */
export function serveDash(options: DashOptions): Dash {
  const answers = new Answers(new Runs(options.folder, options.depth, options.pace));
  const server = listen(options, (request, port) => answers.to(request, port));
  const { port } = server.addr;
  return {
    url: `http://127.0.0.1:${port}/`,
    finished: server.finished,
    async [Symbol.asyncDispose]() {
      await answers.end();
      await server.shutdown();
    },
  };
}

function listen(
  { port, tries = 1 }: DashOptions,
  answer: (request: Request, port: number) => Response | Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  for (let p = port;; p++) {
    try {
      const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve(
        { hostname: "127.0.0.1", port: p, onListen: () => {}, onError: faulty },
        (request) => answer(request, server.addr.port),
      );
      return server;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
      if (p + 1 < port + tries) continue;
      throw new UserError(
        tries > 1
          ? `The ports ${port} to ${p} are all in use: end the programs that use them`
          : `Port ${port} is in use, perhaps by another page: open http://127.0.0.1:${port}/, or give another port, ` +
            `such as ${port + 1}`,
      );
    }
  }
}

/** A fault of the server's own, or of a file; the page shows it. */
function faulty(error: unknown): Response {
  return text(500, printable(error instanceof Error ? error.message : String(error)));
}

function text(status: number, message: string, headers: Record<string, string> = {}): Response {
  return new Response(`${message}\n`, {
    status,
    headers: { ...HEADERS, "content-type": "text/plain; charset=utf-8", ...headers },
  });
}

function json(value: unknown): Response {
  return new Response(JSON.stringify(value), {
    headers: { ...HEADERS, "content-type": "application/json; charset=utf-8" },
  });
}

/** The runs, and the answers about them. */
class Answers {
  readonly #runs: Runs;
  readonly #curves = new Map<string, { readonly curves: Curves; usedAt: number }>();
  /** Ends each stream of events. */
  readonly #ends = new Set<() => void>();

  constructor(runs: Runs) {
    this.#runs = runs;
  }

  async to(request: Request, port: number): Promise<Response> {
    const isHead = request.method === "HEAD";
    if (request.method !== "GET" && !isHead) return text(405, "This page can only be read", { allow: "GET, HEAD" });
    const hosts = ["127.0.0.1", "localhost"].flatMap((host) => [`${host}:${port}`, ...(port === 80 ? [host] : [])]);
    if (!hosts.includes(request.headers.get("host") ?? "")) {
      return text(403, `Open this page as http://127.0.0.1:${port}/`);
    }
    const { pathname, searchParams } = new URL(request.url);
    const answer = await this.#about(pathname, searchParams, isHead);
    return isHead ? new Response(null, answer) : answer;
  }

  #about(path: string, query: URLSearchParams, isHead: boolean): Response | Promise<Response> {
    const file = files.get(path);
    if (file) return this.#file(file);
    switch (path) {
      case "/events":
        return this.#events(isHead);
      case "/charts":
        return this.#charts(query);
      case "/validation":
        return this.#validation(query.get("run") ?? "");
    }
    return text(404, "There is no such page here");
  }

  async #file([type, content]: readonly [string, () => string | Promise<string>]): Promise<Response> {
    return new Response(await content(), { headers: { ...HEADERS, "content-type": `${type}; charset=utf-8` } });
  }

  /** The list of runs, and what changes in it, for as long as the page is open. */
  #events(isHead: boolean): Response {
    let stop = () => {};
    const body = isHead ? null : new ReadableStream<string>({
      start: (controller) => {
        const tell = (event: string, data: unknown) =>
          controller.enqueue(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
        // A page that was cut off begins anew.
        tell("all", { rows: this.#runs.rows, gone: [], isWhole: this.#runs.isWhole } satisfies Change);
        const ignore = this.#runs.listen((change: Change) => tell("change", change));
        const end = () => {
          tell("end", null);
          controller.close();
          stop();
        };
        stop = () => {
          ignore();
          this.#ends.delete(end);
        };
        this.#ends.add(end);
      },
      cancel: () => stop(),
    }).pipeThrough(new TextEncoderStream());
    return new Response(body, { headers: { ...HEADERS, "content-type": "text/event-stream" } });
  }

  async #charts(query: URLSearchParams): Promise<Response> {
    const x = query.get("x") ?? "step";
    const smoothing = Number(query.get("smoothing") ?? 0);
    const width = Number(query.get("width") ?? 900);
    const isKnown = x === "step" || x === "epoch" || x === "time";
    if (!isKnown || !(smoothing >= 0 && smoothing < 1) || !(width >= 200 && width <= 4000)) {
      return text(400, "Give x as step, epoch or time, smoothing from 0 to below 1, and width from 200 to 4000");
    }
    const chosen: ChosenRun[] = [];
    for (const word of query.getAll("run").slice(0, MOST_CHOSEN)) {
      const [id, place] = word.split(".");
      const run = this.#runs.find(id);
      if (run) chosen.push({ name: run.row.name, place: Number(place) || 0, curves: await this.#curvesOf(run) });
    }
    const view: View = { x: x satisfies XAxis, smoothing, width };
    return json(chartsOf(chosen, view));
  }

  /** The curves of a run up to now. They are kept as long as they are looked at, since a long log takes a while. */
  async #curvesOf(run: WatchedRun): Promise<Curves> {
    const now = Date.now();
    for (const [id, { usedAt }] of this.#curves) if (usedAt < now - KEPT) this.#curves.delete(id);
    const kept = this.#curves.get(run.row.id) ?? { curves: new Curves(run.path), usedAt: now };
    kept.usedAt = now;
    this.#curves.set(run.row.id, kept);
    const { settings, batch } = run.config;
    await kept.curves.read(numberIn(settings?.batch) ?? batch ?? 1);
    return kept.curves;
  }

  async #validation(id: string): Promise<Response> {
    const run = this.#runs.find(id);
    return run ? json(validationOf(await readLive(run.path))) : text(404, "This run is not there any more");
  }

  /** Tells what is new at the end, and ends the streams: without that, the server would wait for them. */
  async end(): Promise<void> {
    if (this.#ends.size > 0) {
      await this.#runs.lookAtAll();
      await new Promise((resolve) => setTimeout(resolve, GRACE));
    }
    for (const end of [...this.#ends]) end();
  }
}
