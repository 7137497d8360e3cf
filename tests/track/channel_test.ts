import { assertEquals, assertMatch } from "@std/assert";
import { Channel } from "../../src/track/channel.ts";
import type { LogFacts, RunFacts, Tracker } from "../../src/track/tracker.ts";

const run: RunFacts = {
  ...{ config: {}, epochs: 1, stepsPerEpoch: 4, batch: 2, memory: 1, dispatches: 1, learnt: 1 },
};
const at = (step: number): LogFacts => ({
  ...{ epoch: 1, step, loss: 1, lossKind: "plain", learningRate: 0.1, skipped: 0, imagesPerSecond: 9 },
});

/** Writes down what it is told. */
function recorder(heard: string[]): Tracker {
  return {
    name: "recorder",
    begin: () => void heard.push("begin"),
    log: ({ step }) => void heard.push(`log ${step}`),
    note: (note) => void heard.push(note.type === "warning" ? note.message : note.type),
    progress: ({ type }) => void heard.push(type),
    end: ({ how }) => void heard.push(how),
  };
}

/** Every method of a tracker, failing. */
const failures: Readonly<Record<string, Tracker>> = {
  throws: {
    name: "bad",
    log() {
      throw new Error("no room");
    },
  },
  rejects: { name: "bad", log: () => Promise.reject(new Error("no room")) },
  "throws in progress": {
    name: "bad",
    progress() {
      throw new Error("no room");
    },
  },
};
for (const [how, bad] of Object.entries(failures)) {
  Deno.test(`a tracker that ${how} is reported once to the others, which are told everything`, async () => {
    const heard: string[] = [];
    const channel = new Channel([bad, recorder(heard)]);
    await channel.begin(run);
    for (const step of [1, 2, 3]) {
      channel.progress({ type: "validating", done: step, total: 3 });
      channel.log(at(step));
      await channel.settled();
    }
    await channel.end({ how: "done" });
    const method = bad.progress ? "progress" : "log";
    assertEquals(heard.filter((line) => line.includes("bad")), [
      `the tracker bad failed in ${method}: no room; training goes on`,
    ]);
    assertEquals(heard.filter((line) => /^(begin|log \d|done)$/.test(line)), [
      ...["begin", "log 1", "log 2", "log 3", "done"],
    ]);
  });
}

Deno.test("a tracker that fails where nobody hears warnings is reported on standard error, once", async () => {
  const said: string[] = [];
  const { warn } = console;
  console.warn = (line: string) => void said.push(line);
  try {
    const channel = new Channel([failures.throws]);
    channel.log(at(1));
    channel.log(at(2));
    await channel.settled();
  } finally {
    console.warn = warn;
  }
  assertEquals(said, ["Warning: the tracker bad failed in log: no room; training goes on"]);
});

Deno.test("a slow tracker is told one thing after another, stalls nobody, and is waited for where it is said", async () => {
  const heard: string[] = [];
  const slow: string[] = [];
  let busy = 0;
  const late: Tracker = {
    name: "slow",
    async log({ step }) {
      assertEquals(busy++, 0);
      await new Promise((resolve) => setTimeout(resolve, 5));
      busy--;
      slow.push(`log ${step}`);
    },
    end: () => void slow.push("end"),
  };
  const channel = new Channel([late, recorder(heard)]);
  await channel.begin(run);
  for (const step of [1, 2, 3]) channel.log(at(step));
  assertEquals([heard, slow], [["begin", "log 1", "log 2", "log 3"], []]);
  await channel.settled();
  assertEquals(slow, ["log 1", "log 2", "log 3"]);
  channel.log(at(4));
  await channel.end({ how: "done" });
  assertEquals(slow, ["log 1", "log 2", "log 3", "log 4", "end"]);
});

Deno.test("a tracker is told the end when all others have heard the rest", async () => {
  const heard: string[] = [];
  const writes: Tracker = {
    name: "writes",
    log: () => new Promise((resolve) => setTimeout(() => resolve(void heard.push("written")), 5)),
  };
  const channel = new Channel([recorder(heard), writes]);
  await channel.begin(run);
  channel.log(at(1));
  await channel.end({ how: "failed" });
  assertEquals(heard, ["begin", "log 1", "written", "failed"]);
});

Deno.test("a tracker that hangs is reported and not waited for any more; a run that never began has no end", async () => {
  const heard: string[] = [];
  const channel = new Channel([{ name: "hung", log: () => new Promise(() => {}) }, recorder(heard)], 20);
  channel.log(at(1));
  await channel.settled();
  assertMatch(
    heard[1],
    /^the tracker hung has not finished in 0.02 s and is not waited for any more; training goes on$/,
  );
  const started = performance.now();
  for (let i = 0; i < 10; i++) {
    channel.log(at(2));
    await channel.settled();
  }
  await channel.end({ how: "failed" });
  assertEquals(performance.now() - started < 150, true);
  assertEquals(heard.includes("failed"), false);
});
