/**
 * How much the tests try. `deno task test` covers every branch at small size within minutes; `deno task test:long` adds
 * what is large, or every way where one of each kind had to do; `deno task ok` tries less, to be quick.
 *
 * `deno task test` is to end within 7 minutes with empty caches on two cores, where most of the time goes into
 * llvmpipe's compiler, also without its optimising passes (`GALLIVM_PERF=nopt` in the task): a large tile takes a part
 * of a second, one with barriers many. So a case that is large, or one of many variants of a kind, goes under `isLong`,
 * with a small one beside it that takes the same branches; `deno task test:long` runs both, on some files only where it
 * is given their names. A file is the unit that runs in parallel, so none should take more than a tenth of the whole.
 *
 * @module
 */

/** Is this `deno task ok`? */
export const isQuick: boolean = Deno.env.get("FOVEA_QUICK") === "1";

/** Is this `deno task test:long`? */
export const isLong: boolean = Deno.env.get("FOVEA_LONG") === "1";
