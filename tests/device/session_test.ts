import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Session } from "../../src/device/device.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { devices } from "../kernels/devices.ts";

function graph(build: (b: GraphBuilder) => void): Graph {
  const b = new GraphBuilder();
  build(b);
  return b.graph;
}

/** w ← w + rate · x; gives Σ x² as `energy`. */
const update = graph((b) => {
  const x = b.input("x", [3]);
  b.output("energy", b.sum(b.square(x)));
  b.assign("w", b.add(b.state("w", [3]), b.mul(x, b.input("rate", []))));
});

/** Gives 2w as `twice`. */
const evaluation = graph((b) => b.output("twice", b.mul(b.state("w", [3]), 2)));

/** Takes much more memory than the others for its temporaries. */
const large = graph((b) => {
  const x = b.input("x", [64, 65]);
  b.output("y", b.sum(b.permute(b.permute(x, [1, 0]), [1, 0]), [1]));
});

/** Takes long enough for any clock: 34 million operations. */
const SIDE = 256;
const product = graph((b) => {
  const x = b.input("x", [SIDE, SIDE]);
  b.output("y", b.sum(b.matmul(x, x)));
});

const numbers = (...values: number[]) => Float32Array.from(values);
const GIVEN = { x: numbers(1, 2, 3), rate: numbers(0.5) };

const refused: readonly [name: string, act: (session: Session) => unknown, message: string][] = [
  ["a new size of a state", (session) => session.write("w", numbers(1)), "Cannot write 1 numbers to w: it has 3"],
  [
    "another size of a state than a program takes",
    (session) => {
      session.compile(graph((b) => b.output("y", b.neg(b.state("u", [3])))));
      session.write("u", numbers(1));
    },
    "Cannot write 1 numbers to u: it has 3",
  ],
  [
    "an input that is missing",
    (session) => session.compile(update).run({ rate: GIVEN.rate }),
    "Input x takes 3 numbers: given none",
  ],
  [
    "a scalar that is missing",
    (session) => session.compile(update).run({ x: GIVEN.x }),
    "Input rate takes 1 numbers: given none",
  ],
  [
    "an input of another size",
    (session) => session.compile(update).run({ ...GIVEN, x: numbers(1, 2) }),
    "Input x takes 3 numbers: given 2",
  ],
  [
    "a state that was never written",
    (session) => session.compile(graph((b) => b.output("y", b.neg(b.state("v", [3]))))).run({}),
    "No state is called v: write it before a program uses it",
  ],
  [
    "a state that was never written and is only assigned",
    (session) => session.compile(graph((b) => b.assign("v", b.neg(b.input("x", [3]))))).run(GIVEN),
    "No state is called v: write it before a program uses it",
  ],
  [
    "a state of another size",
    (session) => session.compile(graph((b) => b.output("y", b.neg(b.state("w", [2]))))).run({}),
    "State w has 3 numbers and the program takes 2: write it in that size",
  ],
  [
    "a larger state",
    (session) =>
      session.compile(graph((b) => b.assign("w", b.neg(b.input("x", [400]))))).run({ x: new Float32Array(400) }),
    "State w has 3 numbers and the program takes 400",
  ],
];

for (const { name: device, present, open } of devices) {
  const test = (name: string, fn: (session: Session, t: Deno.TestContext) => Promise<void>) =>
    Deno.test({
      name: `${device}: ${name}`,
      ignore: !present,
      async fn(t) {
        await using opened = await open();
        using session = opened.open();
        session.write("w", numbers(1, 1, 1));
        await fn(session, t);
      },
    });

  test("a session refuses", async (session, t) => {
    for (const [name, act, message] of refused) {
      await t.step(name, () => void assertThrows(() => act(session), TypeError, message));
    }
    await t.step("to read a state that was never written", async () => {
      await assertRejects(async () => await session.read(["w", "v"]), TypeError, "No state is called v");
    });
    await t.step("nothing after a refusal", async () => {
      session.compile(update).run(GIVEN);
      assertEquals((await session.read(["w"])).get("w"), numbers(1.5, 2, 2.5));
    });
  });

  test("programs share states and an arena that grows after one of them has run", async (session) => {
    const first = session.compile(update);
    first.run(GIVEN);
    const second = session.compile(evaluation);
    second.run({});
    assertEquals(await second.outputs(), { twice: numbers(3, 4, 5) });
    const third = session.compile(large);
    third.run({ x: new Float32Array(64 * 65).fill(2) });
    first.run({ ...GIVEN, rate: numbers(1) });
    assertEquals(await first.outputs(), { energy: numbers(14) });
    second.run({});
    assertEquals(await second.outputs(), { twice: numbers(5, 8, 11) });
    third.run({ x: new Float32Array(64 * 65).fill(3) });
    assertEquals(await third.outputs(), { y: new Float32Array(64).fill(195) });
  });

  test("outputs are refused once another program may have overwritten them", async (session) => {
    const first = session.compile(update);
    await assertRejects(() => first.outputs(), Error, "the program has not run");
    first.run(GIVEN);
    const second = session.compile(evaluation);
    await assertRejects(() => first.outputs(), Error, "another was compiled or run since");
    first.run(GIVEN);
    const asked = first.outputs();
    second.run({});
    assertEquals(await asked, { energy: numbers(14) });
    await assertRejects(() => first.outputs(), Error, "another was compiled or run since");
  });

  test("values are taken when they are given", async (session) => {
    const program = session.compile(update);
    const given = { x: numbers(1, 2, 3), rate: numbers(1) };
    const written = numbers(7, 7, 7);
    session.write("w", written);
    written.fill(0);
    program.run(given);
    given.x.fill(100);
    given.rate.fill(100);
    assertEquals((await session.read(["w"])).get("w"), numbers(8, 9, 10));
  });

  test("what is read back is the reader's own", async (session) => {
    const program = session.compile(evaluation);
    program.run({});
    (await program.outputs()).twice.fill(0);
    (await session.read(["w"])).get("w")!.fill(0);
    assertEquals(await program.outputs(), { twice: numbers(2, 2, 2) });
    assertEquals((await session.read(["w"])).get("w"), numbers(1, 1, 1));
  });

  test("a profile is a run, and times every step of it", async (session) => {
    const program = session.compile(update);
    const times = await program.profile(GIVEN);
    assertEquals(await program.outputs(), { energy: numbers(14) });
    assertEquals((await session.read(["w"])).get("w"), numbers(1.5, 2, 2.5));
    assertEquals(times.length, program.steps);
    for (const { name, seconds, cost } of times) {
      assert(seconds >= 0 && cost.flops > 0 && cost.bytes > 0, `${name}: ${seconds} s, ${JSON.stringify(cost)}`);
    }
    // Dawn rounds the clock's stamps to 0.1 ms, as browsers do: a step of three numbers may take none.
    const long = (await session.compile(product).profile({ x: new Float32Array(SIDE * SIDE).fill(1) }))
      .reduce((sum, { seconds }) => sum + seconds, 0);
    assert(long > 0 && long < 10, `${long} s`);
  });

  test("a program of nothing runs", async (session) => {
    const program = session.compile(new GraphBuilder().graph);
    program.run({});
    assertEquals(await program.outputs(), {});
  });
}
