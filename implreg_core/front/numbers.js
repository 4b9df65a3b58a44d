/** Writes numbers for readers. */

export const superscript = (n) => String(n).replace(/[-\d]/g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

/** A number with a true minus sign, its thousands set apart. */
export const plain = (text) =>
  text.replace("-", "−").replace(/^−?\d{5,}/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, "\u202f"));

/** A number to `digits` significant digits, as a power of ten when it is far from 1. */
export function significant(value, digits) {
  if (value === 0) return "0";
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -3 && exponent < 5) return plain(value.toFixed(Math.max(0, digits - 1 - exponent)));
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  return `${plain(mantissa)} × 10${superscript(Number(power))}`;
}

/** How to write a column's values: no digit that its stored precision does not carry. */
export function formatter({ scale, low, high }) {
  if (scale === "integer") return (value) => plain(String(value));
  if (scale === "log" || low === high) return (value) => significant(value, 3);
  const decimals = Math.max(0, Math.ceil(-Math.log10((high - low) / 1e4)));
  if (decimals > 6 || Math.max(-low, high) >= 1e6) return (value) => significant(value, 3);
  return (value) => plain(value.toFixed(Math.min(decimals, 4)));
}

/** A number as one writes it by hand, to three digits: 0.02, 3.16 × 10⁻⁴, 10⁻⁵. */
export function short(value) {
  const rounded = Number(value.toPrecision(3));
  const exponent = rounded === 0 ? 0 : Math.floor(Math.log10(Math.abs(rounded)));
  if (exponent >= -3 && exponent < 5) return plain(String(rounded));
  const [mantissa, power] = rounded.toExponential().split("e");
  const ten = `10${superscript(Number(power))}`;
  return mantissa === "1" ? ten : `${plain(mantissa)} × ${ten}`;
}
