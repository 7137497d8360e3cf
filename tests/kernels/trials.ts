/**
 * Trials: an op with values, from the registry's samples or from the stored PyTorch cases. The same code turns
 * them into a graph, whatever runs it.
 *
 * @module
 */

import { registry } from "../../kernels/mod.ts";
import { type Attrs, type Op, type OpSample, type SampleInput, type Shape, sizeOf } from "../../kernels/op.ts";
import { randomKey, randomUniform } from "../../kernels/random.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { isLong } from "../amount.ts";

/** All random values follow from it. */
export const SEED = 1;

/** Numbers by name: `x0`, `x1`, … and `dy` go in; `y` and `dx0`, `dx1`, … come out. */
export type Numbers = Record<string, ArrayLike<number>>;

/** One call of an op. */
export interface Trial {
  readonly op: Op;
  /** For failures: which sample or case. */
  readonly label: string;
  readonly attrs: Attrs;
  readonly shapes: readonly Shape[];
  readonly given: Numbers;
  /** Inputs that a gradient is asked of. */
  readonly differentiable: readonly number[];
  readonly abs: number;
  readonly rel: number;
  /** Stored results; without them, the float64 reference says what is right. */
  readonly want?: Numbers;
}

/** Uniform numbers that depend on nothing but the seed and these two numbers. */
function source(stream: number, step: number): () => number {
  const [hi, lo] = randomKey(SEED, step);
  let index = 0;
  return () => randomUniform(index++, stream, hi, lo);
}

/** Standard normal numbers, by Box and Muller. */
export function normals(count: number, stream: number, step: number): Float32Array {
  const next = source(stream, step);
  return Float32Array.from(
    { length: count },
    () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  );
}

/**
 * Numbers in random order around 0, at least 0.01 apart and away from it; also from those of the other positions, since
 * `maximum` has its kink where two operands meet.
 */
function distinct(count: number, next: () => number, position: number): Float32Array {
  const order = Array.from({ length: count }, (_, k) => ({ k, at: next() })).sort((a, b) => a.at - b.at);
  const phase = [0.3, 0.5, 0.7][position];
  return Float32Array.from(order, ({ k }) => 0.1 * (k - Math.floor(count / 2) + phase) + 0.008 * (next() - 0.5));
}

/**
 * Values of a sample's input.
 *
 * @param position Which input of the sample it is.
 * @param step Which sample of the op it is.
 */
export function valuesOf(
  { shape, values = "normal", below = 2 }: SampleInput,
  position: number,
  step: number,
): Float32Array {
  const count = sizeOf(shape);
  const next = source(position, step);
  switch (values) {
    case "normal":
      return normals(count, position, step);
    case "positive":
      return Float32Array.from({ length: count }, () => 0.5 + next());
    case "distinct":
      return distinct(count, next, position);
    case "integer":
      return Float32Array.from({ length: count }, () => Math.floor(below * next()));
    case "probability": {
      const width = shape.at(-1)!;
      const raw = Float32Array.from({ length: count }, () => 0.05 + next());
      const sums = raw.map((_, k) => raw.subarray(k - k % width, k - k % width + width).reduce((a, b) => a + b));
      return raw.map((value, k) => value / sums[k]);
    }
  }
}

/** Pictures whose tiles reach the branches of a transform of 4×4 pixels: whole ones in whole rows, and cut ones. */
const FOR_LARGE_TILES = ["8,16", "5,7"];

/**
 * Does a sample take llvmpipe's compiler seconds for what others show? The larger transforms are written by the same
 * lines as those of 2×2, which every picture goes through. An 11×11 window is AlexNet's, which `tests/models` runs, and
 * Winograd's tiles of 2×2 are a way that `candidates_test.ts` takes. `deno task test:long` has them all.
 */
