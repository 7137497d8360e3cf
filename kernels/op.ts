/**
 * What an op is. Every op of Fovea is one object that {@link defineOp} makes, in one file of this folder. It has a
 * shape rule, a gradient and a cost, and it is one of three kinds: a row of the elementwise table, a composition of
 * other ops, or a primitive with kernels. What fusing, cutting and half precision have to know of it stands on it.
 *
 * @module
 */

import type { Emit } from "./emit.ts";

/** Sizes of a tensor's axes, outermost first; `[]` is a scalar. Everything is float32. */
export type Shape = readonly number[];

/** Fixed arguments of an op: part of the graph, known before anything runs. One that is undefined is not given. */
export type Attrs = Readonly<Record<string, number | boolean | string | readonly number[] | undefined>>;

/** A symbolic tensor: a node of a graph, not its values. */
export interface Tensor {
  /** Position in the graph's list of nodes. */
  readonly id: number;
  /** Sizes of its axes. */
  readonly shape: Shape;
}

/** An operand where a number stands for a scalar constant. */
export type Operand = Tensor | number;

/** Window of a convolution or pooling: how it moves over [H, W]. */
export interface Window {
  /** Step between windows; default 1 (convolutions) or the kernel size (pooling). */
  readonly stride?: number;
  /** Zeros (convolutions) or nothing (pooling) added on every side; default 0. */
  readonly padding?: number;
}

/**
 * Builds nodes. VJP rules and compositions are written against this; `src/graph/builder.ts` implements it.
 * Two calls with the same op, inputs and attributes give the same node, so a VJP may recompute what the
 * forward pass computed and pays nothing for it.
 */
export interface Builder {
  /** Largest tensor in bytes that the device takes whole: a composition should not make larger ones of smaller. */
  readonly maxBytes: number;

  /** Any op of the registry by its name. */
  op(name: string, inputs: readonly Operand[], attrs?: Attrs): Tensor;

  // Elementwise, with NumPy's broadcasting; TypeError when two shapes do not broadcast.
  /** a + b. */
  add(a: Operand, b: Operand): Tensor;
  /** a − b. */
  sub(a: Operand, b: Operand): Tensor;
  /** a · b, element by element. */
  mul(a: Operand, b: Operand): Tensor;
  /** a / b; infinite or NaN where b is 0. */
  div(a: Operand, b: Operand): Tensor;
  /** −x. */
  neg(x: Tensor): Tensor;
  /** eˣ; infinite above 88.72. */
  exp(x: Tensor): Tensor;
  /** Natural logarithm: −∞ of 0, NaN below. */
  log(x: Tensor): Tensor;
  /** √x; NaN below 0. */
  sqrt(x: Tensor): Tensor;
  /** 1 / √x: infinite at 0, NaN below. */
  rsqrt(x: Tensor): Tensor;
  /** x². */
  square(x: Tensor): Tensor;
  /** 1 / (1 + e⁻ˣ). */
  sigmoid(x: Tensor): Tensor;
  /** Hyperbolic tangent. */
  tanh(x: Tensor): Tensor;
  /** x where it is not below 0, else 0; a NaN stays one. */
  relu(x: Tensor): Tensor;
  /** The larger of a and b, NaN where either is; on a tie the gradient goes to a. */
  maximum(a: Operand, b: Operand): Tensor;
  /** The smaller of a and b, NaN where either is; on a tie the gradient goes to a. */
  minimum(a: Operand, b: Operand): Tensor;
  /** 1 where a > b, else 0. */
  greater(a: Operand, b: Operand): Tensor;
  /** 1 where a = b, else 0. */
  equal(a: Operand, b: Operand): Tensor;
  /** `a` where `condition` is not 0, else `b`. */
  where(condition: Tensor, a: Operand, b: Operand): Tensor;

  // Reductions; the reduced axes stay with size 1 unless `keepDims` is false. No axes: all of them.
  /** Sum over `axes`; a negative axis counts from the last. */
  sum(x: Tensor, axes?: readonly number[], keepDims?: boolean): Tensor;
  /** Arithmetic mean over `axes`. */
  mean(x: Tensor, axes?: readonly number[], keepDims?: boolean): Tensor;
  /** Largest element over `axes`. */
  max(x: Tensor, axes?: readonly number[], keepDims?: boolean): Tensor;
  /** Sums `x` over the axes that broadcasting `shape` to `x.shape` would add: the VJP of broadcasting. */
  sumTo(x: Tensor, shape: Shape): Tensor;

