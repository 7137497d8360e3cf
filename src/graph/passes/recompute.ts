/**
 * Recomputation (Chen et al., 2016, "Training Deep Nets with Sublinear Memory Cost"): activations of the forward pass
 * are not held until the backward pass needs them. They are computed again when it comes to them, from a few that are
 * kept.
 *
 * The forward pass is cut where one tensor alone goes on, as after a residual block. Of these places some are kept, so
 * that what is kept and the largest piece between two of them take the least together. Small tensors, such as a batch
 * norm's statistics, are kept too: they cost a pass over a large one.
 *
 * A differentiated graph is copied, and where the backward pass reads an activation of the forward pass, its nodes are
 * added again. What such a piece starts from is a `reshape` with the attribute `again`. That is a name and no work:
 * else the builder would give the nodes that are there already.
 *
 * @module
 */

import { sizeOf, type Tensor } from "../../../kernels/op.ts";
import { GraphBuilder } from "../builder.ts";
import { type Graph, liveNodes, type Node, storageOf, STRUCTURAL } from "../graph.ts";
import { rebuild } from "./lower.ts";

/** A tensor so many times smaller than the largest is kept. */
const SMALL = 64;

/** What is held must fall to this share of all activations for computing them again to be worth its time. */
const WORTH = 0.7;

/**
 * The same graph, in which the backward pass computes activations again.
 *
 * @param graph A differentiated graph, not lowered.
 * @param loss Its loss: what was built before is the forward pass, what comes after it the backward pass.
 */
export function recompute(graph: Graph, loss: Tensor): Graph {
  return new Recomputation(graph, loss.id).graph();
}

class Recomputation {
  readonly #from: Graph;
  readonly #nodes: readonly Node[];
  readonly #isForward: (node: Node) => boolean;
  /** Large nodes of the forward pass that depend on a tensor given at each run. */
  readonly #activations: ReadonlySet<Node>;
  /** The piece of the forward pass that an activation is computed in; none for what is kept. */
  readonly #pieces: ReadonlyMap<Node, number>;
  readonly #b: GraphBuilder;
  readonly #copies = new Map<Node, Tensor>();
  /** Activations that were computed again. */
  readonly #again = new Map<Node, Tensor>();

  constructor(from: Graph, lossId: number) {
    this.#from = from;
    this.#b = new GraphBuilder({ precision: from.precision });
    this.#nodes = liveNodes(from);
    this.#isForward = ({ id }) => id <= lossId;
    this.#activations = this.#findActivations();
    this.#pieces = this.#cutInPieces();
  }

  graph(): Graph {
    for (const node of this.#nodes) {
      const inputs = node.inputs.map((input) =>
        this.#isForward(node) ? this.#copies.get(input)! : this.#valueOf(input)
      );
      this.#copies.set(node, rebuild(this.#b, node, inputs));
    }
    for (const [name, node] of Object.entries(this.#from.outputs)) this.#b.output(name, this.#copies.get(node)!);
    for (const { state, value } of this.#from.assignments) this.#b.assign(state, this.#copies.get(value)!);
    return this.#b.graph;
  }

  /** What the backward pass uses for a node. */
  #valueOf(node: Node): Tensor {
    const piece = this.#pieces.get(node);
    if (piece === undefined) return this.#copies.get(node)!;
    let again = this.#again.get(node);
    if (!again) {
      // What a piece starts from gets another name there: else its nodes would be the same as the first time.
      const inputs = node.inputs.map((input) =>
        this.#pieces.get(input) === piece ? this.#valueOf(input) : this.#startOf(input, piece)
      );
      this.#again.set(node, again = rebuild(this.#b, node, inputs));
    }
    return again;
  }

  #startOf(node: Node, piece: number): Tensor {
    const kept = this.#copies.get(node)!;
    return this.#activations.has(node) ? this.#b.again(kept, piece) : kept;
  }

  #findActivations(): Set<Node> {
    const given = new Set<Node>();
    for (const node of this.#nodes) {
      if (!this.#isForward(node)) break;
      const isTensor = node.op === "input" && node.shape.length > 0;
      if (isTensor || node.inputs.some((input) => given.has(input))) given.add(node);
    }
    const largest = Math.max(...[...given].map(({ shape }) => sizeOf(shape)));
    return new Set([...given].filter(({ shape }) => sizeOf(shape) * SMALL > largest));
  }

  /** The pieces, of which the last is kept whole: the backward pass comes to it at once. */
  #cutInPieces(): Map<Node, number> {
    const forward = [...this.#activations];
    const used = new Set(
      this.#nodes.filter((node) => !this.#isForward(node)).flatMap(({ inputs }) => inputs.map(storageOf)),
    );
    const bytes = (node: Node) => used.has(node) ? 4 * sizeOf(node.shape) : 0;
    const cuts = this.#narrowPlaces(forward);
    const total = forward.reduce((sum, node) => sum + bytes(node), 0);
    /** Pieces of at least `least` bytes, each ending with a kept node. */
    const split = (least: number) => {
      const pieces = new Map<Node, number>();
      let [piece, inPiece, largest, kept] = [0, 0, 0, 0];
      for (const node of forward) {
        inPiece += bytes(node);
        if (cuts.has(node) && inPiece >= least) {
          kept += 4 * sizeOf(node.shape);
          largest = Math.max(largest, inPiece);
          [piece, inPiece] = [piece + 1, 0];
        } else if (node.op !== "input") {
          pieces.set(node, piece);
        }
      }
      for (const [node, own] of pieces) if (own === piece) pieces.delete(node);
      return { pieces, cost: kept + Math.max(largest, inPiece) };
    };
    const counts = Array.from({ length: Math.max(1, cuts.size) }, (_, k) => k + 1);
    const best = counts.map((count) => split(total / count)).reduce((best, other) =>
      other.cost < best.cost ? other : best
    );
    return best.cost < WORTH * total ? best.pieces : new Map();
  }

  /** Activations that alone are used after them. */
  #narrowPlaces(forward: readonly Node[]): Set<Node> {
    const lastUse = new Map<Node, number>();
    for (const node of forward) {
      for (const input of node.inputs) {
        lastUse.set(storageOf(input), Math.max(lastUse.get(storageOf(input)) ?? 0, node.id));
      }
    }
    const narrow = new Set<Node>();
    const open = new Set<Node>();
    for (const node of forward) {
      if (!STRUCTURAL.has(node.op)) open.add(node);
      for (const other of open) if ((lastUse.get(other) ?? 0) <= node.id) open.delete(other);
      if (open.size === 1 && open.has(node)) narrow.add(node);
    }
    return narrow;
  }
}
