/**
 * Narrower and wider models: the option `width` is a factor on the channels of every layer, but for what comes in and
 * the logits. Layers, their names and the picture's way through them stay as they are.
 *
 * Channels and hidden units are rounded to a multiple of 8, as in MobileNet (Howard et al., 2017; `make_divisible` in
 * its code). LeNet's few are rounded to whole ones. A transformer keeps the dimension of a head and has fewer heads:
 * its width is heads × dimension, and never below one head. So two factors may give the same model.
 *
 * @module
 */

/** How many channels a layer has that has `channels` in the paper. */
export type Scale = (channels: number) => number;

/**
 * Channels by a factor, to the nearest multiple; a step up where that would take off more than a tenth.
 *
 * @param width The factor; default 1.
 * @param multiple Of what the layers are; 1 for layers that have any number. Default 8.
 */
export function scaledBy(width = 1, multiple = 8): Scale {
  return (channels) => {
    const wanted = channels * width;
    const nearest = Math.max(multiple, Math.round(wanted / multiple) * multiple);
    return nearest < 0.9 * wanted ? nearest + multiple : nearest;
  };
}

/**
 * A transformer's width and heads by a factor: fewer heads of the same dimension, at least one.
 *
 * @param size Width and heads of the paper.
 * @param factor The factor; default 1.
 */
export function headsScaledBy(
  { width, heads }: { readonly width: number; readonly heads: number },
  factor = 1,
): { width: number; heads: number } {
  const kept = Math.max(1, Math.round(heads * factor));
  return { width: kept * width / heads, heads: kept };
}
