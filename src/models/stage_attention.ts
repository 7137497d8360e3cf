/**
 * Attention after a CNN's stages: the option `attentionAfter`, such as `layer3` or `layer3:se`. A place names its kind,
 * since each stage may have another; so there is no second option that would hold for all of them.
 *
 * A block's parameters stand under the stage's name and the kind's: `layer3.self_attention.gamma`. Weights of the model
 * without it leave it as it starts.
 *
 * @module
 */

import { nearest, option, orList, UserError } from "../errors.ts";
import type { KeyRow } from "../interop/keys/family.ts";
import { cbam, gateUnits, inline, type Layer, selfAttention2d, squeezeExcitation } from "../nn/mod.ts";

/** A kind of block. */
interface Kind {
  /** What it is called in a model; no layer of the models' own has this name right under a stage's. */
  readonly module: string;
  /** Makes it for so many channels. */
  readonly block: (channels: number) => Layer;
  /** Its tensors' names. */
  readonly tensors: readonly string[];
}

/** By the name after the colon; without one it is the first. */
const kinds: Readonly<Record<string, Kind>> = {
  self: { module: "self_attention", block: selfAttention2d, tensors: ["f.*", "g.*", "h.*", "gamma"] },
  se: {
    module: "se",
    block: (channels) => squeezeExcitation(channels, gateUnits(channels)),
    tensors: ["fc1.*", "fc2.*"],
  },
  cbam: {
    module: "cbam",
    block: cbam,
    tensors: ["channel.fc1.*", "channel.fc2.*", "spatial.conv.conv.*", "spatial.conv.bn.*"],
  },
};

/** Stage and kind of a place. */
function partsOf(place: string): { stage: string; kind: string } {
  const colon = place.indexOf(":");
  return colon < 0 ? { stage: place, kind: "self" } : { stage: place.slice(0, colon), kind: place.slice(colon + 1) };
}

/**
 * Refuses places that a model has not.
 *
 * @param model Name of the model.
 * @param stages Its stages.
 * @param places As given.
 * @throws UserError with the nearest stage or kind.
 */
export function checkPlaces(model: string, stages: readonly string[], places: readonly string[]): void {
  const given = new Set<string>();
  const refuse = (place: string, why: string) => {
    throw new UserError(`Cannot put attention after ${place} of ${model}: ${why}`, 2);
  };
  const likely = (word: string, known: readonly string[]) => {
    const near = nearest(word, known);
    return near ? `did you mean ${near}?` : `give ${orList(known)}`;
  };
  for (const place of places) {
    const { stage, kind } = partsOf(place);
    if (!stages.includes(stage)) refuse(place, `it has no stage ${stage}; ${likely(stage, stages)}`);
    if (!Object.hasOwn(kinds, kind)) refuse(place, `there is no kind ${kind}; ${likely(kind, Object.keys(kinds))}`);
    const known = `${stage}:${kind}`;
    if (given.has(known)) refuse(place, `${option("attentionAfter")} has it twice; give it once`);
    given.add(known);
  }
}

/** A stage with the blocks that are asked for after it, in their order; the stage itself where there are none. */
export function withAttention(places: readonly string[] = [], stage: string, layer: Layer): Layer {
  const blocks = places.map(partsOf).filter((place) => place.stage === stage).map(({ kind }): Layer => {
    const { module, block } = kinds[kind];
    return (x, scope) => scope.call(module, block(x.shape[1]), x);
  });
  return blocks.length === 0 ? layer : inline(layer, ...blocks);
}

/**
 * Rows of a family whose stages are called by a pattern such as `layer{i}`; no library has the blocks there, so all
 * names are ours.
 */
export const attentionRows = (stage: string): readonly KeyRow[] =>
  Object.values(kinds).flatMap(({ module, tensors }) =>
    tensors.map((tensor) => {
      const ours = `${stage}.${module}.${tensor}`;
      return { ours, timm: ours };
    })
  );

/** The places of which a file has tensors, by its names; the order after a stage is that of the kinds. */
export function placesIn(names: Iterable<string>, stages: readonly string[] = []): string[] {
  const all = [...names];
  return stages.flatMap((stage) =>
    Object.entries(kinds).flatMap(([kind, { module }]) =>
      all.some((name) => name.startsWith(`${stage}.${module}.`)) ? [`${stage}:${kind}`] : []
    )
  );
}
