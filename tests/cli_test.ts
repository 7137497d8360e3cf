import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../cli.ts";
import { type Command, parseCommand } from "../src/cli/command.ts";
import { explain } from "../src/cli/explain_flags.ts";
import * as tables from "../src/cli/flags.ts";

/** What a command line prints, and its exit code. */
async function run(line: string): Promise<{ code: number; out: string; err: string }> {
  const { log, error } = console;
  let out = "", err = "";
  console.log = (text: string) => out += text + "\n";
  console.error = (text: string) => err += text + "\n";
  try {
    return { code: await main(line.split(" ").filter(Boolean)), out, err };
  } finally {
    Object.assign(console, { log, error });
  }
}

const mistakes: [line: string, message: string][] = [
  ["trian", "There is no command trian; did you mean train?"],
  [
    "zebra",
    "There is no command zebra; give train, lr-find, eval, compare, study, sweep, cross-validate, dash, predict, explain, export, data, models, show, weights, parity or doctor",
  ],
  ["data chek x", "There is no command data chek; did you mean data check?"],
  ["data", "data names no command: give data check, data split, data demo or data augment"],
  ["train --epoch 3", "train has no flag --epoch; did you mean --epochs?"],
  [
    "train --optimizer adm",
    "Cannot use --optimizer adm: give sgd, rmsprop, adam, adamw, nadam, radam, lamb, lion, adafactor or muon; did you mean adam?",
  ],
  ["train --memory 6", "Cannot use --memory 6: give a size of at least 1 MiB, such as 6GiB"],
  [
    "train --momentum 0.5",
    "Cannot use --momentum: it would change nothing, since only --optimizer sgd, rmsprop or muon have it",
  ],
  ["train --ema 1", "Cannot use --ema 1: give a number from 0 to below 1"],
  [
    "train --warmup 5stps",
    "Cannot use --warmup 5stps: give a number of epochs of at least 0, or of steps such as 500steps",
  ],
  ["train --ema-after 3", "Cannot use --ema-after: it would change nothing, since there is no --ema"],
  ["train --swa 2 --ema 0.99", "Cannot use --swa 2: --ema averages the weights already; give one"],
  ["train --swa 9", "Cannot use --swa 9: the run has 6 epochs; give fewer"],
  [
    "train --epochs 3 --patience 3",
    "Cannot use --patience 3: the run has 3 epochs, so that it would never end early; give fewer",
  ],
  ["train --split 8:0:2 --patience 3", "Cannot use --split 8:0:2: the val part would be empty; give 8:1:1"],
  ["train --clip-norm 1 --clip-agc 0.01", "Cannot use --clip-agc 0.01: --clip-norm is given, too; give one"],
  [
    "train --monitor aurok",
    "Cannot use --monitor aurok: give accuracy, loss, balanced-accuracy, precision, recall, specificity, f1, auroc, " +
    "average-precision, kappa, matthews, brier, calibration-error, top2, top3, top5, subset-accuracy or hamming-loss; " +
    "did you mean auroc?",
  ],
  [
    "train --task binary --monitor top2",
    "Cannot use --monitor: it would change nothing, since the task is binary, whose reports have no such metric",
  ],
  [
    "train --schedule multistep --milestones 3 7",
    "Cannot use --milestones 3 7: a run of 6 epochs has no epoch after 7; give less",
  ],
  ["train --lr 0.01 --min-lr 0.1", "Cannot use --min-lr 0.1: --lr is 0.01; give less"],
  ["lr-find --from 1 --to 0.1", "Cannot use --from 1: the rate is to rise to --to 0.1; give less"],
  ["lr-find --epochs 3", "lr-find has no flag --epochs; see lr-find --help"],
  ["train --lr-scale a=1 a=2", "Cannot use --lr-scale a=1 a=2: give each pattern once"],
  ["train --batch all", "Cannot use --batch all: give a whole number of at least 1, or auto"],
  ["eval", "eval needs RUN and got nothing: see eval --help"],
  [
    "tr\x1b[2Jain\n",
    "There is no command tr\\u{1b}[2Jain\\u{a}; give train, lr-find, eval, compare, study, sweep, cross-validate, dash, predict, explain, export, data, models, show, weights, parity or doctor",
  ],
];
for (const [line, message] of mistakes) {
  Deno.test(`main() answers ${JSON.stringify(line)} with one line and exit code 2`, async () => {
    assertEquals(await run(line), { code: 2, out: "", err: `fovea: ${message}\n` });
  });
}

