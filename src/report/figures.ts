/**
 * Figures and values as people read them, in tables, on pages and on a terminal.
 *
 * @module
 */

/** What stands for a value that there is not. */
export const NONE = "–";

/** `0.9521`. */
export function decimal(value: number | null | undefined): string {
  return value === null || value === undefined ? NONE : value.toFixed(4);
}

/** `0.9208 to 0.9667`. */
export function rangeText([low, high]: readonly [low: number, high: number]): string {
  return `${decimal(low)} to ${decimal(high)}`;
}

/** `61.6 k`, `1.8 G`. */
export function short(count: number | null): string {
  if (count === null) return NONE;
  const [unit, scale] = count >= 1e9 ? [" G", 1e9] : count >= 1e6 ? [" M", 1e6] : count >= 1e3 ? [" k", 1e3] : ["", 1];
  return `${Number((count / scale).toPrecision(3))}${unit}`;
}

/** `48 s`, `12 min 3 s`, `2 h 5 min`. */
export function duration(seconds: number | null): string {
  if (seconds === null) return NONE;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  return s < 3600
    ? `${Math.floor(s / 60)} min ${s % 60} s`
    : `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
}

/** `< 0.0001`, `0.0421`. */
export function chance(p: number): string {
  return p < 1e-4 ? "< 0.0001" : decimal(p);
}

/** A value of a setting: a text as it is, anything else as JSON. */
export function settingText(value: unknown): string {
  if (value === null || value === undefined) return NONE;
  return typeof value === "string" ? value : JSON.stringify(value);
}
