import { assert } from "@std/assert";
import { Assembler } from "../../../src/device/wasm/assembler.ts";
import { call } from "../../../src/device/wasm/text/functions.ts";
import { WatModule } from "../../../src/device/wasm/text/module.ts";
import { hasRelaxedSimd } from "../../../src/device/wasm/support.ts";

/** Between `least` and `most`, with where they change. */
function* numbers(least: number, most: number): Iterable<number> {
  const count = 20_000;
  for (let k = 0; k <= count; k++) yield least + (most - least) * k / count;
  // Of every size.
  for (let size = 2 ** -40; size < most; size *= 1.01) yield size;
  for (let size = 2 ** -40; size < -least; size *= 1.01) yield -size;
}

/** Units in the last place that a value is off by, of a float32 that is not subnormal. */
function unitsOff(got: number, want: number): number {
  const unit = 2 ** (Math.floor(Math.log2(Math.max(Math.abs(want), 2 ** -126))) - 23);
  return Math.abs(got - want) / unit;
}

const functions: readonly { name: "exp" | "log" | "tanh"; from: number; to: number; units: number }[] = [
  { name: "exp", from: -87.3, to: 88.7, units: 2 },
  { name: "log", from: 2 ** -40, to: 1e4, units: 2 },
  { name: "tanh", from: -15, to: 15, units: 2 },
];

/** Whether a product and a sum are one instruction. */
const forms = hasRelaxedSimd() ? [false, true] : [false];

for (
  const { name, from, to, units, relaxed } of forms.flatMap((relaxed) => functions.map((f) => ({ ...f, relaxed })))
) {
  Deno.test(`WebAssembly's ${name} is within ${units} units in the last place, relaxed: ${relaxed}`, async () => {
    const assembler = await Assembler.open();
    const module = new WatModule(relaxed);
    const x = "(local.get $x)";
    const job = module.job(1, "(local $x i32)", [
      "(local.set $x (local.get $scratch))",
      `(block $end (loop $all (br_if $end (i32.ge_u ${x} (i32.mul (local.get $chunk) (i32.const 4))))
(v128.store ${x} ${call(module, name, `(v128.load ${x})`)})
(local.set $x (i32.add ${x} (i32.const 16))) (br $all)))`,
    ]);
    const given = Float32Array.from(numbers(from, to));
    const memory = new WebAssembly.Memory({ initial: 16, maximum: 65536, shared: true });
    const values = new Float32Array(memory.buffer, 0, given.length);
    values.set(given);
    const module_ = assembler.modules[assembler.assemble(job.code as string)];
    const { run } = new WebAssembly.Instance(module_, { fovea: { memory } }).exports;
    (run as (...args: number[]) => void)(given.length, 0);
    let worst = { off: 0, x: NaN, got: NaN };
    values.forEach((got, k) => {
      const off = unitsOff(got, Math[name](given[k]));
      if (!(off <= worst.off)) worst = { off, x: given[k], got };
    });
    assert(worst.off <= units, `${name}(${worst.x}) = ${worst.got} is off by ${worst.off}`);
  });
}
