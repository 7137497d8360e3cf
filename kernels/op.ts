/**
 * What an op is. Every op of Fovea is one object of type {@link Op}, in one file of this folder: its shape
 * rule, its gradient, its cost and either its kernels (a primitive) or its composition from other ops.
 *
 * @module
 */

/** Sizes of a tensor's axes, outermost first; `[]` is a scalar. Everything is float32. */
export type Shape = readonly number[];

/** Fixed arguments of an op: part of the graph, known before anything runs. */
export type Attrs = Readonly<Record<string, number | boolean | string | readonly number[]>>;

/** A symbolic tensor: a node of a graph, not its values. */
export interface Tensor {
  /** Position in the graph's list of nodes. */
  readonly id: number;
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
  /** Any op of the registry by its name. */
  op(name: string, inputs: readonly Operand[], attrs?: Attrs): Tensor;

  // Elementwise, with NumPy's broadcasting.
  add(a: Operand, b: Operand): Tensor;
  sub(a: Operand, b: Operand): Tensor;
  mul(a: Operand, b: Operand): Tensor;
  div(a: Operand, b: Operand): Tensor;
  neg(x: Tensor): Tensor;
  exp(x: Tensor): Tensor;
  log(x: Tensor): Tensor;
  sqrt(x: Tensor): Tensor;
  rsqrt(x: Tensor): Tensor;
  square(x: Tensor): Tensor;
  sigmoid(x: Tensor): Tensor;
  tanh(x: Tensor): Tensor;
  relu(x: Tensor): Tensor;
  maximum(a: Operand, b: Operand): Tensor;
  minimum(a: Operand, b: Operand): Tensor;
  /** 1 where a > b, else 0. */
  greater(a: Operand, b: Operand): Tensor;
  /** 1 where a = b, else 0. */
  equal(a: Operand, b: Operand): Tensor;
  /** `a` where `condition` is not 0, else `b`. */
  where(condition: Tensor, a: Operand, b: Operand): Tensor;

  // Reductions; the reduced axes stay with size 1 unless `keepDims` is false. No axes: all of them.
  sum(x: Tensor, axes?: readonly number[], keepDims?: boolean): Tensor;
  mean(x: Tensor, axes?: readonly number[], keepDims?: boolean): Tensor;
  max(x: Tensor, axes?: readonly number[], keepDims?: boolean): Tensor;
  /** Sums `x` over the axes that broadcasting `shape` to `x.shape` would add: the VJP of broadcasting. */
  sumTo(x: Tensor, shape: Shape): Tensor;

  // Movement.
  reshape(x: Tensor, shape: Shape): Tensor;
  permute(x: Tensor, order: readonly number[]): Tensor;
  slice(x: Tensor, start: readonly number[], size: readonly number[]): Tensor;
  /** Zeros before and after each axis. */
  pad(x: Tensor, before: readonly number[], after: readonly number[]): Tensor;
  concat(xs: readonly Tensor[], axis: number): Tensor;
  /** Repeats axes of size 1 until the shape is `shape`. */
  broadcastTo(x: Operand, shape: Shape): Tensor;

  /** `[..., M, K] · [..., K, N]`, either operand transposed in its last two axes. */
  matmul(a: Tensor, b: Tensor, options?: { transposeA?: boolean; transposeB?: boolean }): Tensor;
}

/** What a VJP rule is given. */
export interface VjpContext {
  readonly b: Builder;
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly attrs: Attrs;
  /** d loss / d output, of the output's shape. */
  readonly grad: Tensor;
  /** Which inputs a gradient is asked of; the others may be left undefined to save work. */
  readonly needs: readonly boolean[];
}

/** d loss / d input for each input; undefined where there is none (labels, masks). */
export type Vjp = (context: VjpContext) => readonly (Tensor | undefined)[];

/** Work of one call: `flops` counts a multiply-add as two; `bytes` counts each operand once. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

/** Sizes known when a kernel is generated. */
export interface Call {
  readonly inputs: readonly Shape[];
  readonly output: Shape;
  readonly attrs: Attrs;
}

