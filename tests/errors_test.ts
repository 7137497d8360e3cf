import { assertEquals, assertInstanceOf } from "@std/assert";
import { errorOf, sendError } from "../src/data/workers.ts";
import { ifGiven, nearest, option, systemCode, systemFault, UserError } from "../src/errors.ts";

Deno.test("UserError carries its exit code, 1 unless told", () => {
  assertEquals(new UserError("no").exitCode, 1);
  assertEquals(new UserError("no", 2).exitCode, 2);
  assertInstanceOf(new UserError("no"), Error);
  assertEquals(String(new UserError("no such file")), "UserError: no such file");
});

Deno.test("UserError names options as they are, and as flags where it is told their names", () => {
  const error = new UserError(`{a} is too small: give ${option("imageSize")} 32 or ${option("lr")}`);
  assertEquals(error.message, "{a} is too small: give imageSize 32 or lr");
  assertEquals(error.textWith((name) => `--${name}!`), "{a} is too small: give --imageSize! 32 or --lr!");
});

Deno.test("UserError leaves advice out of options that cannot be given", () => {
  const error = new UserError(`mend it${ifGiven("skipBroken", `, or set ${option("skipBroken")}`)}; see \n data check`);
  assertEquals(error.message, "mend it, or set skipBroken; see \n data check");
  assertEquals(error.textWith((name) => `--${name}`, () => true), "mend it, or set --skipBroken; see \n data check");
  assertEquals(error.textWith((name) => `--${name}`, () => false), "mend it; see \n data check");
});

Deno.test("a UserError that crosses from a Worker names flags on a command line, a system error is one line", () => {
  const crossed = errorOf(structuredClone(sendError(new UserError(`give a smaller ${option("batch")}`)))) as UserError;
  assertEquals([crossed.message, crossed.textWith((name) => `--${name}`)], [
    "give a smaller batch",
    "give a smaller --batch",
  ]);
  const full = errorOf(
    sendError(Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" })),
  );
  assertInstanceOf(full, UserError);
  assertEquals(full.message, "A Worker failed: the disk is full (ENOSPC); make room");
  assertEquals(errorOf(sendError(new TypeError("x is undefined"))) instanceof UserError, false);
});

const faults: [error: Error, code: string | undefined, says: string][] = [
  [new Error("Read-only file system (os error 30)"), "EROFS", "the disk is read-only (EROFS); choose another folder"],
  [
    new Error("File name too long (os error 36)"),
    "ENAMETOOLONG",
    "the name is too long (ENAMETOOLONG); give a shorter one",
  ],
  [
    new Error("File too large (os error 27)"),
    "EFBIG",
    "the file would be too large (EFBIG); choose another disk, or raise",
  ],
  [new Error("Input/output error (os error 5)"), "EIO", "the disk failed (EIO); check the disk"],
  [
    Object.assign(new Error("x"), { code: "EMFILE" }),
    "EMFILE",
    "too many files are open (EMFILE); raise the limit (ulimit",
  ],
  [new Error("Disk quota exceeded (os error 122)"), "EDQUOT", "the disk quota is used up (EDQUOT); make room"],
  [
    new Deno.errors.NotFound("No such file (os error 2): open '/a/b'"),
    "ENOENT",
    "there is no such file or folder (ENOENT), at /a/b;",
  ],
  [new Deno.errors.FilesystemLoop("x"), "ELOOP", "its links go round in a circle (ELOOP); remove the link"],
  [
    new Error("Of a kind that nobody knows (os error 999)\n  at x"),
    "os error 999",
    "Of a kind that nobody knows (os error 999); check the disk",
  ],
  [
    new Deno.errors.NotCapable("Requires write access, run again with --allow-write"),
    "NotCapable",
    "Requires write access",
  ],
  [
    new Deno.errors.NotCapable('Requires all access to "/dev/full", run again with the --allow-all flag'),
    "EACCES",
    "access is denied (EACCES); check its permissions",
  ],
  [new TypeError("a is undefined"), undefined, ""],
  [new UserError("no"), undefined, ""],
];
for (const [error, code, says] of faults) {
  Deno.test(`systemFault() says of ${error.message.split("\n")[0]} what it means and what to do`, () => {
    assertEquals(systemCode(error), code);
    const fault = systemFault("Cannot read /x", error);
    if (code === undefined) assertEquals(fault, error);
    else {
      assertInstanceOf(fault, UserError);
      assertEquals(fault.message.slice(0, says.length + 16), `Cannot read /x: ${says}`);
      assertEquals([fault.message.includes("\n"), fault.cause], [false, error]);
    }
  });
}

const models = ["lenet", "naive-cnn", "resnet18", "resnet50"];
const cases: [what: string, name: string, candidates: string[], expected: string | undefined][] = [
  ["the name itself", "lenet", models, "lenet"],
  ["one letter missing", "lnet", models, "lenet"],
  ["one letter too many", "resnet-18", models, "resnet18"],
  ["another case", "ResNet50", models, "resnet50"],
  ["two neighbours swapped in a short name", "sgd", ["gsd"], "gsd"],
  ["the nearer of two", "resnet51", models, "resnet50"],
  ["its end left out", "weight", ["weight-decay", "height"], "weight-decay"],
  ["the first on a tie", "resnet", models, "resnet18"],
  ["a number that is nearer on a tie", "layer9", ["layer1", "layer2", "layer4", "layer3"], "layer4"],
  ["one slip in a short name", "sg", ["adam", "sgd"], "sgd"],
  ["nothing near", "transformer", models, undefined],
  ["a short name unlike the rest", "vgg", models, undefined],
  ["no candidate", "lenet", [], undefined],
  ["an empty name", "", models, undefined],
];
for (const [what, name, candidates, expected] of cases) {
  Deno.test(`nearest() with ${what}`, () => assertEquals(nearest(name, candidates), expected));
}
