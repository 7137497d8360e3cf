/**
 * How much the tests try. `deno task test` covers every branch at small size within minutes; `deno task test:long` adds what is large,
 * or every way where one of each kind had to do; `deno task ok` tries less, to be quick.
 *
 * @module
 */

/** Is this `deno task ok`? */
export const isQuick: boolean = Deno.env.get("FOVEA_QUICK") === "1";

/** Is this `deno task test:long`? */
export const isLong: boolean = Deno.env.get("FOVEA_LONG") === "1";
