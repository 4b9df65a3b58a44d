/** The controls of an explorer. Each is {node, set}: an element, and how to show an entry of a choice. */

import { transform } from "./axes.js";
import { html } from "./elements.js";
import { short } from "./numbers.js";

const STEPS = [200, 100, 50, 20, 10, 5, 2, 1]; // of a continuous slider from end to end

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

export const CONTROLS = { list: createListSlider, range: createContinuousSlider, words: createButtons };
