import { assert, assertEquals } from "@std/assert";
import { sizeOf, type Tensor } from "../../kernels/op.ts";
import type { GraphBuilder } from "../../src/graph/builder.ts";
import { fuse, type FuseOptions } from "../../src/graph/passes/fuse.ts";
import { type Node, NUMBER_BYTES, type Precision, storageOf } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/passes/lower.ts";
import { type ArenaLimits, type Plan, plan } from "../../src/graph/passes/plan.ts";
import type { PagePlace } from "../../src/graph/place.ts";
import { usesInPlace } from "../../src/graph/fused_step.ts";
import { randomGraph } from "../device/random_graphs.ts";
import { EVERYTHING, fused, MAPS_ONLY } from "./programs.ts";

const LIMITS: ArenaLimits = { maxPage: 2 ** 28 };

function planned(build: (b: GraphBuilder) => void, options: FuseOptions = EVERYTHING): Plan {
  const { graph, steps } = fused(build, options);
  return plan(graph, steps, LIMITS);
}

/** Names of the states whose new value is written straight over the old one. */
function writtenInPlace({ places }: Plan): string[] {
  return [...places].flatMap(([node, at]) => at.in === "state" && node.op !== "state" ? [at.name] : []).sort();
}

interface StateCase {
  readonly name: string;
  readonly build: (b: GraphBuilder, w: Tensor, v: Tensor) => void;
  readonly options?: FuseOptions;
  readonly inPlace: readonly string[];
  readonly copied: readonly string[];
}

/** On states `w` and `v` of [4, 4]. */
const stateCases: readonly StateCase[] = [
  {
    name: "writes an update over the old value",
    build: (b, w) => b.assign("w", b.sub(w, b.mul(b.input("grad", [4, 4]), 0.1))),
    inPlace: ["w"],
    copied: [],
  },
  {
    name: "writes over a state that nobody reads",
    build: (b) => b.assign("w", b.exp(b.input("x", [4, 4]))),
    inPlace: ["w"],
    copied: [],
  },
  {
    name: "writes over an old value that was read before",
    build: (b, w) => {
      b.output("sum", b.sum(w));
      b.assign("w", b.mul(w, 2));
    },
    inPlace: ["w"],
    copied: [],
  },
  {
    name: "copies when the old value is read later",
    build: (b, w) => {
      b.assign("w", b.mul(w, 2));
      b.output("sum", b.sum(w));
    },
    inPlace: [],
    copied: ["w"],
  },
  {
    name: "writes over an old value that a kernel took a row of before",
    build: (b, w) => b.assign("w", b.add(w, b.slice(w, [0, 0], [1, 4]))),
    inPlace: ["w"],
    copied: [],
  },
  {
    name: "copies when the old value is read in another order",
    build: (b, w) => b.assign("w", b.permute(w, [1, 0])),
    inPlace: [],
    copied: ["w"],
  },
  {
    name: "copies when the old value is read under another shape",
    build: (b, w) => b.assign("w", b.reshape(b.mul(b.reshape(w, [16]), 2), [4, 4])),
    inPlace: [],
    copied: ["w"],
  },
  {
    name: "exchanges two states with one copy",
    build: (b, w, v) => {
      b.assign("w", v);
      b.assign("v", w);
    },
    inPlace: ["v"],
    copied: ["w"],
  },
  {
    name: "copies a value to the second of two states",
    build: (b) => {
      const x = b.exp(b.input("x", [4, 4]));
      b.assign("w", x);
      b.assign("v", x);
    },
    inPlace: ["w"],
    copied: ["v"],
  },
];

Deno.test("plan()", async (t) => {
  for (const { name, build, options, inPlace, copied } of stateCases) {
    await t.step(name, () => {
      const result = planned((b) => build(b, b.state("w", [4, 4]), b.state("v", [4, 4])), options);
      assertEquals(writtenInPlace(result), [...inPlace]);
      assertEquals(result.copies.map(({ to }) => to.name), [...copied]);
    });
  }
});

const NO_EPILOGUES: FuseOptions = { ...EVERYTHING, epilogues: false, manyWrites: false };

/** Offsets of the temporaries, by the op that computes them. */
function offsets({ places }: Plan): Record<string, number> {
  return Object.fromEntries(
    [...places].flatMap(([{ op }, at]) => at.in === "arena" ? [[op, at.offset]] : []),
  );
}

Deno.test("plan() gives a map's result the place of an operand that dies there", () => {
  const { exp, permute } = offsets(planned((b) => {
    b.output("y", b.exp(b.permute(b.input("x", [8, 16]), [1, 0])));
  }, NO_EPILOGUES));
  assertEquals(exp, permute);
});

Deno.test("plan() keeps an operand that is read again later", () => {
  const { exp, permute } = offsets(planned((b) => {
    const x = b.permute(b.input("x", [8, 16]), [1, 0]);
    b.output("y", b.exp(x));
    b.output("z", b.slice(x, [0, 0], [1, 1]));
  }, NO_EPILOGUES));
  assert(exp !== permute);
});

Deno.test("plan() keeps an operand of a kernel, which writes in an order of its own", () => {
  const { permute, slice } = offsets(planned((b) => {
    b.output("y", b.slice(b.permute(b.input("x", [8, 16]), [1, 0]), [0, 0], [16, 8]));
  }, NO_EPILOGUES));
  assert(permute !== slice);
});

