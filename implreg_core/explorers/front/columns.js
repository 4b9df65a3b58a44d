/** Runs: tables whose columns the book's build has stored, or a program has just computed. */

import { transform } from "./axes.js";

const LEVELS = 65535; // as in _columns.py, and so is the next
const LARGEST = 1e300; // beyond it a difference of two values may overflow

/** The values that `encode_column` of _columns.py stored. */
export function decode({ scale, low, high, codes }) {
  const { f, inverse } = transform(scale);
  let level = 0;
  return Float64Array.from(codes, (difference) => {
    level += difference;
    if (scale === "integer") return low + level;
    const value = inverse((1 - level / LEVELS) * f(low) + (level / LEVELS) * f(high));
    return Math.min(high, Math.max(low, value));
  });
}

/**
 * How many rows of a computed table count. A run has ended where `time` stops growing, for a program returns columns of
 * one length always; it has diverged where a number is not finite, or too large to draw.
 */
export function extent(columns, time) {
  const all = Object.values(columns);
  const rows = columns[time].length;
  for (let row = 0; row < rows; row++) {
    if (!all.every((values) => Math.abs(values[row]) < LARGEST)) return { rows: row, diverged: true };
    if (row > 0 && columns[time][row] <= columns[time][row - 1]) return { rows: row, diverged: false };
  }
  return { rows, diverged: false };
}

/** The scale that writes a computed column well, and the range that an axis must show. */
export function describe(values, logarithmic) {
  const shown = logarithmic ? values.filter((value) => value > 0) : values;
  const [low, high] = shown.length ? [Math.min(...shown), Math.max(...shown)] : [1, 1];
  const scale = values.every(Number.isSafeInteger) ? "integer" : logarithmic ? "log" : "linear";
  return { scale, low, high };
}

/**
 * A run as it is drawn: `values` and `kinds` ({scale, low, high}) by column, and whether it diverged. `stored` columns
 * are {scale, low, high, codes}; `computed` ones are arrays, in which null stands for what is not finite.
 */
export function readRun({ stored, computed }, time, logarithmic) {
  const names = Object.keys(stored ?? computed);
  const byName = (f) => Object.fromEntries(names.map((name) => [name, f(name)]));
  if (stored) return { values: byName((name) => decode(stored[name])), kinds: { ...stored }, diverged: false };
  const whole = byName((name) => Float64Array.from(computed[name], (value) => value ?? NaN));
  const { rows, diverged } = extent(whole, time);
  const values = byName((name) => whole[name].subarray(0, rows));
  return { values, kinds: byName((name) => describe(values[name], logarithmic.has(name))), diverged };
}

/** The smallest ranges that hold those of `before` (or null) and those of `kinds`. */
export function widen(before, kinds) {
  const joined = ([name, { low, high }]) => {
    const [least, greatest] = before?.[name] ?? [low, high];
    return [name, [Math.min(least, low), Math.max(greatest, high)]];
  };
  return Object.fromEntries(Object.entries(kinds).map(joined));
}
