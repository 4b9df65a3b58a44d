/**
 * The front end of `implreg_core.explorers`: an anywidget module that draws runs as linked views with one marker.
 *
 * Its model holds `spec` (what to draw), `choice` (an entry per control, set here: the index of a listed value, a
 * number, a text, or four numbers) and, set by the model in return, `answer`: {choice, and one of stored, computed,
 * error}. In Jupyter the model is a widget; in a static page host.js makes one, which also has an `address`.
 *
 * What is on show can be read as `figure.implreg`: `settings` by control name; the `run` by column name, with its
 * `choice`, of the last setting that had one; the marker's `row`; `error`, null or a text; whether the run `diverged`.
 */

import { CONTROLS, button, createTimeline } from "./controls.js";
import { describe, readRun, widen } from "./columns.js";
import { html } from "./elements.js";
import { createMatrixPad } from "./matrix_pad.js";
import { formatter } from "./numbers.js";
import { SAVE } from "./save.js";
import { createNormField } from "./text_control.js";
import { createView } from "./view.js";

const KINDS = { ...CONTROLS, matrix: createMatrixPad, norm: createNormField };
const PLAY_MS = 5000; // from the first row to the last
const COARSE_MS = 500; // one step of a play with reduced motion
const QUIET_MS = 500; // what follows a change, such as an announcement, waits until nothing has moved for so long
const DIVERGED = "The run diverges; it is drawn up to its last row before that.";

/** In a notebook, the still picture that comes before the widget: it stays where no kernel answers. */
function stillBefore(figure, slug) {
  for (let node = figure; node; node = node.parentElement ?? node.getRootNode().host) {
    const still = node.previousElementSibling?.querySelector(`[data-still="${slug}"]`);
    if (still) return still;
  }
  return null;
}

/** Tells figures apart, also where Jupyter loads this module once for each. */
const newId = () => `implreg-${(globalThis.implregFigures = (globalThis.implregFigures ?? 0) + 1)}`;