/** First and last step in which a temporary's place is taken. */
function lives(steps: Plan["steps"], outputs: readonly Node[], copies: readonly Node[]): Map<Node, [number, number]> {
  const found = new Map<Node, [number, number]>();
  steps.forEach(({ reads, writes }, at) => {
    for (const node of writes) found.set(node, [at, at]);
    for (const node of reads) if (found.has(node)) found.get(node)![1] = at;
  });
  for (const node of [...outputs.map(storageOf), ...copies]) found.get(node)![1] = steps.length;
  return found;
}

type Arena = PagePlace;

const apart = (a: Arena, b: Arena) =>
  a.page !== b.page || a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;

interface Way {
  readonly options: FuseOptions;
  readonly maxBuffer: number;
  readonly precision: Precision;
}

/** As both devices fuse, on buffers large and small, and in half precision. */
const ways: readonly Way[] = [
  ...[EVERYTHING, MAPS_ONLY, NO_EPILOGUES].flatMap((options) =>
    [2 ** 28, 4096].map((maxBuffer): Way => ({ options, maxBuffer, precision: "f32" }))
  ),
  { options: EVERYTHING, maxBuffer: 2 ** 28, precision: "f16" },
];

/** Every seed's graph in every way. */
const programs = Array.from({ length: 200 }, (_, k) => k + 1).flatMap((seed) =>
  ways.map(({ options, maxBuffer, precision }) => {
    const graph = lower({ ...randomGraph(seed).graph, precision });
    const result = plan(graph, fuse(graph, options), { ...LIMITS, maxPage: maxBuffer });
    const where = `seed ${seed}, ${JSON.stringify(options)}, buffers of ${maxBuffer}, ${precision}`;
    return { where, graph, result, maxBuffer };
  })
);

Deno.test("plan() never gives two living temporaries one place, unless one takes over from the other", () => {
  for (const { where, graph, result } of programs) {
    const { steps, places, copies } = result;
    const life = lives(steps, Object.values(graph.outputs), copies.map(({ from }) => from));
    const placed = [...life].flatMap(([node, [from, until]]) => {
      const at = places.get(node);
      assert(at, `${where}: node ${node.id} has no place`);
      return at.in === "arena" ? [{ node, from, until, at }] : [];
    });
    for (const a of placed) {
      for (const b of placed) {
        if (a === b || a.from > b.until || b.from > a.until || apart(a.at, b.at)) continue;
        const [earlier, later] = a.from < b.from ? [a, b] : [b, a];
        const takesOver = earlier.until === later.from && earlier.at.offset === later.at.offset &&
          earlier.at.precision === later.at.precision && usesInPlace(steps[later.from], earlier.node);
        assert(takesOver, `${where}: nodes ${a.node.id} and ${b.node.id} overlap`);
      }
    }
  }
});

Deno.test("plan() keeps places within pages, pages within buffers, and above the least that is possible", () => {
  for (const { where, graph, result, maxBuffer } of programs) {
    const { steps, pages, places, copies, lowerBound, largest } = result;
    const life = lives(steps, Object.values(graph.outputs), copies.map(({ from }) => from));
    for (const [node, at] of places) {
      const needed = NUMBER_BYTES[at.precision] * sizeOf(node.shape);
      assert(at.bytes >= needed && at.bytes <= largest, `${where}: node ${node.id} has ${at.bytes}`);
      if (at.in !== "arena") continue;
      assert(at.offset % 256 === 0 && at.offset + at.bytes <= pages[at.page], `${where}: node ${node.id}`);
    }
    for (const bytes of pages) assert(bytes <= Math.max(maxBuffer, largest), `${where}: a page of ${bytes}`);
    // Between steps nothing takes over: what is alive there needs memory of its own.
    const alive = steps.map((_, step) =>
      [...life].reduce((sum, [node, [from, until]]) => {
        const at = places.get(node)!;
        return sum + (at.in === "arena" && from <= step && step < until ? at.bytes : 0);
      }, 0)
    );
    const total = pages.reduce((sum, bytes) => sum + bytes, 0);
    assert(Math.max(0, ...alive) <= lowerBound && lowerBound <= total, `${where}: ${alive} and ${lowerBound}`);
  }
});

Deno.test("plan() holds outputs and states in float32, whatever the precision", () => {
  let halves = 0;
  for (const { where, graph, result: { places, copies } } of programs) {
    for (const node of [...Object.values(graph.outputs).map(storageOf), ...copies.map(({ from }) => from)]) {
      assertEquals(places.get(node)!.precision, "f32", `${where}: node ${node.id}`);
    }
    for (const at of places.values()) {
      if ("name" in at) assertEquals(at.precision, "f32", `${where}: ${at.name}`);
      else if (at.precision === "f16") halves++;
    }
  }
  assert(halves > 50, `${halves} tensors are in half precision`);
});

Deno.test("plan() releases each temporary after its last use", () => {
  for (const { where, graph, result } of programs) {
    const { steps, released, copies } = result;
    const life = lives(steps, Object.values(graph.outputs), copies.map(({ from }) => from));
    released.forEach((nodes, at) => {
      for (const node of nodes) assert(life.get(node)![1] <= at, `${where}: node ${node.id} is released early`);
    });
    const gone = new Set(released.flat());
    for (const [node, [, until]] of life) {
      const isTemporary = result.places.get(node)!.in === "arena";
      assertEquals(gone.has(node), isTemporary && until < steps.length, `${where}: node ${node.id}`);
    }
  }
});
