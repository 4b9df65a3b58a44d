/**
 * An explorer's state in an address: `?depth=3&rate=0.02&start=1,0,0,1&at=57#explore-...`. A choice has one entry for
 * each control: the index of a listed value, a number, the text of a norm or of a grid, or the four entries of a
 * matrix. `at` is the row of the marker, `view` from where a view in space is seen, in degrees. The choice of a kept
 * run is written in the same way, each name after `beside.`; `beside=none` says that there is none where the explorer
 * would open with one. `from` is the question of another explorer that these settings come from: see carried.js.
 */

import { arrivalWords, nearest } from "./carried.js";
import { parseGrid, writeGrid } from "./grid_text.js";
import { parse } from "./norm_language.js";
import { nameOf, textOf } from "./settings.js";

const KEPT = "beside.";
const OTHERS = ["at", "view", "beside", "from"]; // what no control is called

const numbersOf = (text) => text.split(",").map((part) => (part.trim() === "" ? NaN : Number(part)));

/**
 * The query of a choice. Without `row`, the marker is where it is at opening, and so are, without `view`, the eye, and
 * without `kept` (null says that none is), the kept run.
 */
export function writeQuery(controls, { choice, row = null, view = null, kept, from }) {
  const query = new URLSearchParams();
  const write = (entries, prefix) => controls.forEach(({ name, values }, i) =>
    query.set(`${prefix}${name}`, values ? values[entries[i]] : entries[i]));
  write(choice, "");
  if (row !== null) query.set("at", row);
  if (view !== null) query.set("view", view);
  if (kept) write(kept, KEPT);
  else if (kept === null) query.set("beside", "none");
  if (from) query.set("from", from);
  return query.toString().replaceAll("%2C", ",").replaceAll("%3B", ";").replaceAll("%3F", "?"); // it may hold these
}

function isNorm(text) {
  try {
    return Boolean(parse(text));
  } catch {
    return false;
  }
}

function gridOf(text) {
  try {
    return writeGrid(parseGrid(text));
  } catch {
    return null;
  }
}

/** The control's entry of a choice that a text stands for; null if it stands for none. */
function readEntry(control, text) {
  if (control.values) {
    const index = control.values.findIndex((value) => String(value) === text);
    return index < 0 ? null : index;
  }
  if (control.kind === "grid") return gridOf(text);
  if (control.kind === "norm") return isNorm(text) ? text : null;
  const numbers = numbersOf(text);
  const inside = (number) => control.low <= number && number <= control.high;
  if (numbers.length !== (control.kind === "matrix" ? 4 : 1) || !numbers.every(inside)) return null;
  return control.kind === "matrix" ? numbers : numbers[0];
}

/**
 * What a query stands for: a choice, a row, a view, and the choice of the kept run, undefined where nothing is said of
 * one; where it says nothing usable, the default, and in `faults` why. Settings that come `from` another explorer,
 * which may go further than this one, are no faults: `arrival` says what became of them.
 */
export function readQuery(controls, preset, query) {
  const parameters = new URLSearchParams(query);
  const from = parameters.get("from");
  const [faults, taken, fitted, left] = [[], [], [], []];
  const read = (prefix, words) => controls.map((control, i) => {
    const text = parameters.get(`${prefix}${control.name}`);
    if (text === null) return preset[i];
    const entry = readEntry(control, text);
    if (entry === null) faults.push(`${words}${control.label}: ${text}`);
    return entry ?? preset[i];
  });
  const fit = () => controls.map((control, i) => {
    const text = parameters.get(control.name);
    if (text === null) return preset[i];
    const exact = readEntry(control, text);
    const entry = exact ?? nearest(control, numbersOf(text));
    if (entry === null) left.push(control.name);
    else if (entry === exact) taken.push(nameOf(control));
    else fitted.push(`${nameOf(control)} ${textOf(control, entry)} instead of ${text}`);
    return entry ?? preset[i];
  });
  const choice = from === null ? read("", "") : fit();
  const known = [...OTHERS, ...controls.map(({ name }) => name)];
  left.push(...[...parameters.keys()].filter((name) => !known.includes(name) && !name.startsWith(KEPT)));
  const at = parameters.get("at") ?? "";
  const view = parameters.has("view") ? numbersOf(parameters.get("view")) : null;
  const without = parameters.get("beside") === "none" ? null : undefined;
  const kept = [...parameters.keys()].some((name) => name.startsWith(KEPT)) ? read(KEPT, "kept ") : without;
  return { choice, row: /^\d+$/.test(at) ? Number(at) : null, view: view?.every(Number.isFinite) ? view : null, kept,
    faults, arrival: from === null ? null : arrivalWords({ from, taken, fitted, left }) };
}
