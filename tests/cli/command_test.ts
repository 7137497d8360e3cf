import { assertEquals, assertThrows } from "@std/assert";
import { resolve } from "node:path";
import { UserError } from "../../src/errors.ts";
import { flag, flagName, orList, parseCommand, toggle, userPath } from "../../src/cli/command.ts";
import * as kinds from "../../src/run/kinds.ts";
import { withVariables } from "../environment.ts";

const flags = {
  epochs: flag(kinds.integer({ min: 1, max: 99 }), { help: "", default: 10 }),
  lr: flag(kinds.number({ min: 0 }), { help: "" }),
  weightDecay: flag(kinds.number(), { help: "", default: 0 }),
  optimizer: flag(kinds.choice(["sgd", "adam"]), { help: "", default: "adam" }),
  target: flag(kinds.names, { help: "", default: [] }),
  scale: flag(kinds.several(kinds.number({ min: 0.1 }), "numbers"), { help: "", default: [] }),
  others: flag(kinds.text, { help: "" }),
  out: flag(kinds.path, { help: "" }),
  quiet: toggle({ help: "" }),
  stratify: toggle({ help: "", default: true }),
  size: flag(
    kinds.valueOf((word) => word.endsWith("px") ? parseInt(word) : undefined, () => undefined, "pixels such as 3px"),
    { help: "" },
  ),
};
const command = {
  name: "learn",
  summary: "",
  example: "",
  flags,
  words: { usage: "A B…", min: 0, max: 2, paths: false },
};
const defaults = {
  epochs: 10,
  lr: undefined,
  weightDecay: 0,
  optimizer: "adam",
  target: [],
  scale: [],
  others: undefined,
  out: undefined,
  quiet: false,
  stratify: true,
  size: undefined,
};

const understood: [line: string, options: Record<string, unknown>, words?: string[]][] = [
  ["", {}],
  ["--epochs 3", { epochs: 3 }],
  ["--epochs=3", { epochs: 3 }],
  ["--lr 1e-3 --weight-decay=-0.5", { lr: 0.001, weightDecay: -0.5 }],
  ["--weight-decay -0.5 x", { weightDecay: -0.5 }, ["x"]],
  ["--optimizer sgd", { optimizer: "sgd" }],
  ["--target A B C --epochs 3", { target: ["A", "B", "C"], epochs: 3 }],
  ["--scale 1,2 --scale=3 x", { scale: [1, 2, 3] }, ["x"]],
  ["--target A,B --target C", { target: ["A", "B", "C"] }],
  ["--target=A,B x", { target: ["A", "B"] }, ["x"]],
  ["--target A\\,B C", { target: ["A,B", "C"] }],
  ["--target A -- x", { target: ["A"] }, ["x"]],
  ["--others 7", { others: "7" }],
  ["--quiet x", { quiet: true }, ["x"]],
  ["--no-stratify", { stratify: false }],
  ["--stratify=false", { stratify: false }],
  ["x --size 3px 12", { size: 3 }, ["x", "12"]],
  ["--target A --target=B x", { target: ["A", "B"] }, ["x"]],
  ["-- --epochs", {}, ["--epochs"]],
  ["-- --quiet=maybe --", {}, ["--quiet=maybe", "--"]],
];
for (const [line, options, words = []] of understood) {
  Deno.test(`parseCommand() understands \`${line}\``, () => {
    const parsed = parseCommand(command, line.split(" ").filter(Boolean));
    assertEquals<unknown>(parsed.options, { ...defaults, ...options });
    assertEquals(parsed.words, words);
    assertEquals<Set<string>>(new Set(parsed.given), new Set(Object.keys(options)));
  });
}

