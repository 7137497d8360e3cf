/**
 * Half precision on devices: the text that converts, what it makes of every kind of number, and who refuses it.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Session } from "../../src/device/device.ts";
import { assemble } from "../../src/device/webgpu/dispatches.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { UserError } from "../../src/errors.ts";
import { RULES } from "../../src/graph/choices.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { devices, hasHalf } from "../kernels/devices.ts";

/** Numbers that a product with 1 puts into memory as temporaries, and another takes out again. */
function stored(size: number, precision: "f32" | "f16" = "f16"): Graph {
  const b = new GraphBuilder({ precision });
  const one = b.input("one", [1, 1]);
  b.output("y", b.matmul(b.matmul(b.input("x", [size, 1]), one), one));
  return b.graph;
}

async function passed(session: Session, x: Float32Array): Promise<Float32Array> {
  const program = session.compile(stored(x.length));
  program.run({ x, one: Float32Array.of(1) });
  return (await program.outputs()).y;
}

Deno.test("assemble() converts where half precision is read and written, and nowhere else", () => {
  const texts = (precision: "f32" | "f16", size: number) => {
    const plan = compile(stored(size, precision), webGpuTarget({ maxBuffer: 2 ** 28, maxBinding: 2 ** 27 }));
    return [false, true].flatMap((readsTextures) =>
      plan.steps.map((step) =>
        assemble(step, plan, { isSoftware: readsTextures, readsTextures, bindsReadOnly: false }, RULES).code
      )
    );
  };
  const isHeld = (code: string) => /array<(f16|vec4h)>/.test(code);
  for (const size of [6, 8192]) {
    for (const code of texts("f32", size)) assert(!/f16|toHalf|vec4h|rgba16float/.test(code));
    for (const code of texts("f16", size)) {
      assert(isHeld(code) || code.includes("rgba16float"), "one operand or the result is in half precision");
      assertEquals(code.startsWith("enable f16;\n"), isHeld(code));
      // The kernel itself computes in float32.
      assert(!/f16|vec4h/.test(code.slice(code.indexOf("@compute"))));
    }
  }
});

for (const { name, present, open } of devices) {
  Deno.test({
    name: `${name} takes half precision or refuses it by its name`,
    ignore: !present,
    async fn() {
      await using device = await open();
      using session = device.open();
      if (device.precisions.includes("f16")) {
        assert(device.measure(stored(8192)).temporaries < device.measure(stored(8192, "f32")).temporaries);
        return;
      }
      const who = `${device.name}, ${device.description}`;
      for (const use of [() => session.compile(stored(8)), () => device.measure(stored(8))]) {
        const { message } = assertThrows(use, UserError);
        assert(message.startsWith(`Cannot use f16 on ${who}: it takes a WebGPU adapter with shader-f16`), message);
      }
    },
  });
}

Deno.test({
  name: "half precision rounds to the nearest, keeps NaN, and makes what is beyond it infinite",
  ignore: !hasHalf,
  async fn(t) {
    await using device = await devices[0].open();
    using session = device.open();
    const special = [0, 1, -1, 1.0004, 65504, -65504, 2 ** -14, 2 ** -24, 1e-9, NaN, Infinity, -Infinity];
    // Four at a time and one by one; the longer ones are read through textures on a software adapter.
    for (const size of [12, 13, 8192, 8195]) {
      await t.step(`${size} numbers`, async () => {
        const x = Float32Array.from({ length: size }, (_, k) => special[k] ?? Math.sin(k) * 10 ** (k % 9 - 4));
        assertEquals(await passed(session, x), x.map(Math.f16round));
      });
    }
    const beyond = Float32Array.of(65505, -65519, 65520, 1e9, -3e38);
    assertEquals(await passed(session, beyond), Float32Array.of(Infinity, -Infinity, Infinity, Infinity, -Infinity));
  },
});
