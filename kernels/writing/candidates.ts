/**
 * Names of a tiled kernel's variants, its candidates: `16x8` is a tile by its sides. What tells candidates apart stands
 * in the name, so that a stored choice can be read by people and is right for every call of its bucket.
 *
 * @module
 */

/** Sides of a tile that one invocation computes, from the outermost axis in. */
export type Sides = readonly number[];

const nameOf = (sides: Sides): string => sides.join("x");

/**
 * Names of tiles: the one that the heuristic chooses, then the others, the likest first.
 *
 * @param rules The rules' tile.
 * @param others Tiles worth timing; what occurs twice counts once.
 */
export function tileNames(rules: Sides, others: readonly Sides[]): string[] {
  const distance = (sides: Sides): number =>
    sides.reduce((sum, side, axis) => sum + Math.abs(Math.log(side / rules[axis])), 0);
  const sorted = others.map((sides) => ({ sides, far: distance(sides) })).sort((a, b) => a.far - b.far);
  return [...new Set([rules, ...sorted.map(({ sides }) => sides)].map(nameOf))];
}

/**
 * Sides of the tile called `name`.
 *
 * @param count How many sides a tile has.
 * @throws RangeError when it is the name of no such tile.
 */
export function sidesOf(name: string, count: number): number[] {
  const sides = name.split("x").map(Number);
  if (sides.length !== count || !sides.every((side) => Number.isInteger(side) && side > 0)) {
    throw new RangeError(`${name} is no tile: a kernel's candidate of this kind has ${count} sides, such as 8x4`);
  }
  return sides;
}
