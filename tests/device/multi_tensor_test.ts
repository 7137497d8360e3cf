import { assert, assertEquals } from "@std/assert";
import type { Tensor } from "../../kernels/op.ts";
import { runReference } from "../../src/device/reference.ts";
import { type InPages, inPagesBy, sideBySide } from "../../src/device/state_pages.ts";
import { webGpuTarget } from "../../src/device/webgpu/limits.ts";
import { compile } from "../../src/graph/compile.ts";
import { openWebGpu } from "../../src/device/webgpu/device.ts";
import { dispatchesOf, type PlannedDispatch } from "../../src/device/webgpu/dispatches.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { RULES } from "../../src/graph/choices.ts";
import { type Graph, type Node, stateSizes } from "../../src/graph/graph.ts";
import type { Plan } from "../../src/graph/passes/plan.ts";
import type { FusedStep } from "../../src/graph/fused_step.ts";
import { devices } from "../kernels/devices.ts";
import { randomGraph } from "./random_graphs.ts";

/** Sizes of parameters: some in fours and some not. */
const SIZES = [2, 3, 4, 64, 1000, 1001, 4096, 5000, 7, 20000, 64, 12, 4099];

/** v ← μ v + g · scale, w ← w − rate · v for each w, where g comes from a kernel. */
function updates(sizes: readonly number[], decays = false): Graph {
  const b = new GraphBuilder();
  const scale = b.sum(b.input("x", [8, 8]), undefined, false);
  const grads = sizes.map((size, k) => b.sum(b.mul(b.state(`w${k}`, [size]), b.input("y", [2, 1])), [0], false));
  sizes.forEach((size, k) => {
    const [w, v] = [b.state(`w${k}`, [size]), b.state(`v${k}`, [size])];
    const grad = decays ? b.add(grads[k], b.mul(w, 0.1 * k)) : grads[k];
    const momentum = b.add(b.mul(v, 0.9), b.mul(grad, scale));
    b.assign(`v${k}`, momentum);
    b.assign(`w${k}`, b.sub(w, b.mul(momentum, b.input("rate", []))));
  });
  return b.graph;
}

const INPUTS = {
  x: Float32Array.from({ length: 64 }, (_, k) => k / 1000),
  y: Float32Array.of(0.25, 0.5),
  rate: Float32Array.of(0.125),
};

/** A plan and its dispatches on a device that binds at most so many bytes. */
function laidOut(graph: Graph, maxBinding: number) {
  const plan = compile(graph, webGpuTarget({ maxBuffer: 2 ** 28, maxBinding }));
  const device = { isSoftware: false, readsTextures: false, bindsReadOnly: true, maxBinding };
  const { places } = sideBySide(plan.states, { maxStatePage: maxBinding, maxBuffer: 2 ** 28 });
  const inPages = inPagesBy((state) => places.get(state)!);
  return { plan, inPages, ...dispatchesOf(plan, device, RULES, inPages) };
}

const dispatchesIn = (graph: Graph, maxBinding = 2 ** 27): readonly PlannedDispatch[] =>
  laidOut(graph, maxBinding).dispatches;

const together = (dispatches: readonly PlannedDispatch[]) =>
  dispatches.map(({ steps }) => steps.length).filter((length) => length > 1);

Deno.test("updates of all sizes are one dispatch for those that are read in fours and one for the others", () => {
  const fours = SIZES.filter((size) => size % 4 === 0).length;
  assertEquals(together(dispatchesIn(updates(SIZES))), [SIZES.length - fours, fours]);
});

Deno.test("numbers that differ from update to update do not keep them apart", () => {
  // With weight decay 0 the formula is another one.
  assertEquals(together(dispatchesIn(updates([8, 16, 24, 32], true))), [3]);
});

