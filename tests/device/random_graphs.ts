/**
 * Random graphs: everything the graph and the devices can do, in combinations nobody would write down. A graph and its
 * values follow from a seed.
 *
 * Values stay within what float32 holds to about six digits: each tensor carries a bound on its magnitude, and
 * functions with a jump (comparisons, kinks under a gradient) are applied only to tensors that no arithmetic has
 * rounded.
 *
 * @module
 */

import { registry } from "../../kernels/mod.ts";
import { type Shape, sizeOf, type Tensor } from "../../kernels/op.ts";
import { randomKey, randomUniform } from "../../kernels/random.ts";
import { collapse } from "../../kernels/reduce/reduce.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { differentiate } from "../../src/graph/differentiate.ts";
import type { Graph } from "../../src/graph/graph.ts";

/** A graph with values for one run. */
export interface RandomGraph {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Float32Array>>;
  readonly states: Readonly<Record<string, Float32Array>>;
}

/** Random choices that follow from a seed. */
class Dice {
  readonly #key: [number, number];
  #thrown = 0;

  constructor(seed: number) {
    this.#key = randomKey(seed, 0);
  }

  /** In [0, 1). */
  next(): number {
    return randomUniform(this.#thrown++, 5, ...this.#key);
  }

  /** From 0 to below `count`. */
  below(count: number): number {
    return Math.floor(count * this.next());
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  shuffle<T>(list: readonly T[]): T[] {
    return list.map((value) => ({ value, at: this.next() })).sort((a, b) => a.at - b.at).map(({ value }) => value);
  }

  values(count: number): Float32Array {
    return Float32Array.from({ length: count }, () => 3 * this.next() - 1.5);
  }
}

/** A tensor of a random graph. */
interface Term {
  readonly x: Tensor;
  /** No element is larger. */
  readonly bound: number;
  /** Are its elements the given ones, in some order? */
  readonly exact: boolean;
}

const SIZES = [1, 2, 3, 4, 4, 5, 8, 16, 32];
const MAX_ELEMENTS = 1200;
const MAX_RANK = 4;

class Growth {
  readonly b = new GraphBuilder();
  readonly dice: Dice;
  readonly terms: Term[] = [];
  readonly inputs: Record<string, Float32Array> = {};
  readonly states: Record<string, Float32Array> = {};
  readonly stateTerms = new Map<string, Term>();
  readonly key: readonly [Tensor, Tensor];

  constructor(seed: number) {
    this.dice = new Dice(seed);
    this.key = [this.scalarInput("keyHi", this.dice.below(65536)), this.scalarInput("keyLo", this.dice.below(65536))];
    const base = Array.from({ length: 1 + this.dice.below(MAX_RANK) }, () => this.dice.pick(SIZES));
    while (sizeOf(base) > MAX_ELEMENTS) base.pop();
    for (let k = 0; k < 2 + this.dice.below(3); k++) this.given("input", `x${k}`, this.partner(base));
    for (let k = 0; k < 2 + this.dice.below(3); k++) this.given("state", `s${k}`, k < 2 ? base : this.partner(base));
    this.terms.push({ x: this.scalarInput("rate", this.dice.next()), bound: 1, exact: true });
  }

  scalarInput(name: string, value: number): Tensor {
    this.inputs[name] = Float32Array.of(value);
    return this.b.input(name, []);
  }

  given(kind: "input" | "state", name: string, shape: Shape): void {
    const term = { x: this.b[kind](name, shape), bound: 1.5, exact: true };
    (kind === "input" ? this.inputs : this.states)[name] = this.dice.values(sizeOf(shape));
    this.terms.push(term);
    if (kind === "state") this.stateTerms.set(name, term);
  }

  /** `shape`, or one that broadcasts to it: some axes of size 1, some leading ones left out. */
  partner(shape: Shape): Shape {
    if (this.dice.chance(0.5)) return shape;
    return shape.slice(this.dice.below(shape.length + 1)).map((size) => this.dice.chance(0.4) ? 1 : size);
  }

  add(x: Tensor, bound: number, exact = false): void {
    // Beyond this, a difference of two numbers would lose digits.
    this.terms.push(
      bound <= 8 ? { x, bound, exact } : { x: this.b.tanh(this.b.mul(x, 4 / bound)), bound: 1, exact: false },
    );
  }

  /** One more tensor, by a random op on random tensors. */
  grow(): void {
    const term = this.dice.pick(this.dice.chance(0.5) ? this.terms : this.terms.slice(-6));
    this.dice.pick([
      this.unary,
      this.binary,
      this.binary,
      this.binary,
      this.select,
      this.reduce,
      this.reduce,
      this.move,
      this.move,
      this.normalise,
      this.draw,
      this.product,
      this.join,
      this.pool,
    ]).call(this, term);
  }

  unary({ x, bound, exact }: Term): void {
    const { b } = this;
    const soft = b.add(b.square(x), 0.5);
    const [y, max] = this.dice.pick<() => [Tensor, number]>([
      () => [b.neg(x), bound],
      () => [b.sigmoid(x), 1],
      () => [b.tanh(x), 1],
      () => [b.square(x), bound ** 2],
      () => [b.op("softplus", [x]), bound + 1],
      () => [b.exp(b.minimum(x, 1)), 3],
      () => [b.log(soft), Math.log(bound ** 2 + 1) + 1],
      () => [b.sqrt(soft), bound + 1],
      () => [b.rsqrt(soft), 1.5],
      () => [b.relu(exact ? x : b.add(b.op("softplus", [x]), 0.1)), bound + 1],
      () => [b.op("abs", [exact ? x : soft]), bound ** 2 + 1],
      () => [b.op("isFinite", [x]), 1],
    ])();
    this.add(y, max);
  }

  /** A tensor that broadcasts with `x` to something that is not too large. */
  fitting(x: Tensor, mustBeExact = false): Term {
    const rank = (other: Tensor) => Math.max(x.shape.length, other.shape.length);
    const fits = this.terms.filter(({ x: other, exact }) => {
      const sizes = Array.from(
        { length: rank(other) },
        (_, k) => [x.shape.at(-1 - k) ?? 1, other.shape.at(-1 - k) ?? 1],
      );
      return (exact || !mustBeExact) && sizes.every(([m, n]) => m === n || m === 1 || n === 1) &&
        sizes.reduce((product, [m, n]) => product * Math.max(m, n), 1) <= MAX_ELEMENTS;
    });
    const value = this.dice.pick([0, 1, -1, 0.5, 0.1, 1e-3, -2.5]);
    if (fits.length === 0 || this.dice.chance(0.2)) {
      return { x: this.b.constant(value), bound: Math.abs(value), exact: true };
    }
    return this.dice.pick(fits);
  }

  binary({ x, bound, exact }: Term): void {
    const { b } = this;
    const other = this.fitting(x);
    const [y, max] = this.dice.pick<() => [Tensor, number]>([
      () => [b.add(x, other.x), bound + other.bound],
      () => [b.sub(other.x, x), bound + other.bound],
      () => [b.mul(x, other.x), bound * other.bound],
      () => [b.div(x, b.add(b.square(other.x), 0.5)), 2 * bound],
    ])();
    this.add(y, max);
    if (!exact || !this.dice.chance(0.3)) return;
    const compared = this.fitting(x, true);
    const op = this.dice.pick(["maximum", "minimum", "greater", "equal"]);
    this.add(b.op(op, this.dice.shuffle([x, compared.x])), Math.max(bound, compared.bound, 1));
  }

  select(term: Term): void {
    if (!term.exact) return;
    const condition = this.b.greater(term.x, 0.25);
    const a = this.fitting(term.x);
    const c = this.fitting(this.b.add(term.x, a.x));
    this.add(this.b.where(condition, a.x, c.x), Math.max(a.bound, c.bound));
  }

  reduce({ x, bound, exact }: Term): void {
    const axes = [...x.shape.keys()].filter(() => this.dice.chance(0.5));
    if (!collapse(x.shape, axes)) return;
    const keep = this.dice.chance(0.6);
    const count = sizeOf(axes.map((axis) => x.shape[axis]));
    if (exact && this.dice.chance(0.3)) return this.add(this.b.max(x, axes, keep), bound);
    if (this.dice.chance(0.5)) return this.add(this.b.mean(x, axes, keep), bound);
    this.add(this.b.sum(x, axes, keep), bound * count);
  }

  move({ x, bound, exact }: Term): void {
    const { b, dice } = this;
    const { shape } = x;
    const counts = () => shape.map(() => dice.below(3));
    const padded = dice.shuffle(shape.map((_, axis) => axis)).slice(0, 2);
    const some = () => counts().map((count, axis) => padded.includes(axis) ? count : 0);
    const start = shape.map((size) => dice.below(size));
    const grown = [dice.pick([1, 2, 4]), ...shape.map((size) => size === 1 ? dice.pick([1, 3, 4]) : size)];
    const moved = dice.pick<() => Tensor>([
      () => b.reshape(x, this.factors(sizeOf(shape))),
      () => b.reshape(x, this.factors(sizeOf(shape))),
      () => b.permute(x, dice.shuffle([...shape.keys()])),
      () => b.slice(x, start, shape.map((size, axis) => 1 + dice.below(size - start[axis]))),
      () => b.pad(x, some(), some()),
      () => shape.length > 0 ? b.concat([x, x, b.neg(x)].slice(dice.below(3)), dice.below(shape.length)) : x,
      () => sizeOf(grown) <= MAX_ELEMENTS ? b.broadcastTo(x, grown) : x,
    ])();
    // Zeros that were padded would tie; a kernel takes no scalar without memory.
    if (sizeOf(moved.shape) <= MAX_ELEMENTS) this.add(moved, bound, exact && sizeOf(moved.shape) <= sizeOf(shape));
  }

  factors(size: number): number[] {
    const factors: number[] = [];
    for (let rest = size; rest > 1 || this.dice.chance(0.2);) {
      const divisors = Array.from({ length: rest }, (_, k) => k + 1).filter((k) => rest % k === 0);
      const factor = factors.length === MAX_RANK - 1 ? rest : this.dice.pick(divisors);
      factors.push(factor);
      rest /= factor;
      if (factors.length === MAX_RANK) break;
    }
    return factors;
  }

  normalise({ x }: Term): void {
    const { b, dice } = this;
    const { shape } = x;
    if (shape.length === 0) return;
    if (dice.chance(0.3)) return this.add(b.op("softmax", [x]), 1);
    if (dice.chance(0.3)) return this.add(b.op("logSoftmax", [x]), 8);
    if (shape.length < 2) return;
    const perChannel = () => b.reshape(b.broadcastTo(dice.pick([0.5, 1.25]), [shape[1]]), [shape[1]]);
    this.add(b.op("batchNorm", [x, perChannel(), perChannel()], { eps: 0.1 }), 8);
  }

  draw({ x, bound }: Term): void {
    this.add(this.b.op("dropout", [x, ...this.key], { rate: 0.25, stream: this.dice.below(100) }), 2 * bound);
  }

  product({ x, bound }: Term): void {
    if (!registry.has("matmul") || x.shape.length < 2) return;
    this.add(this.b.matmul(x, x, { transposeB: true }), bound ** 2 * x.shape.at(-1)!);
  }

  /** Two sums of many tensors side by side: more than one kernel can bind. */
  join({ x }: Term): void {
    if (x.shape.length === 0) return;
    const sides = [0, 1].map(() => {
      const others = this.dice.shuffle(this.terms.filter((term) => `${term.x.shape}` === `${x.shape}`)).slice(0, 7);
      return others.map((term) => this.b.mul(term.x, 1 / Math.max(1, term.bound))).reduce((sum, part) =>
        this.b.add(sum, part)
      );
    });
    this.add(this.b.concat(sides, this.dice.below(x.shape.length)), 7);
  }

  pool({ x, bound, exact }: Term): void {
    if (x.shape.length !== 4 || x.shape[2] < 2 || x.shape[3] < 2) return;
    const kernel = 2;
    const window = { kernel, stride: 1 + this.dice.below(2), padding: this.dice.below(2) };
    this.add(this.b.op("avgPool2d", [x], window), bound);
    if (exact) this.add(this.b.op("maxPool2d", [x], window), bound);
  }

  /** Gradients of a smooth number that depends on `x`, of some states and inputs. */
  differentiate({ x }: Term): void {
    const loss = this.b.mean(this.b.square(this.b.tanh(x)), undefined, false);
    const sources = this.dice.shuffle(
      this.terms.filter((term) => term.exact && ["input", "state"].includes(opOf(term.x))),
    );
    const grads = differentiate(this.b, loss, sources.slice(0, 3).map(({ x }) => x));
    // Chains of square roots and quotients may be steep.
    for (const grad of grads) this.add(this.b.tanh(grad), 1);
  }

  /** New values for the states: of old ones, of gradients, exchanged, constant. */
  assign(): void {
    const { b, dice } = this;
    const names = dice.shuffle([...this.stateTerms.keys()]);
    for (const name of names) {
      if (dice.chance(0.2)) continue;
      const { x } = this.stateTerms.get(name)!;
      const sameSize = this.terms.filter((term) => sizeOf(term.x.shape) === sizeOf(x.shape));
      const sameShape = this.terms.filter((term) => `${term.x.shape}` === `${x.shape}`);
      const value = dice.pick<() => Tensor>([
        () => b.reshape(dice.pick(sameSize).x, x.shape),
        () => dice.pick(sameShape).x,
        () => b.sub(x, b.mul(dice.pick(sameShape).x, 0.5)),
        () => b.broadcastTo(dice.pick([0, 2.5]), x.shape),
        // Another state's old value, often exchanged with this one's.
        () => dice.pick([...this.stateTerms.values()].filter((term) => `${term.x.shape}` === `${x.shape}`)).x,
        // Reads the old value where it does not write.
        () => b.reshape(b.permute(b.reshape(x, [x.shape[0] ?? 1, sizeOf(x.shape.slice(1))]), [1, 0]), x.shape),
      ])();
      b.assign(name, value);
    }
  }

  /**
   * States of several sizes with updates of one formula, as an optimiser has them: matrices, and rows that those read
   * too.
   */
  learn(): void {
    const { b, dice } = this;
    const pull = b.tanh(b.mean(dice.pick(this.terms).x, undefined, false));
    const sizes = Array.from({ length: 4 + dice.below(4) }, () => [2 + dice.below(40), 2 + 2 * dice.below(9)]);
    const state = (name: string, shape: Shape): Tensor => {
      this.given("state", name, shape);
      return this.stateTerms.get(name)!.x;
    };
    const rows = sizes.map(([, columns], k) => state(`row${k}`, [columns]));
    sizes.forEach((shape, k) => {
      const w = state(`w${k}`, shape);
      b.assign(`w${k}`, b.sub(b.mul(w, 0.9), b.mul(b.mul(rows[k], 0.01 * (k + 2)), pull)));
    });
    rows.forEach((row, k) => b.assign(`row${k}`, b.add(b.mul(row, 0.5), b.mul(pull, 0.1 * (k + 2)))));
  }
}

const opOf = (x: Tensor): string => (x as Tensor & { op: string }).op;

/** The graph of a seed. */
export function randomGraph(seed: number): RandomGraph {
  const growth = new Growth(seed);
  const { b, dice } = growth;
  const count = 6 + dice.below(40);
  for (let k = 0; k < count; k++) growth.grow();
  if (dice.chance(0.6)) {
    growth.differentiate(growth.terms.at(-1)!);
    for (let k = 0; k < 4; k++) growth.grow();
  }
  growth.assign();
  for (let k = 0; k < 3 + dice.below(4); k++) b.output(`y${k}`, dice.pick(growth.terms).x);
  b.output("last", growth.terms.at(-1)!.x);
  if (dice.chance(0.2)) b.output("constant", b.constant(0.3));
  if (dice.chance(0.6)) growth.learn();
  return { graph: b.graph, inputs: growth.inputs, states: growth.states };
}
