/**
 * Stand-in for `jsr:@std/cli/parse-args` on hosts that cannot reach JSR: the same code from npm under a plain type.
 *
 * @module
 */

import { parseArgs as parse } from "npm:deno-std@1.4.0/cli/parse_args.js";

/** What {@link parseArgs} is told about the flags. */
export interface ParseOptions {
  /** Put what follows `--` into `["--"]` of the result instead of `_`. */
  readonly "--"?: boolean;
  /** Other names of a flag. */
  readonly alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Flags without a value. */
  readonly boolean?: readonly string[];
  /** Flags given more than once, gathered in an array. */
  readonly collect?: readonly string[];
  /** Values of the flags that are not given. */
  readonly default?: Readonly<Record<string, unknown>>;
  /** Flags that `--no-NAME` sets to false. */
  readonly negatable?: readonly string[];
  /** Stop at the first word that is no flag. */
  readonly stopEarly?: boolean;
  /** Flags whose value is never made a number; `_` for the words that belong to no flag. */
  readonly string?: readonly string[];
  /** Called for a word or flag named nowhere here; `false` leaves it out of the result. */
  readonly unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** Flags by name, and the words that belong to none. */
export type Args = Record<string, unknown> & { _: (string | number)[] };

/** Splits a command line into flags and words. */
export const parseArgs: (args: string[], options?: ParseOptions) => Args = parse;
