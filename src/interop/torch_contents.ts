/**
 * Finds the weights in what a file of `torch.save` holds: training scripts keep them in dictionaries of many names,
 * beside epochs, settings and the optimiser's state.
 *
 * @module
 */

import { quote } from "./byte_source.ts";
import { Inert, type Pickled, shown } from "./pickle.ts";
import { TorchStorage, TorchTensor, UnknownStorage } from "./torch_tensor.ts";

/** Names under which training scripts keep a model's weights, the likelier first. */
const PLAIN = ["state_dict", "model_state_dict", "model", "net", "module", "weights", "params", "network", "student"];

/** Names of moving averages of them, and of a network that was learnt from. */
const AVERAGED = [
  ...["state_dict_ema", "model_ema", "ema_state_dict", "ema_model", "ema", "params_ema", "swa_model"],
  "teacher",
];

/** All of them: what was trained before averages, and of two networks the one that was taught. */
const HOMES: readonly string[] = [...PLAIN, ...AVERAGED];

/**
 * How likely weights under a key, or behind a prefix, are those that are wanted: the lower, the likelier.
 *
 * @param path Keys, with dots between them.
 */
export function homeRank(path: string): number {
  if (path === "") return -1;
  const places = path.split(".").map((part) => HOMES.indexOf(part)).filter((place) => place >= 0);
  // A name that says nothing is behind the usual ones, and before those of averages.
  return places.length > 0 ? Math.max(...places) : PLAIN.length - 0.5;
}

/** Names of what holds tensors and no weights. */
const NO_WEIGHTS = /optim|sched|scaler|^(callbacks|loops|rng|amp|.*rng_state)$/i;

/** Most dictionaries around the weights. */
const MAX_HOMES = 4;

/** The weights in a file. */
export interface FoundTensors {
  /** The tensors by name. */
  readonly tensors: Map<string, TorchTensor>;
  /** Keys of the dictionaries that they are in, with dots between them; empty at the top. */
  readonly taken: string;
  /** Keys of others that could have been taken. */
  readonly others: readonly string[];
  /** Whether the key that was asked for is one of a dictionary. */
  readonly hasKey: boolean;
}

/**
 * Finds the mapping from names to tensors: the outermost dictionary, or, as long as one of the usual names holds a
 * dictionary with tensors, that one. Where there is none of these names, it is the only dictionary with tensors.
 *
 * @param root What the pickle holds.
 * @param key Of the dictionary that is wanted; keys of dictionaries in one another with dots between them.
 * @returns The tensors by name, and where they were.
 * @throws {SyntaxError} That says what there is instead.
 */
export function findTensors(root: Pickled, key?: string): FoundTensors {
  const walk = new Walk();
  const inside = key === undefined ? undefined : dictionaryAt(root, key);
  let [at, path] = [inside ?? root, inside ? [key!] : []];
  const others: string[] = [];
  for (let depth = 0; at instanceof Map; depth++) {
    if (depth > MAX_HOMES) throw new SyntaxError("its dictionaries are nested too deeply");
    const here: Map<Pickled, Pickled> = at;
    const homes = homesIn(here, walk);
    const own = [...here.values()].some((value) => value instanceof TorchTensor);
    if (homes.length === 0 || (own && !HOMES.includes(homes[0]))) {
      return { tensors: tensorsIn(here, walk), taken: path.join("."), others, hasKey: inside !== undefined };
    }
    if (!HOMES.includes(homes[0]) && homes.length > 1) {
      throw new SyntaxError(`it has tensors under ${names(homes)}: say which by the weights key`);
    }
    others.push(...homes.slice(1).map((home) => [...path, home].join(".")));
    path = [...path, homes[0]];
    at = here.get(homes[0]);
  }
  if (at instanceof Inert) throw objectError("it", at);
  throw new SyntaxError("it has no dictionary of tensors");
}

/** The dictionary under a key, if there is one. */
function dictionaryAt(root: Pickled, key: string): Map<Pickled, Pickled> | undefined {
  if (!(root instanceof Map)) return undefined;
  const direct = root.get(key);
  if (direct instanceof Map) return direct;
  for (let dot = key.indexOf("."); dot > 0; dot = key.indexOf(".", dot + 1)) {
    const found = dictionaryAt(root.get(key.slice(0, dot)), key.slice(dot + 1));
    if (found) return found;
  }
}

/** Keys of dictionaries with tensors: those of the usual names in their order, or else all. */
function homesIn(here: Map<Pickled, Pickled>, walk: Walk): string[] {
  const filled = [...here.keys()].filter((key): key is string => {
    if (typeof key !== "string" || NO_WEIGHTS.test(key)) return false;
    const value = here.get(key);
    return value instanceof Map && walk.reachesTensor(value);
  });
  const known = HOMES.filter((home) => filled.includes(home));
  return known.length > 0 ? known : filled;
}

/** The tensors of a dictionary. What stands beside them (epochs, versions) is passed over. */
function tensorsIn(here: Map<Pickled, Pickled>, walk: Walk): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  for (const [name, value] of here) {
    if (typeof name !== "string") continue;
    if (value instanceof TorchTensor) tensors.set(name, value);
    else if (value instanceof Inert && walk.reachesTensor(value)) throw objectError(`its ${quote(name)}`, value);
  }
  if (tensors.size > 0) return tensors;
  const arrays = [...here.values()].find((value) => value instanceof Inert && /^numpy\./.test(value.name));
  if (arrays) throw new SyntaxError("its arrays are numpy's: save them as tensors, by torch.from_numpy");
  throw new SyntaxError(
    `it has no tensors at its top or under ${HOMES.slice(0, 6).join(", ")}; it has ${names([...here.keys()])}`,
  );
}

function objectError(what: string, { name }: Inert): SyntaxError {
  return new SyntaxError(
    `${what} is made by ${
      quote(name).slice(1, -1)
    }, which is none of what weights are made of, and nothing of it was run; save the state_dict alone`,
  );
}

function names(keys: readonly Pickled[]): string {
  return keys.slice(0, 5).map(shown).join(", ") || "nothing";
}

/** Most values that are looked at: a pickle can name one a thousand times. */
const MAX_VISITS = 4_000_000;

/** Looks for tensors in what values are made of. */
class Walk {
  #visits = 0;

  /** Whether a dictionary has tensors, or a record would have been made of one. */
  reachesTensor(root: Map<Pickled, Pickled> | Inert): boolean {
    const seen = new Set<Pickled>();
    const open: Pickled[] = [root];
    while (open.length > 0) {
      if (++this.#visits > MAX_VISITS) throw new SyntaxError("its dictionaries are too many to be looked through");
      const value = open.pop();
      if (value instanceof TorchTensor || value instanceof TorchStorage || value instanceof UnknownStorage) return true;
      if (typeof value !== "object" || value === null || seen.has(value)) continue;
      seen.add(value);
      for (const part of partsOf(value)) open.push(part);
    }
    return false;
  }
}

function partsOf(value: object): Iterable<Pickled> {
  if (value instanceof Inert) return value.parts;
  if (value instanceof Map) return value.values();
  return Array.isArray(value) ? value : [];
}
