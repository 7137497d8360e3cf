/**
 * Random streams by name: what has a name of its own draws numbers of its own.
 *
 * @module
 */

/** The stream of a name: FNV-1a, folded to the 24 bits that the generator takes. Equal only by a rare collision. */
export function streamOf(name: string): number {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ char.codePointAt(0)!, 0x01000193);
  return ((hash >>> 24) ^ hash) & 0xffffff;
}
