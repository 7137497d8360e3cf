/**
 * The report of a card (`deno task bench --gpu`): what is wrong with a driver is a remark in a row; the rest goes on.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { convolutions } from "../../bench/gpu/convolutions.ts";
import { isSoftware, lineOf } from "../../bench/gpu/machine.ts";
import { products, rates } from "../../bench/gpu/products.ts";
import { TINY } from "../../bench/gpu/sizes.ts";
import { steps } from "../../bench/gpu/steps.ts";
import { Timing } from "../../bench/gpu/timing.ts";
import { type Torch, withoutTorch } from "../../bench/gpu/torch.ts";
import { type Cell, markdown, type Table } from "../../bench/table.ts";
import manifest from "../../deno.json" with { type: "json" };

/** A worker that answers at once: a batch above 2 has no memory, and some networks end it, hang it or fail. */
const WORKER = `
  const say = (answer) => console.log(JSON.stringify(answer));
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    for (const line of chunk.split("\\n").filter((line) => line)) {
      const { what, work } = JSON.parse(line);
      console.log("a driver says something");
      if (what === "rates") say({ flops: 1e12, bytes: 1e11, readBack: 0.0005 });
      else if (what === "tune") say({ choices: { bucket: "way" }, learnt: { bucket: "way" }, seconds: 3 });
      else if (work.network === "resnet18") { console.error("thread panicked at wgpu"); Deno.exit(3); }
      else if (work.network === "resnet34") await new Promise((resolve) => setTimeout(resolve, 60_000));
      else if (work.network === "vit-ti16") say({ why: "WebGPU refused a command: a | b" });
      else if (work.batch > 2) say({ why: "The GPU has no memory left" });
      else {
        const seconds = work.kind === "step" ? 0.01 : 0.001;
        say({ seconds, clock: "wall", first: 1, dispatches: 9, memory: 2 ** 21 });
      }
    }
  }`;

/** A PyTorch that takes half the time, and one that is not there. */
const torch: Torch = {
  ...{ line: "PyTorch", isLeftOut: false, products: ["f32", "f16"] },
  ask: ({ what }) => Promise.resolve({ seconds: what === "train" ? 0.005 : 0.0005 }),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

interface Case {
  readonly networks?: readonly string[];
  readonly batch?: number;
  readonly minutes?: number;
  readonly torch?: Torch;
  readonly patience?: number;
}

/** A report's timing with the worker above. */
function timingOf({ networks = ["lenet"], batch = 2, minutes = 1, torch = withoutTorch("none"), patience }: Case) {
  return new Timing({
    sizes: { ...TINY, networks, batch, minutes },
    torch,
    patience,
    worker: [Deno.execPath(), "eval", WORKER],
    onAsk: () => {},
  });
}

/** A row's cells by their columns. */
function cellsOf({ columns, rows }: Table, row: number): Record<string, Cell> {
  return Object.fromEntries(columns.map((column, k) => [column, rows[row][k]]));
}

const faults: Readonly<Record<string, { case: Case; want: Record<string, Cell | RegExp>[] }>> = {
  "a process that ends, one that hangs, a refusal, and what comes after them": {
    case: { networks: ["resnet18", "resnet34", "vit-ti16", "lenet"], patience: 2 },
    want: [
      { network: "resnet18", "images/s": undefined, remark: /ended with exit code 3: thread panicked at wgpu$/ },
      { network: "resnet34", "images/s": undefined, remark: "no answer within 2 s" },
      { network: "vit-ti16", "images/s": undefined, remark: "WebGPU refused a command: a | b" },
      { network: "lenet", "images/s": 200, "ms by the rules": 10, "ms tuned": 10, MiB: "2", remark: /^1 choices/ },
    ],
  },
  "a batch that does not fit is halved, and said": {
    case: { batch: 8 },
    want: [{ batch: "2", "images/s": 200, remark: /^batch 8: The GPU has no memory left; batch 4: .*choices/ }],
  },
  "a batch that never fits": {
    case: { batch: 64 },
    want: [{ batch: "8", "images/s": undefined, remark: /^batch 64: .*; batch 32: .*; batch 16: .*; The GPU has no/ }],
  },
  "PyTorch beside it": {
    case: { torch },
    want: [{ "PyTorch, ms": 5, "of PyTorch's speed": "50%" }],
  },
  "no time": {
    case: { minutes: 0 },
    want: [{ "images/s": undefined, remark: "not timed: the time was over" }],
  },
};

for (const [name, { case: given, want }] of Object.entries(faults)) {
  Deno.test(`bench --gpu, steps: ${name}`, async () => {
    await using timing = timingOf(given);
    const table = await steps(timing, "f32");
    for (const [row, expected] of want.entries()) {
      const cells = cellsOf(table, row);
      for (const [column, value] of Object.entries(expected)) {
        if (value instanceof RegExp) assertMatch(String(cells[column]), value);
        else assertEquals(cells[column], value, `${column} of row ${row}`);
      }
    }
    assertEquals(timing.missed, given.minutes === 0 ? 1 : 0);
    // What stands in a row breaks no column.
    const lines = markdown(table).split("\n").filter((line) => line.startsWith("|"));
    for (const line of lines) assertEquals(line.split(/(?<!\\)\|/).length, table.columns.length + 2, line);
  });
}

Deno.test("bench --gpu: products, rates and convolutions stand beside the fastest product and PyTorch", async () => {
  await using timing = timingOf({ torch });
  const tested = await timing.measureRates();
  const table = await products(timing);
  assertEquals(table.rows.map(([way]) => String(way).split(" ")[0]), [
    ...["by", "registers", "staged", "tuned"],
    ...["PyTorch,", "PyTorch,"],
  ]);
  assertEquals(timing.peak, 2 * 128 ** 3 / 0.001);
  const [product, copy, waiting] = (await rates(timing, tested)).rows;
  assertEquals(product.slice(3), ["50%", ""]);
  assertEquals(copy.slice(1), [8 * 2 ** 16 / 0.001 / 1e9, 8 * 2 ** 16 / 0.0005 / 1e9, "50%", ""]);
  assertEquals(waiting[1], 0.5);
  // The command buffers of what is timed after the self-test are cut by its rates.
  const asked = timing.records.filter(({ who }) => who === "Fovea").map(({ question }) => question);
  assertEquals(asked.map((question) => "rates" in question ? question.rates?.flops : 0).slice(0, 3), [
    undefined,
    1e12,
    1e12,
  ]);
  const [summary, all] = await convolutions(timing, "lenet");
  assertEquals(summary.rows.map(([pass, timed]) => [pass, timed]), [
    ["lenet forward", "2 of 2"],
    ["lenet input gradient", "1 of 1"],
    ["lenet weight gradient", "2 of 2"],
  ]);
  assertEquals([all.rows.length, all.isLong], [5, true]);
  assert(all.rows.every((row) => row[7] === "50%"), markdown(all));
});

Deno.test("bench --gpu: a software adapter is known by its name, whether or not it says so", () => {
  const info = (description: string, isFallbackAdapter = false) =>
    ({ description, isFallbackAdapter }) as GPUAdapterInfo;
  const cases: readonly (readonly [GPUAdapterInfo, boolean])[] = [
    [info("NVIDIA H100 80GB HBM3"), false],
    [info("Apple M2 Pro"), false],
    [info("AMD Radeon RX 7900 XTX (RADV NAVI31)"), false],
    [info("anything", true), true],
    [info("llvmpipe (LLVM 15.0.6, 256 bits)"), true],
    [info("SwiftShader Device (LLVM 10.0.0)"), true],
    [info("Microsoft Basic Render Driver"), true],
    [info("Parallels Display Adapter (WDDM)"), true],
  ];
  for (const [names, software] of cases) assertEquals(isSoftware(names), software, names.description);
});

Deno.test("bench --gpu: the first line names adapter, driver, Deno, system and commit", () => {
  const line = lineOf({
    ...{ fovea: "0.1.0 at abc", driver: "nvidia-smi: NVIDIA H100, 550", deno: "2.9.6", system: "Debian", cores: 16 },
    adapter: {
      ...{ description: "NVIDIA H100", vendor: "NVIDIA", architecture: "", device: "0x2330", isSoftware: false },
      ...{ features: [], limits: {} },
    },
  });
  assertEquals(
    line,
    "NVIDIA H100 (vendor NVIDIA, architecture –, device 0x2330), driver nvidia-smi: NVIDIA H100, 550, Deno 2.9.6, " +
      "Debian, 16 cores, Fovea 0.1.0 at abc",
  );
});

/** Runs the command with the permissions of its task. */
async function bench(...args: string[]): Promise<{ code: number; stdout: string; lines: string[] }> {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const [, permissions] = /^deno run (.*) bench\/main\.ts$/.exec(manifest.tasks.bench)!;
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissions.split(" "), "--no-check", "bench/main.ts", ...args],
    ...{ cwd: root, env: { NO_COLOR: "1", FORCE_GPU: "" }, stdout: "piped", stderr: "piped" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), lines: text(stderr).trim().split("\n") };
}