/**
 * A WGSL kernel. `code` holds the `@compute` entry point `main` and may use, all written by the assembler
 * (`src/device/webgpu/assemble.ts`):
 *
 * - `p.<name>`: the numbers of {@link Kernel.params}, as `u32`;
 * - `in<k>[i]`: input k, an array of `reads[k]`, unless k is in {@link Kernel.prologue};
 * - `load<k>(i)`: element i of such an input, of type `reads[k]`: a fused producer is computed on the fly;
 * - `quotient(a, b)` and `remainder(a, b)`: of indices below 2^31, many times faster than `/` and `%` of variables;
 * - `emit(i, value)`: writes element i of the output, of type `writes`: a fused consumer is applied first.
 *
 * For `vec4f` the index counts groups of four elements.
 */
export interface Wgsl {
  readonly code: string;
  readonly reads: readonly ("f32" | "vec4f")[];
  readonly writes: "f32" | "vec4f";
  /**
   * For prologue inputs that are read in runs: their length in elements. The kernel calls `enter<k>(i)` with an index in
   * the run before it reads from a run that starts at a multiple of this; what the fused producer broadcasts over it
   * is then read once.
   */
  readonly runs?: Readonly<Record<number, number>>;
  /** Likewise for the output: `enterEmit(i)` comes before writing to a run, for what the fused consumer broadcasts. */
  readonly emitRun?: number;
  /** Workgroups to launch, each at most 65,535. */
  readonly grid: readonly [number, number, number];
}

/** gpu.js's view of a running kernel: one call computes one element of the flat output. */
export interface KernelThis {
  readonly thread: { readonly x: number };
  /** The numbers of {@link Kernel.params}. */
  readonly constants: Readonly<Record<string, number>>;
}

/** A gpu.js kernel: plain JavaScript in gpu.js's subset; flat inputs, returns output element `this.thread.x`. */
// deno-lint-ignore no-explicit-any
export type KernelFunction = (this: KernelThis, ...inputs: any[]) => number;

/** How a primitive runs on each device. */
export interface Kernel {
  /** The numbers the kernel needs: `p.<name>` in WGSL, `this.constants.<name>` in gpu.js. */
  params(call: Call): Readonly<Record<string, number>>;
  /**
   * Inputs that are read only through `load<k>(i)`, each element few times, so that an elementwise producer
   * may be computed where it is read instead of being stored.
   */
  readonly prologue?: readonly number[];
  wgsl(call: Call): Wgsl;
  readonly gpujs: KernelFunction;
}

/** Values of a sample's input. */
export interface SampleInput {
  readonly shape: Shape;
  /**
   * `normal` (the default); `positive`: in [0.5, 1.5]; `distinct`: no two closer than 0.01 and none within 0.01 of 0, for kinks;
   * `integer`: 0, 1, … below `below`; `probability`: rows that sum to 1.
   */
  readonly values?: "normal" | "positive" | "distinct" | "integer" | "probability";
  readonly below?: number;
}

/** A case the tests check on every device, forward and backward, and the bench times. */
export interface Sample {
  readonly inputs: readonly SampleInput[];
  readonly attrs?: Attrs;
  /** Largest |got − want| allowed is `abs + rel · |want|`; defaults 1e-5 and 1e-5. */
  readonly abs?: number;
  readonly rel?: number;
  /** Inputs without a gradient (labels). */
  readonly noGrad?: readonly number[];
  /** A size worth timing: left out of the tests. */
  readonly bench?: boolean;
}

/** One op, whole. */
export interface Op {
  readonly name: string;
  /** Shape of the output. Throws TypeError with the shapes given and what would fit. */
  shape(inputs: readonly Shape[], attrs: Attrs): Shape;
  /** Vector–Jacobian product. An op without one stops gradients, and says so when it is differentiated. */
  readonly vjp?: Vjp;
  cost(call: Call): Cost;
  /** A composition: the op in terms of others. Replaced after differentiation. */
  readonly lower?: (b: Builder, inputs: readonly Tensor[], attrs: Attrs) => Tensor;
  /** A primitive: its kernels. Exactly one of `lower`, `kernel` and a row of the elementwise table is given. */
  readonly kernel?: Kernel;
  readonly samples: readonly Sample[];
}

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
 * Grid for `count` independent invocations in workgroups of `workgroup`; kernels recover the flat index with
 * `(wid.y * num.x + wid.x) * workgroup + local` and return when it is past the end.
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
