/**
 * A column of a table of numbers.
 *
 * @module
 */

/**
 * Takes a column out of a flat `[N, columns]` array.
 *
 * @param values The table, row by row.
 * @param c Which column.
 * @param columns How many there are.
 */
export function column(values: ArrayLike<number>, c: number, columns: number): Float64Array {
  const found = new Float64Array(values.length / columns);
  for (let i = 0; i < found.length; i++) found[i] = values[i * columns + c];
  return found;
}
