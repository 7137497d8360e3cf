/**
 * Whose weights a file has, told by the names of its tensors.
 *
 * @module
 */

import { BOOKKEEPING, type Family, type KeyStyle, keyStyles, toStyle, translate, type Translation } from "./family.ts";

export { type Family, type KeyStyle, toStyle };

/** A file's names, understood. */
export interface Recognised extends Translation {
  readonly family: Family;
  readonly style: KeyStyle;
  /** Names in the file by the names that {@link Translation} uses, which are without what wrappers put before them. */
  readonly inFile: ReadonlyMap<string, string>;
}

/** What wrappers put before every name: data parallelism, `torch.compile`, training scripts. */
const WRAPPERS = ["module.", "_orig_mod.", "model.", "net."];

/**
 * Tells family and style from names: those in which the fewest names mean nothing.
 *
 * @param names The names in a file.
 * @param families Those that it may be of.
 * @param named The family, where the file itself says whose it is.
 * @returns What the names mean, or undefined if it is nothing for half of them and no family is named.
 */
export function recognise(
  names: Iterable<string>,
  families: readonly Family[],
  named?: Family,
): Recognised | undefined {
  const inFile = unwrapped([...names], families.flatMap(({ baseModels = [] }) => baseModels));
  const telling = [...inFile.keys()].filter((name) => !BOOKKEEPING.test(name));
  let best: Recognised | undefined;
  for (const family of named ? [named] : families) {
    for (const style of keyStyles) {
      const translation = translate(family, style, telling);
      if (best && best.unknown.length <= translation.unknown.length) continue;
      best = { family, style, inFile, ...translation };
    }
  }
  return named || (best && best.unknown.length < telling.length / 2) ? best : undefined;
}

/** Names in the file by their names without wrappers. */
function unwrapped(names: readonly string[], baseModels: readonly string[]): Map<string, string> {
  let length = 0;
  for (let wrapper: string | undefined = ""; wrapper !== undefined;) {
    length += wrapper.length;
    wrapper = WRAPPERS.find((wrapper) => names.length > 0 && names.every((name) => name.startsWith(wrapper, length)));
  }
  return new Map(names.map((name) => {
    const bare = name.slice(length);
    const base = baseModels.find((base) => bare.startsWith(base));
    return [base ? bare.slice(base.length) : bare, name];
  }));
}

/** A style for messages: `timm's names`. */
export function styleName(style: KeyStyle): string {
  const names: Readonly<Record<KeyStyle, string>> = {
    torchvision: "torchvision's",
    timm: "timm's",
    huggingface: "Hugging Face's",
    microsoft: "Microsoft's",
  };
  return `${names[style]} names`;
}
