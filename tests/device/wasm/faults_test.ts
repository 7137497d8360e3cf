import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../../../src/errors.ts";
import { SharedMemory } from "../../../src/device/wasm/shared_memory.ts";
import { Pool } from "../../../src/device/wasm/pool.ts";
import { missingPart } from "../../../src/device/wasm/support.ts";

Deno.test("SharedMemory refuses what no 32 bits can address, in one line, and gives blocks back", () => {
  const memory = new SharedMemory();
  const first = memory.allocate(1000);
  assertThrows(() => memory.allocate(2 ** 32), UserError, "WebAssembly has no memory of 4097 MiB here");
  memory.release(first, 1000);
  assertEquals(memory.allocate(300), first);
  assertEquals(memory.allocate(300), first + 512);
});

Deno.test("A thread that dies ends what is asked for, and what is asked later, in one line", async () => {
  const pool = await Pool.open(2);
  try {
    const run = pool.ask((question) => pool.run({ type: "run", program: 99, writes: [], timed: question }));
    const fault = await assertRejects(() => run, UserError);
    assert(/^A thread of the WebAssembly device died \(.+\): begin again, .+$/.test(fault.message), fault.message);
    assertThrows(() => pool.tell({ type: "drop", session: 0, programs: [] }), UserError, "died");
  } finally {
    pool.close();
  }
});

Deno.test("missingPart() says what a host's WebAssembly lacks", () => {
  assertEquals(missingPart(), undefined);
  const { SharedArrayBuffer: shared } = globalThis;
  const { validate } = WebAssembly;
  try {
    WebAssembly.validate = () => false;
    assertEquals(missingPart(), "WebAssembly has no SIMD here");
    Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
    assertEquals(missingPart(), "there is no memory that threads share (SharedArrayBuffer)");
  } finally {
    WebAssembly.validate = validate;
    globalThis.SharedArrayBuffer = shared;
  }
});
