/**
 * Other libraries' times, each measured by a process of its own.
 *
 * @module
 */

/** What a peer is asked to time. */
export interface Question {
  readonly what: "train" | "infer" | "matmul";
  /** The network's; `-` for a product. */
  readonly name: string;
  readonly size: number;
  readonly batch: number;
  readonly runs: number;
}

/** A peer's answer: seconds, for PyTorch's training the bytes at its peak, or why there is none. */
export type Answer = { readonly seconds: number; readonly bytes?: number | null } | { readonly why: string };

/** Most that a peer may take, in milliseconds. */
const PATIENCE = 120_000;

const TOO_SLOW = `no answer within ${PATIENCE / 1000} s`;

const wordsOf = (
  { what, name, size, batch, runs }: Question,
): string[] => [what, name, ...[size, batch, runs].map(String)];

/** Peers that gave no answer in time, with what they were asked. */
const slow = new Set<string>();

/** Asks a peer, unless it was too slow before: the networks of an item come smallest first. */
async function askUnlessSlow(
  who: string,
  command: string,
  args: readonly string[],
  question: Question,
): Promise<Answer> {
  const key = `${who} ${question.what}`;
  if (slow.has(key)) return { why: "it was too slow for a smaller network" };
  const answer = await ask(command, [...args, ...wordsOf(question)]);
  if ("why" in answer && answer.why === TOO_SLOW) slow.add(key);
  return answer;
}

async function ask(command: string, args: readonly string[]): Promise<Answer> {
  const signal = AbortSignal.timeout(PATIENCE);
  try {
    const env = { NO_COLOR: "1" };
    const output = await new Deno.Command(command, { args: [...args], env, stdout: "piped", stderr: "piped", signal })
      .output();
    const text = new TextDecoder();
    const last = text.decode(output.stdout).trim().split("\n").at(-1) ?? "";
    if (output.success && last.startsWith("{")) return JSON.parse(last);
    if (signal.aborted) return { why: TOO_SLOW };
    const lines = text.decode(output.stderr).trim().split("\n").filter((line) => /^(error|\w*Error):/i.test(line));
    return { why: lines[0]?.replace(/^error: Uncaught (\(in promise\) )?/, "") ?? "it ended without an answer" };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { why: `${command} is not installed` };
    throw error;
  }
}

/** How Deno runs a peer. */
const RUN = ["run", "-A", "--no-check"];

const here = (name: string): string => new URL(`peers/${name}`, import.meta.url).pathname;

/** PyTorch on the CPU with two threads, or on a GPU that it sees. */
export async function pytorch(question: Question): Promise<Answer> {
  return await askUnlessSlow("PyTorch", "/usr/bin/python3", [here("pytorch.py")], question);
}

/** TensorFlow.js on one of its backends, inside Deno. */
export async function tfjs(backend: "webgpu" | "wasm" | "cpu", question: Question): Promise<Answer> {
  return await askUnlessSlow(`tfjs ${backend}`, Deno.execPath(), [...RUN, here("tfjs.ts"), backend], question);
}

/** ONNX Runtime on one of its backends, inside Deno, with a network that PyTorch writes for it. */
export async function onnx(
  backend: "webgpu" | "wasm",
  question: Question & { readonly what: "infer" },
): Promise<Answer> {
  return await askUnlessSlow(`onnx ${backend}`, Deno.execPath(), [...RUN, here("onnx.ts"), backend], question);
}

/** Seconds of an answer, if there is one. */
export const secondsIn = (answer: Answer): number | undefined => "seconds" in answer ? answer.seconds : undefined;

/** What the reader is told of peers that gave no answer. */
export function silences(answers: Readonly<Record<string, Answer>>): string[] {
  return Object.entries(answers).flatMap(([who, answer]) =>
    "why" in answer ? [`${who} is left out: ${answer.why}.`] : []
  );
}