  // Movement.
  /** The same elements in the same order under another shape: no work. TypeError when their number differs. */
  reshape(x: Tensor, shape: Shape): Tensor;
  /** Axes in another order: axis k of the result is axis `order[k]` of x. */
  permute(x: Tensor, order: readonly number[]): Tensor;
  /** The block of `size` that begins at `start`, both with one number for each axis. */
  slice(x: Tensor, start: readonly number[], size: readonly number[]): Tensor;
  /** Zeros before and after each axis. */
  pad(x: Tensor, before: readonly number[], after: readonly number[]): Tensor;
  /** Tensors one after the other along `axis`; all other sizes are equal. */
  concat(xs: readonly Tensor[], axis: number): Tensor;
  /** Repeats axes of size 1 until the shape is `shape`. */
  broadcastTo(x: Operand, shape: Shape): Tensor;

  /** `[..., M, K] · [..., K, N]`, either operand transposed in its last two axes. */
  matmul(a: Tensor, b: Tensor, options?: { transposeA?: boolean; transposeB?: boolean }): Tensor;
}

/** What a VJP rule is given. */
export interface VjpContext<A = Attrs> {
  /** Builds the gradient, in the graph of the op itself. */
  readonly b: Builder;
  /** The op's operands. */
  readonly inputs: readonly Tensor[];
  /** The op's result, for rules that are shorter in terms of it (exp, sigmoid, √). */
  readonly output: Tensor;
  /** The op's fixed arguments. */
  readonly attrs: A;
  /** d loss / d output, of the output's shape. */
  readonly grad: Tensor;
  /** Which inputs a gradient is asked of; the others may be left undefined to save work. */
  readonly needs: readonly boolean[];
}

/** d loss / d input for each input; undefined where there is none (labels, masks). */
export type Vjp<A = Attrs> = (context: VjpContext<A>) => readonly (Tensor | undefined)[];

/** Work of one call: `flops` counts a multiply-add as two; `bytes` counts each operand once. */
export interface Cost {
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes read and written. */
  readonly bytes: number;
}

/** A way to compute a call in equal parts, for devices that cannot bind a tensor as a whole. */
export interface Cut {
  /** For each input, the axis along which it is cut; undefined where every part needs all of it. */
  readonly inputs: readonly (number | undefined)[];
  /** The axis along which the parts' results lie side by side, or how they are combined. */
  readonly output: number | "sum" | "max";
  /** Attributes of a part that differ from the whole's: those that hold sizes or places. */
  readonly attrs?: (part: number, parts: number) => Attrs;
}

/** Sizes known when a kernel is generated. */
export interface Call<A = Attrs> {
  /** Shapes of the operands. */
  readonly inputs: readonly Shape[];
  /** Shape of the result. */
  readonly output: Shape;
  /** Fixed arguments. */
  readonly attrs: A;
}

/**
 * A WGSL kernel. `code` holds the `@compute` entry point `main` and may use, all written by the assembler
 * (`src/device/webgpu/assemble.ts`):
 *
 * - `p.<name>`: the numbers of {@link Kernel.params}, as `u32`;
 * - `load<k>(i)`: element i of input k, of type `reads[k]`: of an input in {@link Kernel.prologue}, a fused producer is
 *   computed on the fly; the others are operands that are read many times, and a device may keep them where reading is
 *   cheap;
 * - `quotient(a, b)` and `remainder(a, b)`: of indices below 2^31, many times faster than `/` and `%` of variables;
 * - `emit(i, value)`: writes element i of the output, of type `writes`: a fused consumer is applied first.
 *
 * For `vec4f` the index counts groups of four elements.
 */
export interface Wgsl {
  /** The text, from the entry point's helpers on; bindings and structures are put before it. */
  readonly code: string;
  /** Element type in which each input is seen. */
  readonly reads: readonly ("f32" | "vec4f")[];
  /** Element type in which the output is written. */
  readonly writes: "f32" | "vec4f";
  /**
   * For prologue inputs that are read in runs: their length in elements. The kernel calls `enter<k>(i)` with an index
   * in the run before it reads from a run that starts at a multiple of this. What the fused producer broadcasts over
   * the run is then read once. Without runs, `enter<k>` does nothing.
   */
  readonly runs?: Readonly<Record<number, number>>;
  /** Likewise for the output: `enterEmit(i)` comes before writing to a run, for what the fused consumer broadcasts. */
  readonly emitRun?: number;
  /** Workgroups to launch, each at most 65,535. */
  readonly grid: readonly [number, number, number];
}

/** gpu.js's view of a running kernel: one call computes one element of the flat output. */
export interface KernelThis {
  /** `x` is the output element that this call computes. */
  readonly thread: { readonly x: number };
  /** The numbers of {@link Kernel.params}. */
  readonly constants: Readonly<Record<string, number>>;
}

/** A gpu.js kernel: plain JavaScript in gpu.js's subset; flat inputs, returns output element `this.thread.x`. */
// deno-lint-ignore no-explicit-any
export type KernelFunction = (this: KernelThis, ...inputs: any[]) => number;

