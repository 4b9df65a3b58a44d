/** Axes: their ranges, ticks, and the way from values to pixels. */

import { plain, significant, superscript, varies } from "./numbers.js";

export const FONT_PX = 12.5; // of tick and axis labels; explorer.css says the same
const FAR = 1e4; // pixels: where lines go that leave the axes, or have no place on them
const GAP = 14; // pixels between labels
const SLACK = 1e-9; // of a step: rounding must not cost the tick at the end of an axis

/** What an axis or slider of a scale is even in, and its inverse. */
export const transform = (scale) =>
  scale === "log" ? { f: Math.log, inverse: Math.exp } : { f: Number, inverse: Number };

/** The multiples of `step` from `low` to `high`. */
function multiples(step, low, high) {
  const first = Math.ceil(low / step - SLACK);
  return Array.from({ length: Math.floor(high / step + SLACK) - first + 1 }, (_, i) => (first + i) * step);
}

/** The first of growing steps with at most `count` multiples; the one before if those are less than two: no scale. */
function chooseStep(steps, low, high, count) {
  const ticksOf = (step) => multiples(step, low, high).length;
  const chosen = steps.findIndex((step) => ticksOf(step) <= count);
  return steps[ticksOf(steps[chosen]) < 2 ? chosen - 1 : chosen];
}

/** Ticks at multiples of 1, 2 or 5 times a power of ten, about `count` of them. */
function linearTicks([low, high], count) {
  const power = 10 ** Math.floor(Math.log10((high - low) / count));
  const step = chooseStep([1, 2, 5, 10, 20].map((factor) => factor * power), low, high, count);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const largest = Math.max(-low, high);
  const digits = Math.floor(Math.log10(largest)) - Math.floor(Math.log10(step) + 1e-9) + 1;
  const far = largest >= 1e5 || decimals > 4;
  const text = (value) => (far ? significant(value, digits) : plain(value.toFixed(decimals)));
  return multiples(step, low, high).map((value) => ({ value, text: text(value) }));
}

/** Ticks at powers of ten, every second, third or fifth if they crowd; linear where an axis has no two of them. */
function logTicks([low, high], count) {
  const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  if (last <= first) return linearTicks([low, high], count);
  const stride = chooseStep([1, 2, 3, 5, 10, 20, 50, 100, 200, 500], first, last, count);
  return multiples(stride, first, last).map((e) => ({ value: 10 ** e, text: `10${superscript(e)}` }));
}

export const ticks = (scale, limits, count) =>
  (scale === "log" ? logTicks : linearTicks)(limits, Math.max(2, Math.floor(count)));

export const textWidth = (text) => 0.6 * FONT_PX * text.length; // close enough to keep labels apart

/** The union of some columns' limits with a little air, on the scale of the axis; never of no width. */
export function range(columns, limits, scale) {
  const { f, inverse } = transform(scale);
  const low = Math.min(...columns.map((column) => limits[column][0]));
  const high = Math.max(...columns.map((column) => limits[column][1]));
  const constant = scale === "log" ? 1 : Math.abs(low) / 2 || 1;
  const air = varies(low, high) ? 0.03 * (f(high) - f(low)) : constant;
  const least = scale === "log" ? Number.MIN_VALUE : -Number.MAX_VALUE;
  return [Math.max(least, inverse(f(low) - air)), Math.min(Number.MAX_VALUE, inverse(f(high) + air))];
}

/** The map from values on an axis to pixels; values beyond it, or with no place on it, go a long way off. */
export function position(scale, [low, high], [from, to]) {
  const { f } = transform(scale);
  const slope = (to - from) / (f(high) - f(low));
  return (value) => {
    const pixel = from + (f(value) - f(low)) * slope; // of zero on a logarithmic axis infinite, below it NaN
    return Number.isNaN(pixel) ? from - Math.sign(slope) * FAR : Math.min(FAR, Math.max(-FAR, pixel));
  };
}

/** As many ticks as fit side by side in `width` pixels; where none do, two far apart. */
export function spacedTicks(scale, limits, width) {
  const toX = position(scale, limits, [0, width]);
  const room = (tick, next) => toX(next.value) - toX(tick.value) - textWidth(tick.text + next.text) / 2;
  const fits = (row) => row.slice(1).every((next, i) => room(row[i], next) >= GAP);
  const rows = multiples(1, 2, width / 40).map((count) => ticks(scale, limits, count));
  const dense = ticks(scale, limits, 10);
  return rows.findLast(fits) ?? [dense[0], dense.at(-1)];
}
