/** Axes: their ranges, ticks, and the way from values to pixels. */

import { plain, significant, superscript } from "./numbers.js";

export const FONT_PX = 12.5; // of tick and axis labels; explorer.css says the same
const FAR = 1e4; // pixels: where lines go that leave the axes, or have no place on them

export const transform = (scale) => (scale === "log" ? { f: Math.log, inverse: Math.exp } : { f: Number, inverse: Number });

/** The multiples of `step` from `low` to `high`. */
function multiples(step, low, high) {
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** Ticks at multiples of 1, 2 or 5 times a power of ten, about `count` of them. */
function linearTicks([low, high], count) {
  const power = 10 ** Math.floor(Math.log10((high - low) / count));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => (high - low) / candidate <= count);
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
  const stride = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500].find((s) => (last - first + 1) / s <= count);
  return multiples(stride, first, last).map((e) => ({ value: 10 ** e, text: `10${superscript(e)}` }));
}

export const ticks = (scale, limits, count) =>
  (scale === "log" ? logTicks : linearTicks)(limits, Math.max(2, Math.floor(count)));

export const textWidth = (text) => 0.6 * FONT_PX * text.length; // close enough to keep labels apart

/** As many ticks as fit side by side in `width` pixels. */
export function spacedTicks(scale, limits, width) {
  const fits = (row) => row.length * (14 + Math.max(...row.map((tick) => textWidth(tick.text)))) <= width;
  const rows = multiples(1, 2, width / 40).map((count) => ticks(scale, limits, count));
  return rows.findLast(fits) ?? rows[0];
}

/** The union of some columns' limits with a little air, on the scale of the axis; never of no width. */
export function range(columns, limits, scale) {
  const { f, inverse } = transform(scale);
  const low = f(Math.min(...columns.map((column) => limits[column][0])));
  const high = f(Math.max(...columns.map((column) => limits[column][1])));
  const air = high > low ? 0.03 * (high - low) : scale === "log" ? 1 : Math.abs(low) / 2 || 1;
  return [inverse(low - air), inverse(high + air)];
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
