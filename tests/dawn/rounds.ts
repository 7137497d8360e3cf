/**
 * Rounds of tests: `deno test` in a process of its own, under an environment that chooses an implementation, a driver
 * and limits.
 *
 * @module
 */

import manifest from "../../deno.json" with { type: "json" };

/** One run of test files. */
export interface Round {
  /** For people. */
  readonly name: string;
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Loaded before each file. */
  readonly preload?: string;
}

/** What `deno test` counted. */
interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

const root = new URL("../../", import.meta.url);

/** What the task `test` permits. */
const flags = manifest.tasks.test.split(" ").filter((flag) => flag.startsWith("--"));

/** The counts of the last summary in an output, such as `ok | 12 passed (3 steps) | 0 failed | 3 ignored (1s)`. */
export function countsIn(output: string): Counts | undefined {
  const summary = output.split("\n").findLast((line) => /^(ok|FAILED) \| \d+ passed/.test(line));
  if (summary === undefined) return undefined;
  const count = (what: string) => Number(new RegExp(`[| ](\\d+) ${what}`).exec(summary)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), ignored: count("ignored") };
}

/** Passes a stream on, and gives its text. */
async function passOn(stream: ReadableStream<Uint8Array>, to: { writeSync(bytes: Uint8Array): number }) {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}

async function run({ name, files, env, preload }: Round): Promise<Counts> {
  console.log(`--- ${name}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["test", "--quiet", ...flags, ...preload ? ["--preload", preload] : [], ...files],
    cwd: root,
    env: { NO_COLOR: "1", ONLY_WEBGPU: "1", ...env },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [output, , { success, code }] = await Promise.all([
    passOn(child.stdout, Deno.stdout),
    passOn(child.stderr, Deno.stderr),
    child.status,
  ]);
  const counts = countsIn(output) ?? { passed: 0, failed: 0, ignored: 0 };
  // A process may end badly after all has passed, or without a word.
  if (success || counts.failed > 0) return counts;
  console.log(`${name}: deno test ended with exit code ${code}`);
  return { ...counts, failed: 1 };
}

/** Runs rounds one after the other; ends with their sum, as Deno writes it, and gives the exit code. */
export async function runAll(rounds: readonly Round[], skipped: readonly string[]): Promise<number> {
  const start = performance.now();
  const all: Counts[] = [];
  for (const round of rounds) all.push(await run(round));
  rounds.forEach(({ name }, k) => {
    const { passed, failed, ignored } = all[k];
    console.log(`${name}: ${passed} passed, ${failed} failed, ${ignored} ignored`);
  });
  for (const why of skipped) console.log(`skipped: ${why}`);
  const sum = (what: keyof Counts) => all.reduce((total, counts) => total + counts[what], 0);
  const seconds = Math.round((performance.now() - start) / 1000);
  const ignored = sum("ignored") + skipped.length;
  console.log(
    `${sum("failed") > 0 ? "FAILED" : "ok"} | ${sum("passed")} passed | ${
      sum("failed")
    } failed | ${ignored} ignored (${seconds}s)`,
  );
  return sum("failed") > 0 ? 1 : 0;
}
