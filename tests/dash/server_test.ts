import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connect } from "node:net";
import { join } from "node:path";
import { serveDash } from "../../src/dash/server.ts";
import { UserError } from "../../src/errors.ts";
import { writeAtomic } from "../../src/files.ts";
import { inFolder } from "../data/sets.ts";
import { trained, validated, writeRun } from "./written.ts";

/** Serves a folder on a port that is free. */
const serving = (folder: string) => serveDash({ folder, depth: 2, port: 0, pace: 50 });

/** Sends a request as it stands, since `fetch` sets some of it itself; gives the answer's head. */
function send(port: number, head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${head}\r\nConnection: close\r\n\r\n`));
    let text = "";
    socket.on("data", (part) => text += part);
    socket.on("end", () => resolve(text.split("\r\n\r\n")[0]));
    socket.on("error", reject);
  });
}

/** Server-sent events, one by one. */
async function* eventsOf(url: string, signal: AbortSignal): AsyncGenerator<{ event: string; data: unknown }> {
  const response = await fetch(`${url}events`, { signal });
  let rest = "";
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split("\n\n");
    rest = parts.pop()!;
    for (const part of parts) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(part)!;
      yield { event, data: JSON.parse(data) };
    }
  }
}

Deno.test("the page can only be read, by this machine's own name, and lets nothing of others in", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "secret.txt"), "secret");
    await using dash = serving(folder);
    const port = Number(new URL(dash.url).port);
    const host = `Host: 127.0.0.1:${port}`;
    const cases: readonly [request: string, status: number][] = [
      [`GET / HTTP/1.1\r\n${host}`, 200],
      [`GET / HTTP/1.1\r\nHost: localhost:${port}`, 200],
      [`HEAD /events HTTP/1.1\r\n${host}`, 200],
      [`POST / HTTP/1.1\r\n${host}\r\nContent-Length: 0`, 405],
      [`OPTIONS /events HTTP/1.1\r\n${host}`, 405],
      [`DELETE /charts HTTP/1.1\r\n${host}`, 405],
      [`GET / HTTP/1.1\r\nHost: evil.example:${port}`, 403],
      [`GET / HTTP/1.1\r\nHost: 127.0.0.1`, 403],
      [`GET /events HTTP/1.1\r\nHost: evil.example`, 403],
      [`GET /nothing HTTP/1.1\r\n${host}`, 404],
      [`GET /secret.txt HTTP/1.1\r\n${host}`, 404],
      [`GET /../secret.txt HTTP/1.1\r\n${host}`, 404],
      [`GET /%2e%2e/secret.txt HTTP/1.1\r\n${host}`, 404],
      [`GET /validation?run=../run HTTP/1.1\r\n${host}`, 404],
      [`GET /validation HTTP/1.1\r\n${host}`, 404],
      [`GET /charts?x=z HTTP/1.1\r\n${host}`, 400],
      [`GET /charts?smoothing=1 HTTP/1.1\r\n${host}`, 400],
      [`GET /charts?width=1e9 HTTP/1.1\r\n${host}`, 400],
      [`GET /charts?run=none.0 HTTP/1.1\r\n${host}`, 200],
    ];
    for (const [request, status] of cases) {
      const head = await send(port, request);
      assertEquals(Number(head.split(" ")[1]), status, request);
      assertStringIncludes(head, "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';");
      assert(!/access-control-allow/i.test(head), head);
      assertStringIncludes(head, "nosniff");
    }
    for (const file of ["dash.css", "page.js", "charts.js", "echarts.js"]) {
      const response = await fetch(dash.url + file);
      assertEquals([response.status, (await response.text()).length > 1000], [200, true], file);
    }
    // No script, style or address of others stands in the page.
    const page = await (await fetch(dash.url)).text();
    assert(!/<script(?![^>]*\bsrc="\/)|<style|\son\w+=|\sstyle=|https?:/.test(page), page);
  }));

Deno.test("events tell the list, what is added, what a resumed run takes back, and the end", () =>
  inFolder(async (folder) => {
    const run = await writeRun(join(folder, "run"));
    const lock = await Deno.open(join(run.path, ".lock"), { create: true, write: true });
    await lock.lock(true);
    await run.add(trained(2), trained(4));
    const dash = serving(folder);
    const controller = new AbortController();
    const events = eventsOf(dash.url, controller.signal);
    /** Steps that the next event tells. */
    const next = async (): Promise<unknown[]> => {
      const { value } = await events.next();
      const { rows = [] } = (value?.data ?? {}) as { rows?: { step: number }[] };
      // That all were looked at may be told by itself, where the look took a while.
      if (value?.event === "change" && rows.length === 0) return await next();
      return [value?.event, ...rows.map(({ step }) => step)];
    };
    assertEquals(await next(), ["all"]);
    assertEquals(await next(), ["change", 4]);
    await run.add(validated(4, 0.5), trained(6));
    assertEquals(await next(), ["change", 6]);
    const { rows: [{ id }] } = (await eventsOf(dash.url, controller.signal).next()).value!.data as {
      rows: { id: string }[];
    };
    const stepsIn = async () => {
      const charts = await (await fetch(`${dash.url}charts?run=${id}.0`)).json();
      return charts[0].option.series[0].data.map(([step]: number[]) => step);
    };
    assertEquals(await stepsIn(), [2, 4, 6]);
    await writeAtomic(join(run.path, "metrics.jsonl"), `${JSON.stringify(trained(2))}\n`);
    assertEquals(await next(), ["change", 2]);
    assertEquals(await stepsIn(), [2]);
    lock.close();
    // The last state is told before the end is.
    const end = dash[Symbol.asyncDispose]();
    assertEquals(await next(), ["change", 2]);
    assertEquals(await next(), ["end"]);
    controller.abort();
    await end;
    await dash.finished;
  }));

Deno.test("a port in use is one line that says what to do, or the next one is taken", () =>
  inFolder(async (folder) => {
    await using first = serving(folder);
    const port = Number(new URL(first.url).port);
    const { message } = await assertRejects(async () => {
      await using _second = serveDash({ folder, depth: 1, port });
    }, UserError);
    assertEquals(
      message,
      `Port ${port} is in use, perhaps by another page: open http://127.0.0.1:${port}/, or give another port, such as ` +
        `${port + 1}`,
    );
    await using third = serveDash({ folder, depth: 1, port, tries: 20 });
    assert(Number(new URL(third.url).port) > port);
  }));
