/**
 * A control for a guess: a number to type or to drag, which no run depends on. `extend` adds it to a run as a column of
 * its own, so that a view can draw it as a line.
 */

import { createRange, scaleOf } from "./controls.js";
import { html } from "./elements.js";
import { short } from "./numbers.js";

export function createGuess(control, id, choose) {
  const { label, low, high, name } = control;
  const { last, number, place } = scaleOf(control);
  const { input, set: show } = createRange(`${id}-slide`, last, (chosen) => choose(number(chosen)));
  input.setAttribute("aria-label", label);
  const field = html("input", { type: "number", id, min: low, max: high, step: "any", inputmode: "decimal" });
  field.addEventListener("input", () => {
    if (field.checkValidity() && Number.isFinite(field.valueAsNumber)) choose(field.valueAsNumber);
  });
  let entry = null;
  const set = (value) => {
    entry = value;
    show(place(value), short(value, 12));
    if (field.valueAsNumber !== value) field.value = value; // or a text would change while it is typed
  };
  field.addEventListener("change", () => set(entry)); // a text that is no number gives way
  const node = html("div", { class: "implreg-control implreg-guess" }, html("label", { for: id }, label), field, input);
  const extend = (value, run) => ({ [name]: new Float64Array(Object.values(run)[0].length).fill(value) });
  return { node, set, extend };
}