/** What kind of GPU: a card, one that shares a chip and its memory with a processor, or Apple's. */
export type GpuKind = "discrete" | "integrated" | "apple";

/** What a kernel's WGSL is written for. */
export interface Target {
  /** Is it a software adapter? Loads and barriers are dear there, and accumulators that spill are cheap. */
  readonly isSoftware: boolean;
  /**
   * Of a GPU, its kind; undefined where its names do not tell. It decides which variant is the first, and so the
   * heuristic's.
   */
  readonly gpuKind?: GpuKind;
}

/** How a primitive runs on each device. */
export interface Kernel<A = Attrs> {
  /**
   * Names of the kernel's variants, such as the sides of a tile: the one that the heuristic chooses comes first, then
   * those worth timing, the likeliest first. Each is right for every call, of whatever sizes, within the limits that
   * WebGPU promises, and within `bounds.ts`. Without it there is one variant.
   */
  readonly candidates?: (call: Call<A>, target: Target) => readonly string[];
  /** The numbers the kernel needs: `p.<name>` in WGSL, `this.constants.<name>` in gpu.js. */
  params(call: Call<A>): Readonly<Record<string, number>>;
  /**
   * Inputs that are read only through `load<k>(i)`, each element few times, so that an elementwise producer
   * may be computed where it is read instead of being stored.
   */
  readonly prologue?: readonly number[];
  /** Can equal calls on other operands be computed side by side? Then every input is in `prologue`. */
  readonly joins?: boolean;
  /**
   * The WGSL for these sizes. Calls with the same text share a pipeline: sizes belong to `params` where that is no
   * slower.
   *
   * @param candidate Which of `candidates`; the first of this call's where it is left out.
   * @param calls How many are computed side by side. If there are several, `load<k>` gives a structure `Loaded<k>`, and
   *   `emit` takes an `Emitted`, with the values `v0`, `v1`, … of each.
   */
  wgsl(call: Call<A>, target: Target, candidate?: string, calls?: number): Wgsl;
  /** The gpu.js kernel. On `Float64Array`s it is the reference of the tests. */
  readonly gpujs: KernelFunction;
  /** Constants that `gpujs` takes as one more array, after its inputs; in WGSL they are part of the text. */
  readonly table?: (call: Call<A>) => readonly number[];
}

/** Values of a sample's input. */
export interface SampleInput {
  /** Sizes of its axes. */
  readonly shape: Shape;
  /**
   * `normal` (the default); `positive`: in [0.5, 1.5]; `distinct`: no two closer than 0.01 and none within 0.01 of 0,
   * for kinks; `integer`: 0, 1, … below `below`; `probability`: rows that sum to 1.
   */
  readonly values?: "normal" | "positive" | "distinct" | "integer" | "probability";
  /** `integer`: the first number that does not occur; default 2. */
  readonly below?: number;
}

/** A case the tests check on every device, forward and backward, and the bench times. */
export interface OpSample<A = Attrs> {
  /** Operands. */
  readonly inputs: readonly SampleInput[];
  /** Fixed arguments; default none. */
  readonly attrs?: A;
  /** Absolute part of the tolerance: |got − want| may be `abs + rel · |want|`; default 1e-5. */
  readonly abs?: number;
  /** Relative part of the tolerance; default 1e-5. */
  readonly rel?: number;
  /** Inputs without a gradient (labels). */
  readonly noGrad?: readonly number[];
  /** A size worth timing: left out of the tests. */
  readonly bench?: boolean;
}

/** An op in terms of others. */
export type Lowering<A = Attrs> = (b: Builder, inputs: readonly Tensor[], attrs: A) => Tensor;

/**
 * Compositions that may take the place of an op's own; of a kernel's where a device takes all tensors of the call
 * whole.
 */
export interface Alternatives<A = Attrs> {
  /** Names of those worth timing for a call; a kernel's candidates have other names. */
  names(call: Call<A>, target: Target): readonly string[];
  /** The composition called so, which is right for every call, of whatever sizes; undefined for other names. */
  lowering(name: string): Lowering<A> | undefined;
}

/** What every op has. */
interface AnyOp<A> {
  /** Key in the registry: lower camel case. */
  readonly name: string;
  /** Shape of the output. Throws TypeError with the shapes given and what would fit. */
  shape(inputs: readonly Shape[], attrs: A): Shape;
  /** Vector–Jacobian product. An op without one stops gradients, as comparisons do. */
  readonly vjp?: Vjp<A>;
  /**
   * Of an op of one operand: elementwise ops that commute with it. A call on what one of them gives is built the other
   * way round, since there are fewer numbers after it.
   */
  readonly commutesWith?: readonly string[];
  /** Work of a call, for the bench and the command `models`. */
  cost(call: Call<A>): Cost;
  /** Are its FLOPs the multiply-adds that a model is said to have? So it is for convolutions and products. */
  readonly isProduct?: boolean;
  /** Ways to compute a call in parts, the cheapest first; a primitive without any needs all of its tensors whole. */
  readonly cuts?: (call: Call<A>) => readonly Cut[];
  /** Most that the value is off by, in exact arithmetic, where its formula is an approximation; default 0. */
  readonly error?: number;
  /** Calls that the tests check and the bench times: every branch of the kernels, odd sizes, a size worth timing. */
  readonly samples: readonly OpSample<A>[];
}

