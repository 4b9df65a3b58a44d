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

/** What a control is called where its setting follows: a matrix by its symbol. */
export const nameOf = ({ symbol, label }) => symbol ?? label;

/** From where a view in space is seen, as its sliders say; null where it has not been turned. */
export const seenFrom = (viewpoint) =>
  viewpoint && `The view in space is turned by ${short(viewpoint[0])}° and tilted by ${short(viewpoint[1])}°`;

/** A choice in words, matrices by their symbols; where `other` is given, what differs. A guess belongs to no run. */
export function inWords(controls, choice, other = null) {
  const differs = (_, i) => other === null || String(choice[i]) !== String(other[i]);
  const entries = controls.map((control, i) => ({ control, entry: choice[i] }))
    .filter(({ control }, i) => control.kind !== "guess" && differs(control, i));
  return entries.map(({ control, entry }) => `${nameOf(control)}: ${textOf(control, entry)}`).join("; ");
}
