/** Writes numbers for readers. */

export const superscript = (n) => String(n).replaceAll(/[-\d]/g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

/** A number with a true minus sign (zero has none), its thousands set apart. */
export const plain = (text) =>
  text.replace("-", /[1-9]/.test(text) ? "−" : "")
    .replace(/^−?\d{5,}/, (digits) => digits.replaceAll(/\B(?=(?:\d{3})+$)/g, "\u202F"));

const timesTen = (mantissa, exponent) => `${plain(mantissa)}\u00A0×\u00A010${superscript(exponent)}`;

/** A number to `digits` significant digits, as a power of ten when it is far from 1. */
export function significant(value, digits) {
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  const exponent = Number(power); // of the rounded number: 9.996 becomes 10.0
  if (exponent >= -3 && exponent < 5) return plain(value.toFixed(Math.max(0, digits - 1 - exponent)));
  return timesTen(mantissa, exponent);
}

/** Whether a column with this range varies by more than rounding. */
export const varies = (low, high) => high - low > 1e-12 * Math.max(-low, high);

/** How to write a column's values: no digit that its stored precision does not carry. */
export function formatter({ scale, low, high }) {
  if (scale === "integer") return (value) => plain(String(value));
  if (scale === "log" || !varies(low, high)) {
    return (value) => significant(Math.abs(value) < 2 ** -1022 ? 0 : value, 3); // smaller doubles lose digits
  }
  const largest = Math.max(-low, high);
  const alike = Math.max(0, Math.ceil(Math.log10(largest / (high - low)))); // leading digits that hardly change
  const decimals = Math.max(0, Math.ceil(-Math.log10((high - low) / 1e4)));
  if (decimals > 6 || largest >= 1e6) return (value) => significant(value, 3 + alike);
  return (value) => plain(value.toFixed(Math.min(decimals, 4)));
}

/** A number as one writes it by hand: 0.02, 3.16 × 10⁻⁴, 10⁻⁵. */
export function short(value, digits = 3) {
  const rounded = Number(value.toPrecision(digits));
  const exponent = rounded === 0 ? 0 : Math.floor(Math.log10(Math.abs(rounded)));
  if (exponent >= -3 && exponent < 5) return plain(String(rounded));
  const [mantissa, power] = rounded.toExponential().split("e");
  return mantissa === "1" ? `10${superscript(Number(power))}` : timesTen(mantissa, Number(power));
}
