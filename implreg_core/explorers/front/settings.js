/** The settings of an explorer in words. */

import { short } from "./numbers.js";

/** An entry of a choice as a reader writes it; a matrix row by row, with the sign of its determinant. */
export function textOf({ kind, texts, presets, symbol }, entry) {
  if (texts) return texts[entry];
  if (kind !== "matrix") return typeof entry === "number" ? short(entry, 12) : entry;
  const [a, b, c, d] = entry;
  const sign = Math.sign(a * d - b * c);
  const named = presets.find((preset) => String(preset.entries) === String(entry));
  const rows = [[a, b], [c, d]].map((row) => row.map((x) => short(x, 12)).join(", "));
  return `${named ? named.text : `(${rows.join("; ")})`}, det ${symbol} ${{ "-1": "<", 0: "=", 1: ">" }[sign]} 0`;
}

/** A choice in words, matrices by their symbols; where `other` is given, what differs. A guess belongs to no run. */
export function inWords(controls, choice, other = null) {
  const differs = (_, i) => other === null || String(choice[i]) !== String(other[i]);
  const entries = controls.map((control, i) => ({ control, entry: choice[i] }))
    .filter(({ control }, i) => control.kind !== "guess" && differs(control, i));
  const name = ({ symbol, label }) => symbol ?? label;
  return entries.map(({ control, entry }) => `${name(control)}: ${textOf(control, entry)}`).join("; ");
}
