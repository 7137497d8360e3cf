import { assert, assertEquals } from "@std/assert";
import { augmentFault, augmentNames, colourTerms, mixingOf, readAugment } from "../../src/augment/augmentations.ts";
import { presets } from "../../src/augment/presets.ts";
import { terms } from "../../src/augment/terms.ts";

Deno.test("readAugment() reads presets, terms with their values, and both", () => {
  const cases: [text: string, names: string[]][] = [
    ["none", []],
    ["crop-flip", ["crop", "flip"]],
    ["crop-flip,rand-m9-n2-mstd0.5,erase-p0.25", ["crop", "flip", "rand", "erase"]],
    ["flip, trivial", ["flip", "trivial"]],
    ["deit", ["rrc", "flip", "rand", "erase"]],
  ];
  for (const [text, names] of cases) assertEquals(readAugment(text).map(({ name }) => name), names, text);
  const [rrc, , rand, erase] = readAugment("rrc-s0.2:1,flip,rand-m9-mstd0.5-inc1,erase-p.5-a0.1:0.2-rand");
  assertEquals(rrc.pairs, { s: [0.2, 1], r: [0.75, 4 / 3] });
  assertEquals(rand.numbers, { m: 9, mstd: 0.5, mmax: 10, n: 2, inc: 1, p: 0.5 });
  assertEquals([erase.numbers, erase.pairs, erase.word], [{ p: 0.5, r: 0.3, n: 1 }, { a: [0.1, 0.2] }, "rand"]);
  assertEquals(readAugment("auto").map(({ word }) => word), ["imagenet"]);
});

Deno.test("every preset and every term alone can be read", () => {
  for (const name of [...augmentNames, ...Object.keys(terms)]) assertEquals(augmentFault(name), undefined, name);
});

Deno.test("augmentFault() says in one line what would do", () => {
  const cases: [text: string, fault: string][] = [
    ["rand-m9-q2", "m, mstd, mmax, n, inc, p or tweights instead of q2 after rand"],
    ["rand-m99", "m with a number from 0 to 30 instead of m99"],
    ["rand-n2.5", "n with a whole number from 1 to 15 instead of n2.5"],
    ["rand-m9-m8", "m once after rand"],
    ["rand--m9", "m, mstd, mmax, n, inc, p or tweights instead of nothing after rand"],
    ["rrc-s0.5", "s with two numbers with a colon, the lower first, from 0.01 to 1 instead of s0.5"],
    ["rrc-s1:0.5", "s with two numbers with a colon, the lower first, from 0.01 to 1 instead of s1:0.5"],
    ["rotate-d1e2", "d or p instead of d1e2 after rotate"],
    ["flip-p0.5", "flip without p0.5"],
    ["light1-m3", "light1 without m3"],
    ["erase-pixel-const", "p, a, r, n, pixel, const or rand instead of const after erase"],
    ["flip,trival", "trivial instead of trival"],
    ["kaleidoscope", "one of none, flip, crop-flip"],
    ["flip,", "one of none, flip"],
    ["none,flip", "none alone"],
    ["crop-flip,rrc", "crop or rrc, not both"],
    ["flip,deit", "flip once"],
    ["views", "one of none, flip"],
    ["constructor", "one of none, flip"],
  ];
  for (const [text, fault] of cases) {
    const got = augmentFault(text);
    assert(got?.startsWith(fault) && !got.includes("\n"), `${text}: ${got}`);
  }
});

Deno.test("presets hold AugReg's table, timm's recipes, AlexNet's and DeiT's", () => {
  const table = Object.fromEntries(["light1", "light2", "medium1", "medium2", "strong1", "strong2"].map((name) => {
    const { numbers: { m, n, mmax, p } } = readAugment(name)[2];
    return [name, [n, m, mmax, p, mixingOf(name).mixup]];
  }));
  // Steiner et al. 2021, 3.3, and the configurations that their authors published with it.
  assertEquals(table, {
    light1: [2, 0, 20, 0.5, 0],
    light2: [2, 10, 20, 0.5, 0.2],
    medium1: [2, 15, 20, 0.5, 0.2],
    medium2: [2, 15, 20, 0.5, 0.5],
    strong1: [2, 20, 20, 0.5, 0.5],
    strong2: [2, 20, 20, 0.5, 0.8],
  });
  assertEquals(["timm-a1", "timm-a2", "timm-a3"].map((name) => [readAugment(name)[2].numbers.m, mixingOf(name)]), [
    [7, { mixup: 0.2, cutmix: 1 }],
    [7, { mixup: 0.1, cutmix: 1 }],
    [6, { mixup: 0.1, cutmix: 1 }],
  ]);
  assertEquals(mixingOf("flip,trivial"), { mixup: 0, cutmix: 0 });
  assertEquals(mixingOf("deit"), presets.deit.mixing);
  assertEquals(["alexnet", "deit", "flip,grey"].map(colourTerms), [["lighting"], [], ["grey"]]);
});