const adapter = await navigator.gpu?.requestAdapter();

Deno.test({
  name: "bench --gpu says in one line what it found where there is no card",
  ignore: Boolean(adapter && !isSoftware(adapter.info)),
  async fn() {
    const { code, stdout, lines } = await bench("--gpu");
    assertEquals([code, stdout, lines.length], [1, "", 1], lines.join("\n"));
    assertMatch(lines[0], /^No graphics card to time: WebGPU finds .*deno task bench --gpu/);
  },
});

Deno.test("bench: what belongs to --gpu alone is refused without it, and so is an unknown network", async () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [["--quick", "matmul"], /^--quick takes --gpu without items$/],
    [["--gpu", "--adapter", "any", "--networks", "resnet51"], adapter ? /resnet50/ : /WebGPU finds no adapter/],
  ];
  for (const [args, want] of cases) {
    const { code, lines } = await bench(...args);
    assert(code > 0);
    assertMatch(lines.at(-1)!, want);
  }
});

Deno.test({
  name: "bench --gpu runs whole on a software adapter",
  // Compiling takes seconds. On a card it would be a report of the card, at its sizes.
  ignore: !adapter || !isSoftware(adapter.info) || Deno.env.get("FOVEA_QUICK") === "1",
  async fn() {
    const file = await Deno.makeTempFile();
    try {
      const flags = ["--adapter", "any", "--quick", "--no-torch", "--json", file];
      const { code, stdout, lines } = await bench("--gpu", ...flags);
      assertEquals(code, 0, lines.join("\n"));
      const { machine, tables, exchanges } = JSON.parse(await Deno.readTextFile(file));
      assertEquals(machine.adapter.description, adapter!.info.description);
      const answers: { seconds?: number; flops?: number }[] = exchanges
        .filter(({ who }: { who: string }) => who === "Fovea").map(({ answer }: { answer: object }) => answer);
      for (const answer of answers) assert((answer.seconds ?? answer.flops!) > 0, JSON.stringify(answer));
      assert(tables.length >= 3);
      for (const { title } of tables) assert(stdout.includes(title), title);
    } finally {
      await Deno.remove(file);
    }
  },
});
