/**
 * An explorer's state in an address: `?depth=3&rate=0.02&start=1,0,0,1&at=57#explore-...`. A choice has one entry for
 * each control: the index of a listed value, a number, the text of a norm, or the four entries of a matrix. `at` is the
 * row of the marker.
 */

import { parse } from "./norm_language.js";

/** The query of a choice; without `row`, the marker is at the end. */
export function writeQuery(controls, choice, row) {
  const query = new URLSearchParams();
  controls.forEach((control, i) => query.set(control.name, control.values ? control.values[choice[i]] : choice[i]));
  if (row !== null) query.set("at", row);
  return query.toString().replaceAll("%2C", ","); // which a query may hold
}

function isNorm(text) {
  try {
    return Boolean(parse(text));
  } catch {
    return false;
  }
}

/** The control's entry of a choice that a text stands for; null if it stands for none. */
function readEntry(control, text) {
  if (control.values) {
    const index = control.values.findIndex((value) => String(value) === text);
    return index < 0 ? null : index;
  }
  if (control.kind === "norm") return isNorm(text) ? text : null;
  const numbers = text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));
  const inside = (number) => control.low <= number && number <= control.high;
  if (numbers.length !== (control.kind === "matrix" ? 4 : 1) || !numbers.every(inside)) return null;
  return control.kind === "matrix" ? numbers : numbers[0];
}

/** The choice and row that a query stands for; where it says nothing usable, the default, and in `faults` why. */
export function readQuery(controls, preset, query) {
  const parameters = new URLSearchParams(query);
  const faults = [];
  const choice = controls.map((control, i) => {
    const text = parameters.get(control.name);
    if (text === null) return preset[i];
    const entry = readEntry(control, text);
    if (entry === null) faults.push(`${control.label}: ${text}`);
    return entry ?? preset[i];
  });
  const at = parameters.get("at") ?? "";
  return { choice, row: /^\d+$/.test(at) ? Number(at) : null, faults };
}
