/**
 * A control for a (quasi-)norm, typed in the language of norm_language.js. Under the field stand the constants of
 * Theorem 1, or what is wrong with the text; a wrong text chooses nothing, so the last drawing stays. `extend` adds the
 * columns `norm`, `norm_bound` and `norm_share` to a run.
 */

import { button } from "./controls.js";
import { html } from "./elements.js";
import { constants, evaluate, parse } from "./norm_language.js";
import { significant } from "./numbers.js";

/** The values of a norm along a run, the bound of Theorem 1, and its share of the norm, zero where it is negative. */
export function columnsOf(node, run) {
  const { a, b } = constants(node, run.dimension[0]);
  const matrix = (i) => ({
    sigma: [run.sigma_1[i], run.sigma_2[i]],
    entries: [run.abs_11[i], run.abs_12[i], run.abs_21[i], run.abs_22[i]],
    d: run.dimension[i],
  });
  const norm = run.loss.map((_, i) => evaluate(node, matrix(i)));
  const bound = run.loss.map((loss) => a / Math.sqrt(loss) - b);
  return { norm, norm_bound: bound, norm_share: bound.map((value, i) => Math.max(0, value) / norm[i]) };
}

/** The constants in words, and from which loss on the bound is positive. */
export function describe(node, d) {
  const { a, b, c } = constants(node, d);
  const written = Object.entries({ a, b, c }).map(([name, value]) => `${name} = ${significant(value, 3)}`);
  return `${written.join(", ")}. The bound a/√ℓ − b is positive below loss ${significant((a / b) ** 2, 2)}.`;
}

export function createNormField({ label, examples }, id, choose) {
  const note = html("p", { class: "implreg-note", id: `${id}-note`, "aria-live": "polite" });
  const field = html("input", { type: "text", id, maxlength: 200, size: 30, spellcheck: "false", autocomplete: "off",
    autocapitalize: "none", "aria-describedby": note.id });
  const buttons = examples.map((text) => button(text, () => (show(text), choose(text))));
  const node = html("div", { class: "implreg-control implreg-norm" },
    html("label", { for: id }, label), field, note, html("div", { class: "implreg-examples" }, ...buttons));
  let dimension = null; // of the run on show

  const read = (text) => {
    try {
      return { norm: parse(text) };
    } catch (error) {
      return { fault: error.message };
    }
  };

  function annotate({ norm, fault }) {
    const text = fault ? `${fault} (The drawing has not changed.)` : dimension ? describe(norm, dimension) : "";
    field.setAttribute("aria-invalid", String(fault !== undefined));
    if (note.textContent !== text) note.textContent = text;
  }

  function show(text) {
    if (field.value !== text) field.value = text;
    annotate(read(text));
  }

  field.addEventListener("input", () => {
    const found = read(field.value);
    annotate(found);
    if (found.norm) choose(field.value);
  });

  /** What is being typed stays, however late a kernel answers. */
  function set(text) {
    if (document.activeElement !== field) show(text);
  }

  const extend = (text, run) => columnsOf(parse(text), run);

  /** Tells the control which run is on show. */
  function accept(run) {
    [dimension] = run.dimension;
    annotate(read(field.value));
  }

  return { node, set, extend, accept };
}
