/** The controls of an explorer. Each is {node, set}: an element, and how to show an entry of a choice. */

import { transform } from "./axes.js";
import { build, html } from "./elements.js";
import { short } from "./numbers.js";

const STEPS = [200, 100, 50, 20, 10, 5, 2, 1]; // of a continuous slider from end to end
const TAB_KEYS = { ArrowLeft: (at) => at - 1, ArrowRight: (at) => at + 1, Home: () => 0, End: () => -1 };

/** A slider that shows, and tells a screen reader, a text for its value. */
export function createRange(id, last, choose) {
  const input = html("input", { type: "range", id, min: 0, max: last, step: 1 });
  const output = html("output", { for: id });
  input.addEventListener("input", () => choose(Number(input.value)));
  const set = (place, text) => {
    input.value = place;
    input.setAttribute("aria-valuetext", text);
    output.textContent = text;
  };
  return { input, output, set };
}

function labelled(label, id, output, input) {
  return html("div", { class: "implreg-control" }, html("label", { for: id }, label), output, input);
}

/** A slider over listed values; an entry is an index. */
function createListSlider({ label, texts }, id, choose) {
  const { input, output, set } = createRange(id, texts.length - 1, choose);
  return { node: labelled(label, id, output, input), set: (index) => set(index, texts[index]) };
}

/** The places of a slider whose numbers are `step` apart; the last may fall short of `high`. */
function steppedScale({ low, high, step }) {
  const last = Math.floor((high - low) / step + 1e-9);
  const number = (place) => {
    const value = low + place * step;
    return Math.abs(value) < 1e-9 * step ? 0 : Math.min(high, Math.max(low, Number(value.toPrecision(12))));
  };
  return { last, number, place: (value) => Math.min(last, Math.round((value - low) / step)) };
}

/**
 * The places of a slider that are even on a scale. Between the ends each stands for the shortest number that is nearer
 * to it than to the others, of three digits at most: who leaves 0.01 can come back to it.
 */
function roundedScale({ low, high, scale }, last) {
  const { f, inverse } = transform(scale);
  const across = f(high) - f(low);
  const place = (value) => Math.round((last * (f(value) - f(low))) / across);
  const number = (at) => {
    if (at === 0) return low;
    if (at === last) return high;
    const exact = inverse(f(low) + (at / last) * across);
    const rounded = [1, 2, 3].map((digits) => Number(exact.toPrecision(digits)));
    return [0, ...rounded].find((candidate) => place(candidate) === at) ?? rounded.at(-1);
  };
  return { last, number, place };
}

/** The places of a continuous slider, 0 to `last`, and the numbers they stand for. */
export function scaleOf(control) {
  if (control.step !== null) return steppedScale(control);
  // As many as keep their places when they are rounded: an arrow key would be stuck before one that falls back.
  const kept = ({ last, number, place }) =>
    Array.from({ length: last }, (_, i) => place(number(i)) - i).every((shift) => shift === 0);
  return STEPS.map((last) => roundedScale(control, last)).find(kept);
}

/** A slider over an interval; an entry is a number. */
function createContinuousSlider(control, id, choose) {
  const { last, number, place } = scaleOf(control);
  const { input, output, set } = createRange(id, last, (chosen) => choose(number(chosen)));
  const text = (value) => short(value, control.step === null ? 3 : 12);
  return { node: labelled(control.label, id, output, input), set: (value) => set(place(value), text(value)) };
}

/** A row of radio buttons for a choice between words; an entry is an index. */
function createButtons({ label, texts }, id, choose) {
  const inputs = texts.map((_, index) => html("input", { type: "radio", name: id, value: index }));
  inputs.forEach((input, index) => input.addEventListener("change", () => choose(index)));
  const segments = texts.map((text, index) => html("label", {}, inputs[index], html("span", {}, text)));
  const node = html("fieldset", { class: "implreg-control" },
    html("legend", {}, label), html("div", { class: "implreg-segments" }, ...segments));
  return { node, set: (index) => void (inputs[index].checked = true) };
}

export const button = (text, onclick, attributes = {}) =>
  Object.assign(html("button", { type: "button", ...attributes }, text), { onclick });

/** The scrubber through the rows of a run, with its play button, called `play` (null: none), and its reset button. */
export function createTimeline(label, id, play, { scrub, toggle, reset }) {
  const playButton = button(play, toggle);
  const { input, output, set } = createRange(id, 0, scrub);
  const node = html("div", { class: "implreg-timeline" },
    ...(play === null ? [] : [playButton]), button("Reset", reset), html("label", { for: id }, label), output, input);
  const setLast = (last) => void (input.max = last);
  const setPlaying = (playing) => void (playButton.textContent = playing ? "Pause" : play);
  return { node, set, setLast, setPlaying };
}

/**
 * The tabs of `views`, {node}, called `titles`, under which they are seen one at a time in a narrow place: narrow.css
 * says which place is one, and `fit` looks, when the width has changed.
 */
export function createTabs(views, titles, id) {
  const tabs = titles.map((title, i) => button(title, () => choose(i), { class: "implreg-tab", id: `${id}-tab-${i}` }));
  const node = html("div", { class: "implreg-tabs", role: "tablist", "aria-label": "Views" },
    ...(tabs.length > 1 ? tabs : []));
  let chosen = 0;

  function choose(at) {
    chosen = (at + tabs.length) % tabs.length;
    tabs.forEach((tab, i) => {
      build(tab, { "aria-selected": i === chosen, tabindex: i === chosen ? 0 : -1 });
      views[i].node.classList.toggle("implreg-chosen", i === chosen);
    });
  }

  /** Where all views are seen, there is nothing to choose, and they are no panels. */
  function fit() {
    const used = tabs.length > 1 && getComputedStyle(node).display !== "none";
    views.forEach(({ node: view }, i) => {
      if (used) build(view, { role: "tabpanel", "aria-labelledby": tabs[i].id });
      else ["role", "aria-labelledby"].forEach((name) => view.removeAttribute(name));
    });
  }

  tabs.forEach((tab, i) => {
    views[i].node.id = `${id}-view-${i}`;
    build(tab, { role: "tab", "aria-controls": views[i].node.id });
  });
  node.addEventListener("keydown", (event) => {
    const way = TAB_KEYS[event.key];
    if (way === undefined) return;
    event.preventDefault();
    choose(way(chosen));
    tabs[chosen].focus();
  });
  choose(0);

  return { node, fit };
}

export const CONTROLS = { list: createListSlider, range: createContinuousSlider, words: createButtons };
