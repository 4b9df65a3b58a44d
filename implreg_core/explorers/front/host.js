/**
 * The static page's host: mounts each explorer when it comes near the screen, or before printing, with a model that
 * answers from the runs stored in the page, or runs the programs that the page carries.
 */

import { readQuery, writeQuery } from "./address.js";
import { render } from "./explorer.js";
import { gridArguments } from "./grid_text.js";

/** Of this script, null where it stands in the page itself, which then holds nothing but one figure. */
const SOURCE = document.currentScript?.src || null;
const WARM_RUNS = 3; // of a program, while the page is idle: browsers compile what runs often
const MARGIN = 400; // pixels from the screen, within which an explorer is mounted

/** The explorer's state in the page's address. */
function addressOf(figure, spec) {
  const to = (page, id, state) => {
    const url = new URL(page, location.href);
    url.search = writeQuery(spec.controls, state);
    url.hash = id;
    return url.href;
  };
  const at = (page) => (state) => {
    const asOpened = String(state.kept) === String(spec.beside);
    return to(page, figure.id, { ...state, kept: asOpened ? undefined : state.kept });
  };
  const link = at(location.href);
  return {
    link,
    // A figure that stands alone has no other pages beside it.
    onward: SOURCE && (({ page, slug }, choice) => to(`${page}.html`, slug, { choice, from: spec.question })),
    alone: SOURCE ? at(new URL(`../embed/${figure.id}.html`, SOURCE)) : link,
    read: () =>
      location.hash === `#${figure.id}` ? readQuery(spec.controls, spec.default, location.search) : null,
    write: (state) => {
      try {
        history.replaceState(history.state, "", link(state));
      } catch {
        // A page opened from disk may not change its address; the button still copies the link.
      }
    },
  };
}

/** What a program gets of the entry of a continuous control, by its kind. */
const ARGUMENTS = { range: (entry) => [entry], matrix: (entry) => [Float64Array.from(entry)], grid: gridArguments };

/** What answers a choice, from the programs of listed settings, each a function of the continuous ones or a reason. */
function programmed(spec, programs) {
  return (choice) => {
    const listed = choice.filter((_, i) => spec.controls[i].values);
    const traced = choice.flatMap((entry, i) => ARGUMENTS[spec.controls[i].kind]?.(entry) ?? []);
    const program = programs[listed.join()];
    if (typeof program === "string") return { choice, error: program };
    const columns = program(...traced);
    return { choice, computed: Object.fromEntries(spec.columns.map((name, i) => [name, columns[i]])) };
  };
}

/** What answers a choice from the stored outcomes of all. */
function stored(spec, outcomes) {
  return (choice) => {
    const place = (sum, entry, i) => (spec.controls[i].values ? sum * spec.controls[i].values.length + entry : sum);
    const index = choice.reduce(place, 0);
    return { choice, ...outcomes[index] };
  };
}

/** The stand-in for a widget model: the part of its interface that explorer.js uses, and the address. */
function createModel(figure, spec, answer) {
  const address = addressOf(figure, spec);
  const said = address.read()?.kept;
  const kept = said === undefined ? spec.beside : said;
  const state = { spec, choice: spec.default, answer: null, beside: kept && answer(kept) };
  return {
    address,
    get: (name) => state[name],
    set: (name, value) => void (state[name] = value),
    save_changes: () => void (state.answer = answer(state.choice)), // at once, so nobody need be told
    on: () => {},
    off: () => {},
  };
}

function mount(figure) {
  if (figure.implreg) return;
  const data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  const { limits, outcomes } = data;
  const spec = { ...data.spec, limits };
  const answer = outcomes ? stored(spec, outcomes) : programmed(spec, globalThis.implregPrograms[spec.slug]);
  render({ model: createModel(figure, spec, answer), el: figure });
  if (!outcomes) warm(() => answer(spec.default), WARM_RUNS);
}

function warm(run, times) {
  if (times > 0) (globalThis.requestIdleCallback ?? setTimeout)(() => (run(), warm(run, times - 1)));
}

function start() {
  const figures = [...document.querySelectorAll("figure.implreg-explorer")];
  const near = ({ top, bottom }) => bottom > -MARGIN && top < innerHeight + MARGIN;
  figures.filter((figure) => near(figure.getBoundingClientRect())).forEach(mount);
  const arrive = (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => mount(entry.target));
  const observer = new IntersectionObserver(arrive, { rootMargin: `${MARGIN}px` });
  figures.forEach((figure) => observer.observe(figure));
  addEventListener("beforeprint", () => figures.forEach(mount));
}

// Not DOMContentLoaded, which waits until the theme's scripts have run.
if (document.readyState === "loading") document.addEventListener("readystatechange", start, { once: true });
else start();