const refused: [line: string, message: string][] = [
  ["--epoch 3", "learn has no flag --epoch; did you mean --epochs?"],
  ["-lr 3", "learn has no flag -lr; did you mean --lr?"],
  ["--no-lr", "learn has no flag --no-lr; did you mean --lr?"],
  ["--zebra=3", "learn has no flag --zebra; see learn --help"],
  ["--__proto__ 3", "learn has no flag --__proto__; see learn --help"],
  ["--epochs.x 3", "learn has no flag --epochs.x; did you mean --epochs?"],
  ["--epochs", "Cannot use --epochs without a value: give a whole number from 1 to 99"],
  ["--epochs --quiet", "Cannot use --epochs without a value: give a whole number from 1 to 99"],
  ["--epochs 2.5", "Cannot use --epochs 2.5: give a whole number from 1 to 99"],
  ["--epochs 0", "Cannot use --epochs 0: give a whole number from 1 to 99"],
  ["--epochs 100", "Cannot use --epochs 100: give a whole number from 1 to 99"],
  ["--lr ten", "Cannot use --lr ten: give a number of at least 0"],
  ["--lr -1", "Cannot use --lr -1: give a number of at least 0"],
  ["--epochs -.5", "Cannot use --epochs -.5: give a whole number from 1 to 99"],
  ["--lr=-1", "Cannot use --lr -1: give a number of at least 0"],
  ["--lr=Infinity", "Cannot use --lr Infinity: give a number of at least 0"],
  ["--weight-decay NaN", "Cannot use --weight-decay NaN: give a number"],
  ["--epochs 1 --epochs 2", "Cannot use --epochs 1 and --epochs 2 together: give --epochs once"],
  ["--optimizer adm", "Cannot use --optimizer adm: give sgd or adam; did you mean adam?"],
  ["--optimizer lion", "Cannot use --optimizer lion: give sgd or adam"],
  ["--target --quiet", "Cannot use --target without a value: give one name or more"],
  ["--target A,,B", "Cannot use --target without a value: give one name or more"],
  ["--out=", "Cannot use --out without a value: give a path"],
  ["--quiet=maybe", "Cannot use --quiet=maybe: give --quiet or --no-quiet"],
  ["--size 3", "Cannot use --size 3: give pixels such as 3px"],
  ["x y z", "learn takes A B… and cannot use z"],
];
for (const [line, message] of refused) {
  Deno.test(`parseCommand() refuses \`${line}\``, () => {
    const error = assertThrows(() => parseCommand(command, line.split(" ")), UserError);
    assertEquals([error.message, error.exitCode], [message, 2]);
  });
}

Deno.test("parseCommand() refuses too few words and words where there are none", () => {
  const pair = { ...command, words: { usage: "A B", min: 2, max: 2, paths: false } };
  assertThrows(() => parseCommand(pair, []), UserError, "learn needs A B and got nothing: see learn --help");
  assertThrows(() => parseCommand(pair, ["x"]), UserError, "learn needs A B and got x: see learn --help");
  const wordless = { ...command, words: undefined };
  assertThrows(() => parseCommand(wordless, ["x"]), UserError, "learn takes flags only and cannot use x");
});

Deno.test("parseCommand() resolves paths against the directory in which the user called the task", () => {
  {
    using _ = withVariables({ INIT_CWD: resolve("/somewhere") });
    const withPaths = { ...command, words: { usage: "A", min: 0, max: 1, paths: true } };
    const { options, words } = parseCommand(withPaths, ["a/../b", "--out", "c"]);
    assertEquals([words, options.out], [[resolve("/somewhere/b")], resolve("/somewhere/c")]);
    assertEquals(parseCommand(withPaths, ["-"]).words, ["-"]);
    assertEquals(userPath("/else"), resolve("/else"));
  }
  using _ = withVariables({ INIT_CWD: undefined });
  assertEquals(userPath("b"), resolve(Deno.cwd(), "b"));
});

Deno.test("parseCommand() types the options by the table", () => {
  const { options } = parseCommand(command, []);
  options satisfies {
    epochs: number;
    lr: number | undefined;
    optimizer: "sgd" | "adam";
    target: readonly string[];
    others: string | undefined;
    quiet: boolean;
  };
  // @ts-expect-error: without a default the rate may be undefined.
  options.lr satisfies number;
  // @ts-expect-error: not one of the choices.
  assertEquals(options.optimizer === "lion", false);
});

Deno.test("flagName() and orList() write as the user reads", () => {
  assertEquals(flagName("weightDecay"), "--weight-decay");
  assertEquals([["a"], ["a", "b"], ["a", "b", "c"]].map(orList), ["a", "a or b", "a, b or c"]);
});