Deno.test("main() shows the place in the code only with --verbose", async () => {
  const { code, err } = await run("train --verbose --epochs ten");
  assertEquals(code, 2);
  assertMatch(err, /^fovea: UserError: Cannot use --epochs ten.*\n +at /);
});

Deno.test("main() lets no control code through, in a stack trace neither, and cuts what is too long", async () => {
  const { err } = await run(`eval /none/\x1b[2J\x9b2J${"a".repeat(3000)} --verbose`);
  assertMatch(err, /^fovea: UserError: There is no folder \/none\/\\u\{1b\}\[2J\\u\{9b\}2Ja+…a+; .*\n +at /);
  // deno-lint-ignore no-control-regex -- that is what is looked for
  assertEquals(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/.test(err), false);
  assert(err.split("\n")[0].length < 2100, err);
});

Deno.test("main() advises no flag that a command or a resumed run refuses", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const config = { settings: { task: "multiclass", data: `${folder}/none`, model: "lenet", backend: "gpujs" } };
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ ...config, model: { name: "lenet" } }));
    const { code, err } = await run(`train --resume ${folder} --momentum 0.5`);
    assertEquals([code, err], [
      2,
      "fovea: Cannot use --momentum with --resume: a resumed run keeps what it was started with\n",
    ]);
    for (const settings of [{ schedule: "own" }, { optimizer: "signs" }]) {
      await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ settings }));
      assertMatch(
        (await run(`train --resume ${folder}`)).err,
        /^fovea: Cannot resume .* from the command line: its \w+ is the code's own.*\n$/,
      );
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const commands: readonly Command[] = [...Object.values(tables), explain];
Deno.test("main() lists every command in the help, with and without --help", async () => {
  const { code, out } = await run("--help");
  assertEquals(code, 0);
  assertEquals((await run("")).out, out);
  for (const { name, summary } of commands) assertMatch(out, new RegExp(`^  ${name} .*${summary.slice(0, 12)}`, "m"));
});

Deno.test("main() lists the commands of a group", async () => {
  const { out } = await run("data --help");
  for (const name of ["data check", "data split", "data demo", "data augment"]) {
    assertStringIncludes(out, `  ${name} DIR`);
  }
  assert(!out.includes("doctor"));
});

for (const command of commands) {
  Deno.test(`main() explains ${command.name} within 100 columns, with an example that parses`, async () => {
    const { code, out, err } = await run(`${command.name} --help`);
    assertEquals([code, err], [0, ""]);
    assertEquals(out.split("\n").filter((line) => line.length > 100), []);
    for (const flag of Object.values(command.flags)) assertStringIncludes(out.replaceAll(/\s+/g, " "), flag.help);
    // A flag that is not understood is an error that names it; one that is, at most asks for a value.
    for (const [, flag] of out.matchAll(/^ {2}(--\S+)/gm)) {
      const words = [flag.replace("[no-]", ""), ...command.words ? ["a", "b", "c"].slice(0, command.words.min) : []];
      try {
        parseCommand(command, words);
      } catch (error) {
        assert(!(error as Error).message.includes("has no flag"), (error as Error).message);
      }
    }
    parseCommand(command, command.example.split(" ").filter(Boolean));
  });
}

Deno.test("main() prints the version", async () => {
  assertMatch((await run("--version")).out, /^\d+\.\d+\.\d+\n$/);
});