function isForLong({ name }: Op, { inputs, attrs }: OpSample): boolean {
  const shapes = inputs.map(({ shape }) => shape);
  if (name === "toTiles" || name === "fromTiles") {
    const { of, imageSize = shapes[0].slice(2) } = attrs!;
    return String(of).endsWith("4") && !FOR_LARGE_TILES.includes(String(imageSize));
  }
  // Of a gradient, the window or the pictures are among the attributes or the operands.
  return name.startsWith("conv2d") &&
    [...shapes, attrs?.kernelSize].some((shape) =>
      ["4,3,11,11", "11,11", "96,96,3,3", "2,96,2,60"].includes(`${shape}`)
    );
}

/**
 * The samples of an op that are meant for tests.
 *
 * @param op The op.
 * @param all Those for long tests too?
 */
export function samplesOf(op: Op, all = isLong): Trial[] {
  return op.samples.map((sample, step) => ({ sample, step }))
    .filter(({ sample }) => !sample.bench && (all || !isForLong(op, sample)))
    .map(({ sample, step }) => sampleTrial(op, sample, step));
}

/** A sample with its values, which depend on `step`. */
export function sampleTrial(op: Op, sample: OpSample, step: number): Trial {
  const shapes = sample.inputs.map(({ shape }) => shape);
  const attrs = sample.attrs ?? {};
  const xs = sample.inputs.map((input, k) => [`x${k}`, valuesOf(input, k, step)]);
  return {
    op,
    label: `sample ${step} ${JSON.stringify(shapes)} ${JSON.stringify(attrs)}, seed ${SEED}`,
    attrs,
    shapes,
    given: { ...Object.fromEntries(xs), dy: normals(sizeOf(op.shape(shapes, attrs)), 99, step) },
    differentiable: [...shapes.keys()].filter((k) => !sample.noGrad?.includes(k)),
    abs: sample.abs ?? 1e-5,
    rel: sample.rel ?? 1e-5,
  };
}

interface Header {
  readonly dtype: "F32" | "F64";
  readonly shape: Shape;
  readonly data_offsets: readonly [number, number];
}

/** The stored cases of fixtures/kernels/make.py, by op, and those ops among them that the registry lacks. */
export async function readCases(): Promise<{ cases: Map<string, Trial[]>; unknown: string[] }> {
  const { buffer } = await Deno.readFile(new URL("../../fixtures/kernels/cases.safetensors", import.meta.url));
  const length = new DataView(buffer).getUint32(0, true);
  const { __metadata__, ...headers } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, length)));
  const tensors = new Map(
    Object.entries(headers as Record<string, Header>).map(([name, header]) => {
      const bytes = buffer.slice(8 + length + header.data_offsets[0], 8 + length + header.data_offsets[1]);
      return [name, { shape: header.shape, values: new (header.dtype === "F32" ? Float32Array : Float64Array)(bytes) }];
    }),
  );
  const stored = JSON.parse(__metadata__.cases) as { name: string; op: string; attrs: Attrs }[];
  const trials = stored.flatMap(({ name, op, attrs }) => {
    const known = registry.get(op);
    return known ? [trialOf(known, name, attrs, (key) => tensors.get(`${name}/${key}`))] : [];
  });
  return {
    cases: Map.groupBy(trials, ({ op }) => op.name),
    unknown: [...new Set(stored.map(({ op }) => op))].filter((op) => !registry.has(op)),
  };
}

function trialOf(
  op: Op,
  name: string,
  attrs: Attrs,
  tensor: (key: string) => { shape: Shape; values: Float32Array | Float64Array } | undefined,
): Trial {
  const inputs = [];
  for (let k = 0; tensor(`input${k}`); k++) inputs.push(tensor(`input${k}`)!);
  const differentiable = [...inputs.keys()].filter((k) => tensor(`grad${k}`));
  const output = tensor("output")!;
  const loosest = (key: "abs" | "rel") => Math.max(1e-5, ...op.samples.map((sample) => sample[key] ?? 0));
  return {
    op,
    label: `PyTorch's case "${name}"`,
    attrs,
    shapes: inputs.map(({ shape }) => shape),
    given: {
      ...Object.fromEntries(inputs.map(({ values }, k) => [`x${k}`, values])),
      dy: tensor("cotangent")?.values ?? new Float32Array(output.values.length),
    },
    differentiable,
    abs: loosest("abs"),
    rel: loosest("rel"),
    want: {
      y: output.values,
      ...Object.fromEntries(differentiable.map((k) => [`dx${k}`, tensor(`grad${k}`)!.values])),
    },
  };
}