Deno.test("a table of updates is as long as a uniform buffer can be, and then there is another", () => {
  const groups = dispatchesIn(updates(new Array(1500).fill(4))).filter(({ steps }) => steps.length > 1);
  assertEquals(groups.reduce((sum, { steps }) => sum + steps.length, 0), 1500);
  assert(groups.length > 1);
  for (const { params } of groups) assert(params.byteLength <= 65536);
});

Deno.test("windows of one dispatch never overlap and are no larger than what can be bound", () => {
  const maxBinding = 2 ** 15;
  const { plan, inPages, dispatches } = laidOut(updates(SIZES.filter((size) => size <= 5000)), maxBinding);
  assert(together(dispatches).length > 2);
  // One at least lies across a border.
  assert([...plan.places.values()].some((place) => {
    const { offset } = inPages(place) ?? { offset: 0 };
    return offset % maxBinding + place.bytes > maxBinding;
  }));
  for (const { steps, bindings } of dispatches) {
    if (steps.length === 1) continue;
    const windows = bindings.map((window) => {
      assert("page" in window && window.bytes <= maxBinding);
      return { buffer: `${window.in} ${window.page}`, from: window.offset, to: window.offset + window.bytes };
    });
    for (const a of windows) {
      const others = windows.filter((b) => b !== a && b.buffer === a.buffer);
      assert(others.every((b) => b.to <= a.from || a.to <= b.from));
    }
  }
});

Deno.test("a map that writes what another reads comes after it", () => {
  const b = new GraphBuilder();
  const [v, w] = [b.state("v", [8]), b.state("w", [2, 4])];
  b.assign("v", b.add(v, b.reshape(w, [8])));
  b.assign("w", b.mul(w, 2));
  b.assign("u", b.mul(b.state("u", [8]), 2));
  const { plan, dispatches } = laidOut(b.graph, 2 ** 27);
  const order = dispatches.map(({ steps }) =>
    steps.map(({ writes: [write] }) => {
      const place = plan.places.get(write)!;
      return place.in === "state" ? place.name : place.in;
    })
  );
  assertEquals(order, [["v"], ["w", "u"]]);
});

Deno.test("a table may have more workgroups than a grid is wide", () => {
  // Primes: an invocation for each element.
  const table = dispatchesIn(updates([5000011, 1009])).find(({ steps }) => steps.length === 2)!;
  const [x, y] = table.grid;
  assert(y > 1 && x <= 65535 && x * y >= Math.ceil(5000011 / 64) + Math.ceil(1009 / 64));
});

/** Do two steps touch the same bytes, one of them writing? */
function conflict(plan: Plan, inPages: InPages, a: FusedStep, b: FusedStep): boolean {
  const rangesOf = (nodes: readonly Node[]) =>
    nodes.flatMap((node) => {
      const place = inPages(plan.places.get(node)!);
      return place ? [{ ...place, end: place.offset + place.bytes }] : [];
    });
  const meet = (some: readonly Node[], others: readonly Node[]) =>
    rangesOf(some).some((x) =>
      rangesOf(others).some((y) => x.in === y.in && x.page === y.page && x.offset < y.end && y.offset < x.end)
    );
  return meet(a.writes, b.writes) || meet(a.writes, b.reads) || meet(a.reads, b.writes);
}

Deno.test("steps that touch the same bytes keep their order, and share no dispatch, in random graphs", () => {
  let tables = 0;
  for (let seed = 1; seed <= 15; seed++) {
    for (const maxBinding of [2 ** 27, 5000]) {
      const { plan, dispatches, inPages } = laidOut(randomGraph(seed).graph, maxBinding);
      const at = new Map(dispatches.flatMap(({ steps }, k) => steps.map((step) => [step, k])));
      assertEquals(at.size, plan.steps.length);
      tables += together(dispatches).length;
      for (const [k, later] of plan.steps.entries()) {
        for (const earlier of plan.steps.slice(0, k)) {
          if (conflict(plan, inPages, earlier, later)) {
            assert(at.get(earlier)! < at.get(later)!, `seed ${seed}, bindings of ${maxBinding} bytes`);
          }
        }
      }
    }
  }
  assert(tables > 10, `${tables} tables`);
});

