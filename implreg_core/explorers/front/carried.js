/** Settings that a reader takes from one explorer to another, which has some of its controls. */

import { html } from "./elements.js";

/** How far a listed number is from another, by their ratio if both are positive. */
const distance = (value, number) =>
  (value > 0 && number > 0 ? Math.abs(Math.log(value / number)) : Math.abs(value - number));

/** The entry nearest to numbers that a control cannot hold; null if it holds something else. */
export function nearest({ kind, values, low, high }, numbers) {
  if (!numbers.every(Number.isFinite) || numbers.length !== (kind === "matrix" ? 4 : 1)) return null;
  const within = numbers.map((number) => Math.min(high, Math.max(low, number)));
  if (kind === "matrix") return within;
  if (kind === "range" || kind === "guess") return within[0];
  if (kind !== "list") return null;
  const far = values.map((value) => distance(value, numbers[0]));
  return far.indexOf(Math.min(...far));
}

/** Where the settings of a figure come from, and what became of them, as a sentence or more. */
export function arrivalWords({ from, taken, fitted, left }) {
  const part = (name, items) => (items.length ? ` ${name}: ${items.join(", ")}.` : "");
  const words = left.map((name) => name.replaceAll("_", " "));
  return `These settings come from “${from}”.${part("Taken along", taken)}${part("Fitted to this figure", fitted)}${
    part("Not taken along", words)}`;
}

/**
 * Links that take the settings on show to the figures that `spec` names; none where the page has no others beside it.
 * `set` tells them a choice.
 */
export function createOnward(spec, address) {
  if (!spec.continues.length || !address?.onward) return { nodes: [], set: () => {} };
  const links = spec.continues.map(({ question }) => html("a", {}, question));
  const node = html("p", { class: "implreg-onward" }, html("span", {}, "Take these settings to"), ...links);
  const set = (choice) =>
    links.forEach((link, i) => link.setAttribute("href", address.onward(spec.continues[i], choice)));
  return { nodes: [node], set };
}