/** The name that number `key` of trial `at` has in a graph of many. */
export const nameIn = (at: number, key: string): string => `${at}.${key}`;

/**
 * One graph of many trials, so that a device compiles and reads back once. Number `key` of trial k is called
 * `nameIn(k, key)`.
 */
export function graphOf(trials: readonly Trial[]): Graph {
  const b = new GraphBuilder();
  const built = trials.map((trial, at) => {
    const xs = trial.shapes.map((shape, k) => b.input(nameIn(at, `x${k}`), shape));
    const y = b.op(trial.op.name, xs, trial.attrs);
    b.output(nameIn(at, "y"), y);
    return { at, y, sources: trial.differentiable.map((k) => ({ k, x: xs[k] })) };
  });
  const parts = built.filter(({ sources }) => sources.length > 0);
  if (parts.length === 0) return b.graph;
  // The loss Σ y · dy: its gradient with respect to y is dy.
  const loss = parts
    .map(({ at, y }) => b.sum(b.mul(y, b.input(nameIn(at, "dy"), y.shape)), undefined, false))
    .reduce((sum, part) => b.add(sum, part));
  b.output("loss", loss);
  const named = parts.flatMap(({ at, sources }) => sources.map(({ k, x }) => ({ name: nameIn(at, `dx${k}`), x })));
  const grads = differentiate(b, loss, named.map(({ x }) => x));
  named.forEach(({ name }, k) => b.output(name, grads[k]));
  return b.graph;
}

/** Forward passes alone: those of the gradients are trials of their own. */
export function forwardGraphOf(trials: readonly Trial[]): Graph {
  const b = new GraphBuilder();
  trials.forEach(({ op, shapes, attrs }, at) => {
    b.output(nameIn(at, "y"), b.op(op.name, shapes.map((shape, k) => b.input(nameIn(at, `x${k}`), shape)), attrs));
  });
  return b.graph;
}

/** The inputs of {@link graphOf}. */
export function inputsOf(trials: readonly Trial[]): Record<string, Float32Array> {
  return Object.fromEntries(
    trials.flatMap(({ given }, at) =>
      Object.entries(given).map(([key, values]) => [nameIn(at, key), Float32Array.from(values)])
    ),
  );
}

/** The results of one trial out of those of {@link graphOf}. */
export function resultsOf(outputs: Readonly<Record<string, ArrayLike<number>>>, at: number): Numbers {
  const prefix = nameIn(at, "");
  return Object.fromEntries(
    Object.entries(outputs).filter(([name]) => name.startsWith(prefix)).map((
      [name, values],
    ) => [name.slice(prefix.length), values]),
  );
}

/** Throws with the worst element when a result is further from what is wanted than allowed. */
export function assertNear(
  trial: Trial,
  got: Numbers,
  want: Numbers,
  who: string,
  { abs, rel }: Pick<Trial, "abs" | "rel"> = trial,
): void {
  for (const [key, wanted] of Object.entries(want)) {
    const values = got[key];
    if (values?.length !== wanted.length) {
      throw new Error(
        `${trial.op.name}, ${trial.label}: ${who} gives ${values?.length} numbers for ${key}, not ${wanted.length}`,
      );
    }
    let worst = { excess: 0, at: -1 };
    for (let at = 0; at < wanted.length; at++) {
      const excess = Math.abs(values[at] - wanted[at]) - abs - rel * Math.abs(wanted[at]);
      // Written so that NaN is an excess.
      if (!(excess <= worst.excess)) worst = { excess: Number.isNaN(excess) ? Infinity : excess, at };
    }
    if (worst.at >= 0) {
      throw new Error(
        `${trial.op.name}, ${trial.label}: ${who} gives ${key}[${worst.at}] = ${values[worst.at]}, not ${
          wanted[worst.at]
        } ` +
          `(allowed: ${abs} + ${rel} · |wanted|)`,
      );
    }
  }
}
