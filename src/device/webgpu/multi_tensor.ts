/**
 * One dispatch for many maps: those of one text over tensors of whatever sizes, such as the updates of all parameters.
 * Each map is a row of a table of numbers, and each workgroup looks up whose it is (PyTorch calls the same
 * `multi_tensor_apply`).
 *
 * A row's tensors are found by their offsets in windows of the buffers that programs share. Windows begin at multiples
 * of what can be bound, so that no two overlap. A tensor that lies across such a border has a dispatch of its own.
 *
 * A row has its map's numbers, the offsets of its tensors and its first workgroup; the table is in the uniform buffer.
 * A ResNet-50's 161 parameters and 106 running statistics, with their momentum, take 2 dispatches where a buffer can
 * be bound as a whole, and 13 through llvmpipe's 128 MiB. For that, State lies side by side, and a map may be held
 * back until something writes what it reads, or touches what it writes.
 *
 * @module
 */

import { linearGrid } from "../../../kernels/op.ts";
import type { Node } from "../../graph/graph.ts";
import type { FusedStep } from "../../graph/fused_step.ts";
import type { Plan } from "../../graph/passes/plan.ts";
import { ALIGNMENT, overlap, type PagePlace, placeKey, type TensorPlace } from "../../graph/place.ts";
import type { InPages } from "../state_pages.ts";
import { type Assembled, assembleRow } from "./assemble.ts";
import { bindMap, type TargetDevice } from "./bound_step.ts";

/** Bytes of a table that every device takes. */
const MOST_TABLE = 65536;

/** What dispatches are written for. */
export interface DispatchDevice extends TargetDevice {
  /** Bytes of a buffer that can be bound. */
  readonly maxBinding: number;
}

/** What a dispatch computes. */
export interface Packed {
  /** One step, or several maps. */
  readonly steps: readonly FusedStep[];
  /** Of several. */
  readonly assembled?: Assembled;
}

/** The steps of a plan in an order that does the same, those maps together that can be. */
export function pack(plan: Plan, device: DispatchDevice, inPages: InPages): Packed[] {
  const packer = new Packer(plan, device, inPages);
  return [...plan.steps.flatMap((step) => packer.add(step)), ...packer.finish()];
}

class Packer {
  readonly #plan: Plan;
  readonly #device: TargetDevice;
  readonly #inPages: InPages;
  /** Bytes of a window. */
  readonly #most: number;
  /** Maps that others may yet be put to, and what they touch. */
  #held: { readonly step: FusedStep; readonly row: Assembled }[] = [];
  #read: PagePlace[] = [];
  #written: PagePlace[] = [];

  constructor(plan: Plan, device: DispatchDevice, inPages: InPages) {
    this.#plan = plan;
    this.#device = device;
    this.#inPages = inPages;
    this.#most = Math.floor(device.maxBinding / ALIGNMENT) * ALIGNMENT;
  }

  /** The next step of the plan. Gives what is to come before it, and it itself unless it is held back for others. */
  add(step: FusedStep): Packed[] {
    const [reads, writes] = [this.#inPagesOf(step.reads), this.#inPagesOf(step.writes)];
    const isAfter = meet(writes, this.#read) || meet(writes, this.#written) || meet(reads, this.#written);
    const before = isAfter ? this.finish() : [];
    if (!this.#isPackable(step)) return [...before, { steps: [step] }];
    const bound = bindMap(step, this.#plan, this.#device, (place) => this.#windowOf(place));
    this.#held.push({ step, row: assembleRow(bound) });
    this.#read.push(...reads);
    this.#written.push(...writes);
    return before;
  }

  /** What is held back. */
  finish(): Packed[] {
    const groups = Map.groupBy(
      this.#held,
      ({ row: { code, bindings } }) => [code, ...bindings.map(placeKey)].join("\n"),
    );
    this.#held = [];
    this.#read = [];
    this.#written = [];
    return [...groups.values()].flatMap((group) => {
      const most = Math.floor(MOST_TABLE / group[0].row.params.byteLength);
      const tables = Array.from(
        { length: Math.ceil(group.length / most) },
        (_, k) => group.slice(k * most, (k + 1) * most),
      );
      return tables.map((members): Packed => {
        const steps = members.map(({ step }) => step);
        return members.length === 1 ? { steps } : { steps, assembled: this.#table(members.map(({ row }) => row)) };
      });
    });
  }

  #placeOf(node: Node): TensorPlace {
    return this.#plan.places.get(node)!;
  }

  /**
   * Does the step compute new State from float32 numbers that all lie in windows? Other numbers would take other
   * bindings.
   */
  #isPackable({ kernels, reads, writes }: FusedStep): boolean {
    if (kernels.length > 0 || writes.some((node) => this.#placeOf(node).in !== "state")) return false;
    return [...reads, ...writes].every((node) => {
      const place = this.#placeOf(node);
      const inPage = this.#inPages(place);
      return inPage && place.precision === "f32" && inPage.offset % this.#most + place.bytes <= this.#most;
    });
  }

  #windowOf(place: TensorPlace): { window: PagePlace; at: number } {
    const inPage = this.#inPages(place)!;
    const at = inPage.offset % this.#most;
    return { window: { ...inPage, offset: inPage.offset - at }, at };
  }

  /** Where tensors are in pages; inputs are left out, which nothing writes. */
  #inPagesOf(nodes: readonly Node[]): PagePlace[] {
    return nodes.flatMap((node) => this.#inPages(this.#placeOf(node)) ?? []);
  }

  #table(rows: readonly Assembled[]): Assembled {
    const [{ code, bindings, params: { length } }] = rows;
    const params = new Uint32Array(length * rows.length);
    let group = 0;
    rows.forEach((row, k) => {
      params.set(row.params, k * length);
      params[k * length] = group;
      group += row.grid[0];
    });
    return {
      code: `const ROWS = ${rows.length}u;\n${code}`,
      params,
      bindings: bindings.map((window, k) => ({
        ...window,
        bytes: Math.max(...rows.map((row) => row.bindings[k].bytes)),
      })),
      textures: [],
      grid: linearGrid(group, 1),
      scalars: rows.flatMap(({ scalars }, k) => scalars.map(({ name, at }) => ({ name, at: k * length + at }))),
    };
  }
}

function meet(some: readonly PagePlace[], others: readonly PagePlace[]): boolean {
  return some.some((a) => others.some((b) => overlap(a, b)));
}
