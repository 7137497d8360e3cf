/**
 * Names of the files that hold what was measured on an adapter.
 *
 * @module
 */

/**
 * `tuning-llvmpipe-llvm-15-0-6-256-bits.json`: of adapters that differ in signs alone it is one, so the file names its
 * adapter.
 */
export function adapterFile(what: string, adapter: string): string {
  return `${what}-${adapter.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-|-$/g, "")}.json`;
}
