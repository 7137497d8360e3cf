/**
 * Requests that end: redirects are followed to known schemes only, silence ends by a time limit, and every failure is
 * told in words, and whether asking again may help.
 *
 * @module
 */

/** How long to wait, and how often. */
export interface Patience {
  /** Milliseconds without a byte after which a connection is taken for dead. */
  readonly stallMs: number;
  /** Failures in a row, with less than {@link PROGRESS} bytes between them, after which it is given up. */
  readonly tries: number;
  /** Milliseconds before the second try; doubled before each one after it. */
  readonly pauseMs: number;
}

/** Half a minute of silence, five tries, and pauses of 1, 2, 4 and 8 seconds. */
export const usualPatience: Patience = { stallMs: 30_000, tries: 5, pauseMs: 1000 };

/** Longest pause, in milliseconds, that a server may ask for. */
const LONGEST_PAUSE = 60_000;
/** Bytes after which a failure counts as the first one again. */
const PROGRESS = 2 ** 20;
/** Redirects that are followed: the hub needs two. */
const REDIRECTS = 8;

/** Why a file could not be fetched, in words that follow the address. */
export class FetchError extends Error {
  /** Name shown in front of the message. */
  override readonly name = "FetchError";
  /** May asking again help? With milliseconds, after these. */
  readonly retry: boolean | number;
  /** What the server answered with, where that is the reason. */
  readonly status?: number;

  /**
   * @param reason In words, without a full stop.
   * @param what May asking again help, by default not; and what the server answered with.
   */
  constructor(reason: string, { retry = false, status }: { retry?: boolean | number; status?: number } = {}) {
    super(reason);
    this.retry = retry;
    this.status = status;
  }
}

/** An answer, whose body ends the connection when it is silent for too long. */
export interface Answer {
  /** 200 or 206. */
  readonly status: number;
  /** Headers of the last of the redirects. */
  readonly headers: Headers;
  /** Pieces of the body as they come; throws {@link FetchError}. Reading it or {@link Answer.close} is a must. */
  body(): AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /** Ends the connection. */
  close(): void;
}

/**
 * Asks for an address.
 *
 * @param address Where.
 * @param headers What is said besides.
 * @param patience How long to wait.
 * @param signal Ends everything, with an AbortError.
 * @throws {FetchError} When there is no answer with a file in it.
 */
export async function request(
  address: string,
  headers: Readonly<Record<string, string>>,
  { stallMs }: Pick<Patience, "stallMs">,
  signal?: AbortSignal,
): Promise<Answer> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  signal?.addEventListener("abort", stop);
  const close = () => {
    signal?.removeEventListener("abort", stop);
    controller.abort();
  };
  /** What comes, unless nothing does for too long. An abort alone does not always end a pending read. */
  const inTime = <T>(work: Promise<T>, told: (error: unknown) => Error = failureOf): Promise<T> =>
    new Promise((resolve, reject) => {
      const late = () => reject(new FetchError(`nothing came for ${stallMs / 1000} seconds`, { retry: true }));
      const timer = setTimeout(late, stallMs);
      const stopped = () => reject(new DOMException("stopped", "AbortError"));
      signal?.addEventListener("abort", stopped);
      work.then(resolve, (error) => reject(told(error))).finally(() => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", stopped);
      });
    });
  try {
    signal?.throwIfAborted();
    let url = new URL(address);
    let response: Response;
    for (let hop = 0;; hop++) {
      // What is compressed on its way has another length, and no part of it can be asked for.
      const all = { ...headers, "accept-encoding": "identity" };
      response = await inTime(fetch(url, { headers: all, redirect: "manual", signal: controller.signal }));
      if (![301, 302, 303, 307, 308].includes(response.status)) break;
      await inTime(response.body?.cancel() ?? Promise.resolve());
      url = redirected(url, response.headers.get("location"), hop);
    }
    if (response.status !== 200 && response.status !== 206) throw refusalOf(response);
    const body = async function* () {
      const reader = response.body?.getReader();
      // What the parts of Deno call it says less.
      const cut = () => new FetchError("the connection ended before the file did", { retry: true });
      try {
        for (let read; reader && !(read = await inTime(reader.read(), cut)).done;) yield read.value;
      } finally {
        close();
      }
    };
    return { status: response.status, headers: response.headers, body, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Where an answer sends to. */
function redirected(from: URL, location: string | null, hop: number): URL {
  if (location === null || !URL.canParse(location, from)) throw new FetchError("it sends to no address");
  if (hop >= REDIRECTS) throw new FetchError("it sends from one address to the next without end");
  const to = new URL(location, from);
  if (to.protocol !== from.protocol && to.protocol !== "https:") {
    throw new FetchError(`it sends to an address that is not https (${to.host})`);
  }
  return to;
}

/** What an answer without a file means. */
function refusalOf({ status, headers }: Response): FetchError {
  if (status === 404 || status === 410) return new FetchError(`there is no such file (${status})`, { status });
  if (status === 401 || status === 403) {
    const why = `it is not given to everybody (${status}): its page may ask to log in, or to accept terms`;
    return new FetchError(why, { status });
  }
  if (status === 416) return new FetchError("it has fewer bytes than were fetched (416)", { retry: true, status });
  if (status === 429 || status === 503) {
    const pause = pauseIn(headers.get("retry-after"));
    const why = `it is asked too often or too busy (${status})`;
    return pause !== undefined && pause > LONGEST_PAUSE
      ? new FetchError(`${why}, and asks to come back in ${Math.ceil(pause / 60_000)} minutes`, { status })
      : new FetchError(why, { retry: pause ?? true, status });
  }
  return new FetchError(`the answer is ${status}`, { retry: status >= 500 || status === 408, status });
}

/** Milliseconds of a Retry-After: seconds, or a date. */
function pauseIn(value: string | null): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** What an error of `fetch` means. */
function failureOf(error: unknown): FetchError {
  if (error instanceof Deno.errors.NotCapable) {
    const [, host = "it"] = /net access to "([^"]+)"/.exec(error.message) ?? [];
    return new FetchError(`it needs the network permission for ${host}, which this task does not have`);
  }
  const texts: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) texts.push(cause.message);
  // Behind what Deno says of itself is what happened.
  const reason =
    texts.at(-1)?.replace(/^(error sending request.*?: )?(client error \(\w+\): )?/s, "").replaceAll(/\s+/g, " ") ??
      String(error);
  if (/certificate|UnknownIssuer/i.test(texts.join(" "))) {
    return new FetchError(
      `its certificate is not trusted here (${reason}); behind a proxy of your own, DENO_TLS_CA_STORE=system`,
    );
  }
  return new FetchError(reason, { retry: true });
}

/**
 * Does work that may fail on the way, again and again as patience lasts.
 *
 * @param work One try.
 * @param patience How often, and with which pauses.
 * @param signal Ends a pause, with an AbortError.
 * @param done Bytes that are there: a failure after many new ones counts as the first again.
 * @throws What the last try threw.
 */
export async function patiently<T>(
  work: () => Promise<T>,
  { tries, pauseMs }: Patience,
  signal?: AbortSignal,
  done: () => number = () => 0,
): Promise<T> {
  for (let failures = 0;;) {
    const before = done();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FetchError) || error.retry === false) throw error;
      failures = done() - before >= PROGRESS ? 1 : failures + 1;
      if (failures >= tries) throw error;
      await sleep(error.retry === true ? pauseMs * 2 ** (failures - 1) : error.retry, signal);
    }
  }
}

/** Waits, unless it is stopped. */
function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