/** A row of the elementwise table: a primitive that is computed where its value is used. */
export interface ElementwiseOp<A = Attrs> extends AnyOp<A> {
  readonly kind: "elementwise";
  /** Source of the value from the operands' sources. */
  readonly expression: (emit: Emit, operands: readonly string[], attrs: A) => string;
  /** Does the value depend on the element's position? Then it is another number for each element of what reads it. */
  readonly isPositional: boolean;
  readonly kernel?: undefined;
  readonly lower?: undefined;
  readonly alternatives?: undefined;
}

/** A composition: the op in terms of others, which take its place after differentiation. */
export interface ComposedOp<A = Attrs> extends AnyOp<A> {
  readonly kind: "composed";
  readonly lower: Lowering<A>;
  /** Compositions that a device may choose by measurement in the place of `lower`. */
  readonly alternatives?: Alternatives<A>;
  readonly kernel?: undefined;
  readonly expression?: undefined;
}

/**
 * How a result is held in a step in half precision: in 16 bits; in 32, if it needs range or digits, such as sums; or as
 * the operand was, which is only moved.
 */
export type Held = "half" | "full" | "moved";

/** A primitive with kernels. */
export interface KernelOp<A = Attrs> extends AnyOp<A> {
  readonly kind: "kernel";
  readonly kernel: Kernel<A>;
  /** Compositions that a device may choose by measurement in the place of the kernel. */
  readonly alternatives?: Alternatives<A>;
  /** What half precision makes of its result, and which of its operands stay in 32 bits whatever computed them. */
  readonly precision: {
    readonly result: Held | ((attrs: A) => Held);
    /** `full` where it subtracts large numbers from each other. */
    readonly operands?: "full";
  };
  /**
   * Of an op that only takes rows along the first axis from an operand, or puts its operands' rows together there: a
   * tensor that is held in parts is then moved part by part.
   */
  readonly rows?: (attrs: A) => "taken" | "joined" | undefined;
  readonly lower?: undefined;
  readonly expression?: undefined;
}

/** One op, whole. */
export type Op<A = Attrs> = ElementwiseOp<A> | ComposedOp<A> | KernelOp<A>;

/**
 * Defines an op with typed attributes. In the registry, and to those who call it by name, its attributes are any: they
 * are what `shape` lets pass.
 */
export function defineOp<A>(op: KernelOp<A>): KernelOp;
export function defineOp<A>(op: ComposedOp<A>): ComposedOp;
export function defineOp<A>(op: ElementwiseOp<A>): ElementwiseOp;
export function defineOp<A>(op: Op<A>): Op {
  return op as unknown as Op;
}

/**
 * In how many runs, of `runs` or fewer, a sum is cut whose partial results lie side by side in one tensor that a device
 * takes whole.
 */
export function runsThatFit({ maxBytes }: Pick<Builder, "maxBytes">, runs: number, result: Shape): number {
  return Math.max(1, Math.min(runs, Math.floor(maxBytes / (4 * sizeOf(result)))));
}

/** The cut of what treats images [N, …] one by one: input 0 is cut, and others too where `alike` names them. */
export const byImage = (inputs: number, alike: readonly number[] = [0]): readonly Cut[] => [
  { inputs: Array.from({ length: inputs }, (_, k) => alike.includes(k) ? 0 : undefined), output: 0 },
];

/** Number of elements of a shape. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Bytes of a call that reads each input and writes the output once. */
export function bytesOf(call: Call): number {
  return 4 * (sizeOf(call.output) + call.inputs.reduce((sum, shape) => sum + sizeOf(shape), 0));
}

/** Most workgroups a dispatch may have along one axis. */
export const MAX_GRID = 65535;

/**
 * Grid for `count` independent invocations in workgroups of `workgroup`. Kernels recover the flat index with `(wid.y *
 * num.x + wid.x) * workgroup + local`, and return when it is past the end.
 */
export function linearGrid(count: number, workgroup: number): [number, number, number] {
  const groups = Math.max(1, Math.ceil(count / workgroup));
  const y = Math.ceil(groups / MAX_GRID);
  return [Math.ceil(groups / y), y, 1];
}

/** `[2, 3] and [4, 5]`, for error messages. */
export function shapesText(shapes: readonly Shape[]): string {
  return shapes.map((shape) => `[${shape.join(", ")}]`).join(" and ");
}