Deno.test("states lie side by side in buffers that can be bound, in pieces where they are larger than a buffer", () => {
  const sizes = new Map([["a", 1], ["b", 100], ["c", 64], ["d", 5000], ["e", 3], ["f", 10000], ["g", 16384]]);
  const { pages, places } = sideBySide(sizes, { maxStatePage: 1024, maxBuffer: 32768 }, 2);
  assertEquals(pages, [1024, 20224, 256, 20224, 19968, 32768, 32768]);
  const piecesOf = (name: string) =>
    places.get(name)!.map(({ page, offset, bytes }) => `${page} at ${offset}: ${bytes}`);
  assertEquals(Object.fromEntries([...places.keys()].map((name) => [name, piecesOf(name)])), {
    a: ["2 at 0: 256"],
    b: ["2 at 256: 512"],
    c: ["2 at 768: 256"],
    d: ["3 at 0: 20224"],
    e: ["4 at 0: 256"],
    f: ["5 at 0: 20224", "6 at 0: 19968"],
    g: ["7 at 0: 32768", "8 at 0: 32768"],
  });
  // A part of the second piece.
  const inPages = inPagesBy((name) => places.get(name)!);
  const within = { in: "state", name: "g", offset: 32768 + 512, bytes: 256 } as const;
  assertEquals(inPages(within), { in: "statePage", page: 8, offset: 512, bytes: 256 });
});

const hasAdapter = devices[0].present;

for (const maxBinding of [undefined, 2 ** 17, 2 ** 15]) {
  Deno.test({
    name: `WebGPU: updates in few dispatches are those of the reference, with bindings of ${maxBinding ?? "any"} bytes`,
    ignore: !hasAdapter,
    async fn() {
      const sizes = SIZES.filter((size) => 4 * size <= (maxBinding ?? Infinity));
      const graph = updates(sizes);
      const states = Object.fromEntries(
        [...stateSizes(graph)].map(([name, length], s) => [
          name,
          Float32Array.from({ length }, (_, k) => Math.sin(k + s)),
        ]),
      );
      await using device = (await openWebGpu(maxBinding))!;
      using session = device.open();
      const program = session.compile(graph);
      for (const [name, values] of Object.entries(states)) session.write(name, values);
      program.run(INPUTS);
      const want = runReference(graph, { ...INPUTS, ...states });
      for (const [name, values] of await session.read(Object.keys(states))) {
        const wanted = want.states.get(name)!;
        const worst = Math.max(...Array.from(wanted, (value, k) => Math.abs(value - values[k])));
        assert(worst < 1e-5, `${name} is off by ${worst}`);
      }
    },
  });
}

Deno.test({
  name: "WebGPU: states that share a buffer are copied to each other",
  ignore: !hasAdapter,
  async fn() {
    const b = new GraphBuilder();
    const given = (k: number): Tensor => b.permute(b.reshape(b.input(`x${k}`, [6]), [2, 3]), [1, 0]);
    const [first, second] = [given(0), given(1)];
    for (const name of ["a", "b"]) b.assign(name, first);
    for (const name of ["c", "d", "e"]) b.assign(name, second);
    await using device = (await openWebGpu())!;
    using session = device.open();
    const program = session.compile(b.graph);
    for (const name of ["a", "b", "c", "d", "e"]) session.write(name, new Float32Array(6));
    program.run({ x0: Float32Array.of(1, 2, 3, 4, 5, 6), x1: Float32Array.of(10, 20, 30, 40, 50, 60) });
    const read = Object.fromEntries(await session.read(["a", "b", "c", "d", "e"]));
    const [one, ten] = [Float32Array.of(1, 4, 2, 5, 3, 6), Float32Array.of(10, 40, 20, 50, 30, 60)];
    assertEquals(read, { a: one, b: one, c: ten, d: ten, e: ten });
  },
});
