import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseCommand } from "../../src/cli/command.ts";
import { show } from "../../src/cli/flags.ts";
import { shown } from "../../src/cli/show.ts";
import { printTarget, printTargets } from "../../src/device/webgpu/print_code.ts";
import { compile } from "../../src/graph/compile.ts";
import { aliveBytes } from "../../src/graph/print.ts";
import { randomGraph } from "../device/random_graphs.ts";

/** What `deno task show` prints for a command line. */
function textOf(line: string): string {
  const { options, words: [name] } = parseCommand(show, line.split(" "));
  return shown(name, options).text;
}

const lenet = "lenet --image-size 32 --batch 4";

/** Texts that are kept, each by the line that prints it: `deno task -q show LINE > fixtures/kernels/printed/NAME`. */
const printed: Readonly<Record<string, string>> = {
  "convolve.wgsl": `${lenet} --step 1`,
  "matmul.wgsl": `${lenet} --step 6 --target processor`,
  "map.wgsl": `${lenet} --step 18`,
};

Deno.test("show prints the kernels that are kept", async (t) => {
  for (const [name, line] of Object.entries(printed)) {
    await t.step(name, async () => {
      const kept = new URL(`../../fixtures/kernels/printed/${name}`, import.meta.url);
      assertEquals(textOf(line), await Deno.readTextFile(kept));
    });
  }
});

const cases: readonly (readonly [line: string, says: RegExp])[] = [
  [`${lenet} --as graph`, /^%4 = {4}conv2d\(%0, %3\) +\[4,6,28,28\] +stride 1, padding 0, groups 1$/m],
  [`${lenet} --as graph`, /^state c1\.weight := %\d+$/m],
  [`${lenet} --as graph --op avgPool2d`, /^(%\d+ = +avgPool2d\(.*\n){2}$/],
  [`${lenet} --as steps`, /^ +2 +avgPool2d \+2 +56,448 +94,104 +%4 convolve \[4,6,28,28\], c1\.bias \[6\] -> %9 avg/m],
  [`${lenet} --op avgPool2d --as steps`, /^step.*\n +2 .*\n +5 .*\n +all +75,648 +126,168\n$/],
  [`${lenet} --as memory`, /no plan takes less than [\d,]+$/m],
  [`${lenet} --evaluation`, /^ +8 +matmul \+1 .*-> %33 add \[4,5\]\n +all +5,287,700 +577,044\n$/m],
];

Deno.test("show prints graphs, steps and memory", async (t) => {
  for (const [line, says] of cases) {
    await t.step(line, () => assert(says.test(textOf(line)), textOf(line)));
  }
});

Deno.test("show draws every temporary where it lies, and refuses a step that is not there", () => {
  const { options } = parseCommand(show, lenet.split(" "));
  const svg = shown("lenet", options).svg();
  assertStringIncludes(svg, "<title>%4 convolve [4,6,28,28], 75264 bytes, steps 1 to");
  assertThrows(() => textOf(`${lenet} --op winograd`), Error, "No step of lenet has op winograd: there are 0 to");
});

Deno.test("what is alive at a time is at most what no plan can go below, and as much at some time", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const program = compile(randomGraph(seed).graph, printTarget(printTargets.gpu));
    assertEquals(Math.max(0, ...aliveBytes(program)), program.lowerBound, `seed ${seed}`);
  }
});
