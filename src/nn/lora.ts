/**
 * Low-rank adaptation (Hu et al., "LoRA: low-rank adaptation of large language models", 2021): a dense layer's matrix W
 * [O, I] stays as it is, and (α / r) · B · A is learnt beside it, with A [r, I] and B [O, r]. B begins at zero, so the
 * model begins as it was.
 *
 * A layer asks its scope for the product (`Scope.dense`), and there the two thin products stand beside it. Adding B · A
 * to W instead would need the gradient of a whole W to learn the two, which is a third of a layer's work, and memory of
 * W's size for the sum and for that gradient. The thin ones take r · (1 / I + 1 / O) of the layer's own work, three
 * times, and activations of r channels.
 *
 * Names are peft's: `lora_A.weight` and `lora_B.weight` in the module of the layer, an attention's packed projection
 * included. What leaves a run is merged, W + (α / r) · B · A: weights like any other.
 *
 * @module
 */

/** What stands beside dense layers of a model. */
export interface Lora {
  /** Channels r between the two matrices. */
  readonly rank: number;
  /** α: what is added is multiplied by α / r. */
  readonly alpha: number;
  /** Share of a layer's inputs that A does not see in training; default 0. */
  readonly dropout?: number;
  /** Keys of the matrices W that it stands beside. */
  readonly targets: ReadonlySet<string>;
}

/** Names of A and B in their layer. */
export const LOW_RANK = { down: "lora_A.weight", up: "lora_B.weight" } as const;

/** Is it the key of an A or a B? */
export function isLowRank(key: string): boolean {
  return Object.values(LOW_RANK).some((name) => key.endsWith(`.${name}`));
}

/** A tensor's sizes and values. */
interface Valued {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/**
 * A matrix with what is learnt beside it: W + (α / r) · B · A, summed in float64.
 *
 * @param key The matrix's.
 * @param weight W [O, I], or any tensor beside which nothing stands, which is given back.
 * @param tensorOf Tensors by key; undefined where there is none.
 * @throws TypeError when the shapes do not fit.
 */
export function mergedWeight(
  key: string,
  weight: Valued,
  tensorOf: (key: string) => Valued | undefined,
  alpha: number,
): Float32Array {
  const [, module, name] = /^(.*\.)?([^.]*)$/.exec(key)!;
  const [down, up] = [LOW_RANK.down, LOW_RANK.up].map((thin) => tensorOf(`${module ?? ""}${thin}`));
  if (!down || !up || !/^(.*_)?weight$/.test(name)) return weight.values;
  const [rank, inputs] = down.shape;
  const [outputs] = up.shape;
  if (`${weight.shape}` !== `${[outputs, inputs]}` || up.shape[1] !== rank) {
    const shapes = [weight, down, up].map(({ shape }) => `[${shape.join(", ")}]`).join(", ");
    throw new TypeError(`Cannot merge what was learnt beside ${key}: the shapes ${shapes} do not fit`);
  }
  const merged = new Float32Array(weight.values.length);
  const row = new Float64Array(inputs);
  for (let o = 0; o < outputs; o++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = up.values[o * rank + r] * alpha / rank;
      for (let i = 0; i < inputs; i++) row[i] += factor * down.values[r * inputs + i];
    }
    for (let i = 0; i < inputs; i++) merged[o * inputs + i] = weight.values[o * inputs + i] + row[i];
  }
  return merged;
}