export function render({ model, el }) {
  const spec = model.get("spec");
  const id = newId();
  const figure = el.matches(".implreg-explorer") ? el : el.appendChild(html("figure", { class: "implreg-explorer" }));
  const shown = { settings: {}, run: null, choice: null, row: 0, error: null, diverged: false };
  let formats; // by column
  let limits = null; // by column, of all runs since the last reset
  let drawnWidth = 0;
  let sent = null; // the choice that the model is working on
  let next = null; // the choice to send when it has answered
  let still = null; // the picture that this figure stands in for
  let frame = null; // the animation frame that a play waits for
  let quiet = null; // the timer that runs after a change

  const controls = spec.controls.map((item, i) =>
    KINDS[item.kind](item, `${id}-${i}`, (entry) => request(latest().with(i, entry))));
  const time = spec.views[0].x; // what the timeline shows
  const logarithmic = new Set(spec.views.flatMap((view) => [
    ...(view.x.scale === "log" ? [view.x.column] : []),
    ...(view.y.scale === "log" ? view.series.map((series) => series.column) : [])]));
  const lastRow = () => shown.run[time.column].length - 1;
  const latest = () => next ?? sent ?? model.get("choice");
  const views = spec.views.map((view) => createView(view, time.column, scrub));
  const timeline = createTimeline(spec.scrubber, `${id}-time`, {
    scrub,
    toggle: () => (frame === null ? play() : pause()),
    reset: () => {
      pause();
      limits = null;
      if (shown.run !== null) shown.row = lastRow();
      request(spec.default);
    },
  });
  const nodes = (wide) =>
    controls.filter((_, i) => ["matrix", "norm"].includes(spec.controls[i].kind) === wide).map(({ node }) => node);
  const message = html("p", { class: "implreg-message", role: "alert" });
  const live = html("p", { class: "implreg-live", "aria-live": "polite" });
  const grid = html("div", { class: "implreg-views" }, ...views.map((view) => view.node));
  const save = (kind) => button(kind, () => download(kind),
    { "aria-label": `Download ${kind === "CSV" ? "the data" : "the picture"} as ${kind}` });
  const copy = button("Copy link", () => void copyText(copy, "Copy link", model.address.link(latest(), markedRow())),
    { title: "Copy an address that opens this view" });
  const embed = button("Embed",
    () => void copyText(embed, "Embed", frameOf(model.address.alone(latest(), markedRow()))),
    { title: "Copy HTML that shows this view in another page" });
  const actions = html("div", { class: "implreg-actions" },
    ...(model.address ? [copy, embed] : []), html("span", {}, "Download"), ...Object.keys(SAVE).map(save));
  figure.setAttribute("aria-labelledby", id);
  figure.replaceChildren(
    html("p", { class: "implreg-question", id }, spec.question),
    html("div", { class: "implreg-controls" },
      ...nodes(true), html("div", { class: "implreg-knobs" }, ...nodes(false))),
    message, html("div", {}, grid, timeline.node), live, html("figcaption", {}, spec.caption), actions);
  // or JupyterLab's notebook shortcuts would steal the keys
  figure.querySelectorAll("input, button").forEach((node) => (node.dataset.lmSuppressShortcuts = "true"));
  figure.implreg = shown;

  /** Asks the model for a run; the answer comes through `receive`, at once where no kernel is asked. */
  function request(choice) {
    setControls(choice);
    next = choice;
    send();
  }

  /** One question at a time: while a kernel thinks, only the last of the choices made meanwhile is kept. */
  function send() {
    if (sent !== null || next === null) return;
    [sent, next] = [next, null];
    model.set("choice", sent);
    model.save_changes();
    figure.setAttribute("aria-busy", "true");
    receive();
  }

  const settingsOf = (choice) =>
    Object.fromEntries(spec.controls.map(({ name, values }, i) => [name, values ? values[choice[i]] : choice[i]]));

  function setControls(choice) {
    choice.forEach((entry, i) => controls[i].set(entry));
    shown.settings = settingsOf(choice);
  }

  /** Draws the model's answer if it is to the present choice. */
  function receive() {
    const answer = model.get("answer");
    if (String(answer.choice) !== String(model.get("choice"))) return;
    sent = null;
    figure.removeAttribute("aria-busy");
    if (next === null) setControls(answer.choice); // another view of the same widget may have chosen
    shown.error = answer.error ?? null;
    if (shown.error === null) accept(answer);
    const note = shown.diverged ? DIVERGED : "";
    const text = shown.error === null ? note : `${shown.error} (The drawing has not changed.)`;
    if (message.textContent !== text) message.textContent = text;
    figure.classList.toggle("implreg-stale", shown.error !== null);
    send();
  }

  function accept(answer) {
    const { values, kinds, diverged } = readRun(answer, time.column, logarithmic);
    if (values[time.column].length === 0) {
      shown.error = "Nothing is drawn: this start has no finite value to show. (A zero matrix has no effective rank.)";
      return;
    }
    controls.forEach((control, i) => {
      const more = control.extend?.(answer.choice[i], values) ?? {};
      Object.assign(values, more);
      for (const name in more) kinds[name] = describe(more[name], logarithmic.has(name));
    });
    const first = shown.run === null;
    const part = first || shown.row === lastRow() ? 1 : shown.row / lastRow();
    Object.assign(shown, { run: values, choice: answer.choice, diverged });
    shown.row = Math.round(part * lastRow());
    formats = Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, formatter(kind)]));
    limits = widen(spec.limits ?? limits, kinds);
    draw();
    if (!first) settle();
  }

  /** Reads all widths at once, and only when they may have changed: after each change of the page it costs a layout. */
  function measure() {
    drawnWidth = grid.clientWidth;
    views.forEach((view) => view.measure());
    if (drawnWidth === 0) return; // not yet in the page
    still ??= stillBefore(figure, spec.slug);
    if (still) still.hidden = true;
  }

  function draw() {
    if (drawnWidth === 0 || shown.run === null) return;
    views.forEach((view) => view.draw(shown.run, formats, limits));
    timeline.setLast(lastRow());
    mark();
  }

  /** Moves the marker to `shown.row` in all views. */
  function mark() {
    if (drawnWidth === 0) return;
    views.forEach((view) => view.mark(shown.row));
    timeline.set(shown.row, `${time.label} ${formats[time.column](shown.run[time.column][shown.row])}`);
  }

  function scrub(row) {
    pause();
    shown.row = row;
    mark();
    settle();
  }

  /** When all has come to rest: tells a screen reader the values at the marker, each once, and writes the address. */
  function settle() {
    const labels = new Map(spec.views.flatMap((view) => [view.x, ...view.series].map((s) => [s.column, s.label])));
    const value = ([column, label]) => `${label} ${formats[column](shown.run[column][shown.row])}`;
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      live.textContent = [...labels].map(value).join("; ");
      model.address?.write(latest(), markedRow());
    }, QUIET_MS);
  }

  const markedRow = () => (shown.run === null || shown.row === lastRow() ? null : shown.row);

  /** An element for another page, as high as this figure is now. */
  function frameOf(address) {
    const element = html("iframe", {
      src: address, title: spec.question, loading: "lazy", style: "border: 0",
      width: "100%", height: Math.ceil(figure.offsetHeight) + 60,
    });
    return element.outerHTML;
  }

  async function copyText(pressed, name, text) {
    try {
      await navigator.clipboard.writeText(text);
      pressed.textContent = "Copied";
      setTimeout(() => (pressed.textContent = name), 2000);
    } catch {
      message.textContent = `The browser does not let this page copy. Here it is: ${text}`;
    }
  }

  /** The lines above a downloaded picture: what is asked, and the settings of the run that is drawn. */
  function heading() {
    const written = spec.controls.map(({ label, texts, kind }, i) => {
      const entry = shown.choice[i];
      return `${label}: ${texts ? texts[entry] : kind === "matrix" ? `(${entry.join(", ")})` : entry}`;
    });
    return [spec.question, ...(written.length ? [written.join("; ")] : [])];
  }

  function download(kind) {
    if (shown.run === null) return;
    SAVE[kind](spec.slug, { figure, heading: heading(), settings: settingsOf(shown.choice), run: shown.run });
  }

  function play() {
    if (shown.run === null) return;
    if (shown.row === lastRow()) shown.row = 0;
    const coarse = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const [start, from] = [performance.now(), shown.row / Math.max(1, lastRow())];
    const step = (now) => {
      const elapsed = Math.max(0, now - start); // a frame may be stamped with a time before its request
      const played = coarse ? elapsed - (elapsed % COARSE_MS) : elapsed;
      const part = Math.min(1, from + played / PLAY_MS);
      shown.row = Math.round(part * lastRow());
      mark();
      if (part < 1) frame = requestAnimationFrame(step);
      else pause();
    };
    timeline.setPlaying(true);
    frame = requestAnimationFrame(step);
  }

  function pause() {
    if (frame === null) return;
    cancelAnimationFrame(frame);
    frame = null;
    timeline.setPlaying(false);
    settle();
  }

  model.on("change:answer", receive);
  const resize = new ResizeObserver(() => {
    if (grid.clientWidth === drawnWidth) return;
    measure();
    requestAnimationFrame(draw);
  });
  resize.observe(grid);
  measure();
  const opened = model.address?.read() ?? null;
  request(opened?.choice ?? model.get("choice"));
  if (opened?.row != null && shown.run !== null) scrub(Math.min(opened.row, lastRow()));
  if (opened?.faults.length) message.textContent = `The link asks for what is not here (${opened.faults.join("; ")}).`;
  return () => {
    pause();
    clearTimeout(quiet);
    resize.disconnect();
    if (still) still.hidden = false;
    model.off("change:answer", receive);
  };
}
