/**
 * The front end of `implreg_core.explorers`: an anywidget module that draws runs as linked views with one marker.
 *
 * Its model holds `spec` (what to draw), `choice` (an entry per control, set here: the index of a listed value, a
 * number, a text, or four numbers) and, set by the model in return, `answer`: {choice, and one of stored, computed,
 * error}; `beside` is such an answer, of the run that is kept for comparison when the figure opens, or null. In Jupyter
 * the model is a widget; in a static page host.js makes one, which also has an `address`.
 *
 * What is on show can be read as `figure.implreg`: `settings` by control name; the `run` by column name, with its
 * `choice`, of the last setting that had one; the marker's `row`; `error`, null or a text; the `kept` run, null or
 * {choice, run}; whether what comes after the marker is `veiled`, as before a first play.
 */

import { createActions } from "./actions.js";
import { widen } from "./columns.js";
import { createTabs, createTimeline } from "./controls.js";
import { html } from "./elements.js";
import { sentences } from "./endings.js";
import { rowAt } from "./ghost.js";
import { createControls, createViews } from "./kinds.js";
import { valueAt } from "./lines.js";
import { openingRow, readAnswer } from "./runs.js";
import { inWords, seenFrom } from "./settings.js";

const WIDE = ["matrix", "grid", "norm"]; // kinds of controls that stand beside the knobs
const PLAY_MS = 5000; // from the first row to the last
const COARSE_MS = 500; // one step of a play with reduced motion
const QUIET_MS = 500; // what follows a change, such as an announcement, waits until nothing has moved for so long

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
  const veils = spec.opens === "start"; // until the run has been played to its end, what comes is not drawn
  const shown = { settings: {}, run: null, choice: null, row: 0, error: null, kept: null, veiled: veils };
  let drawn = null; // the run on show: {choice, run, kinds, formats, diverged}; as such another one is kept
  let limits = null; // by column, of all runs since the last reset
  let drawnWidth = 0;
  let sent = null; // the choice that the model is working on
  let next = null; // the choice to send when it has answered
  let still = null; // the picture that this figure stands in for
  let frame = null; // the animation frame that a play waits for
  let quiet = null; // the timer that runs after a change
  let rest = null; // and the one after a turn of the view in space

  const controls = createControls(spec.controls, id, (i, entry) => request(latest().with(i, entry)));
  const plots = spec.views.filter((view) => view.kind === "plot");
  const time = { ...plots[0].x, where: null }; // what the timeline shows
  const logarithmic = new Set(plots.flatMap((view) => [
    ...(view.x.scale === "log" ? [view.x.column] : []),
    ...(view.y.scale === "log" ? view.series.map((series) => series.column) : [])]));
  const reading = { controls, time: time.column, logarithmic };
  const lastRow = () => shown.run[time.column].length - 1;
  const latest = () => next ?? sent ?? model.get("choice");
  const views = createViews(spec.views, time.column, scrub, spec.controls, turned);
  const space = views.find((view) => view.look);
  const tabs = createTabs(views, spec.views.map((view) => view.title), id);
  const timeline = createTimeline(spec.scrubber, `${id}-time`, spec.play, {
    scrub,
    toggle: () => (frame === null ? play() : pause()),
    reset: () => {
      pause();
      limits = null;
      shown.veiled = veils;
      shown.kept ??= opening();
      views.forEach((view) => view.reset?.());
      if (shown.run !== null) shown.row = restRow();
      request(spec.default);
    },
  });
  const nodes = (wide) =>
    controls.filter((_, i) => WIDE.includes(spec.controls[i].kind) === wide).map(({ node }) => node);
  const message = html("p", { class: "implreg-message", role: "alert" });
  const live = html("p", { class: "implreg-live", "aria-live": "polite" });
  const grid = html("div", { class: "implreg-views" }, ...views.map((view) => view.node));
  const viewpoint = () => space?.viewpoint() ?? null;
  const present = () =>
    ({ choice: latest(), row: markedRow(), view: viewpoint(), kept: shown.kept?.choice ?? null });
  const actions = createActions({ spec, address: model.address, figure, toggleKept, present, drawing,
    complain: (text) => void (message.textContent = text) });
  const ending = html("p", { class: "implreg-ending" });
  const arrived = html("p", { class: "implreg-arrived", role: "status" });
  figure.setAttribute("aria-labelledby", id);
  figure.replaceChildren(
    html("p", { class: "implreg-question", id }, spec.question), arrived,
    html("div", { class: "implreg-controls" },
      ...nodes(true), html("div", { class: "implreg-knobs" }, ...nodes(false))),
    message, html("div", {}, tabs.node, grid, timeline.node), ending, live,
    html("figcaption", {}, spec.caption), ...actions.nodes);
  // or JupyterLab's notebook shortcuts would steal the keys
  figure.querySelectorAll("input, button, textarea").forEach((node) => (node.dataset.lmSuppressShortcuts = "true"));
  figure.implreg = shown;

  /** Asks the model for a run; the answer comes through `receive`, at once where no kernel is asked. */
  function request(choice) {
    arrived.textContent = "";
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
    actions.setChoice(choice);
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
    const text = shown.error === null ? "" : `${shown.error} (The drawing has not changed.)`;
    if (message.textContent !== text) message.textContent = text;
    figure.classList.toggle("implreg-stale", shown.error !== null);
    send();
  }

  function accept(answer) {
    const found = readAnswer(answer, reading);
    if (found === null) {
      shown.error = "Nothing is drawn: this start has no finite value to show. (A zero matrix has no effective rank.)";
      return;
    }
    const first = shown.run === null;
    const part = first || shown.row === restRow() ? null : shown.row / lastRow();
    drawn = found;
    Object.assign(shown, { run: found.run, choice: found.choice });
    shown.row = part === null ? restRow() : Math.round(part * lastRow());
    controls.forEach((control) => control.accept?.(found.run));
    limits = widen(spec.limits ?? limits, found.kinds);
    draw();
    if (!first) settle();
  }

  /** The run that the figure opens with beside its own. */
  function opening() {
    const answer = model.get("beside") ?? null;
    return answer === null || answer.error ? null : readAnswer(answer, reading);
  }

  /** Keeps the run on show beside those to come, or forgets the one that is kept. */
  function toggleKept() {
    if (shown.run === null) return;
    shown.kept = shown.kept === null ? drawn : null;
    draw();
    const words = inWords(spec.controls, shown.choice) || "this run";
    settle(shown.kept ? `Kept, as thin lines with rings: ${words}. ` : "The kept run is gone. ");
  }

  /** Reads all widths at once, and only when they may have changed: after each change of the page it costs a layout. */
  function measure() {
    drawnWidth = grid.clientWidth;
    tabs.fit();
    views.forEach((view) => view.measure());
    if (drawnWidth === 0) return; // not yet in the page
    still ??= stillBefore(figure, spec.slug);
    if (still) still.hidden = true;
  }

  /** What sets the kept run apart from the one on show, in words. */
  const keptWords = () => inWords(spec.controls, shown.kept.choice, shown.choice) || "this run";

  function draw() {
    if (drawnWidth === 0 || shown.run === null) return;
    const kept = shown.kept && { ...shown.kept, words: keptWords() };
    if (kept) limits = widen(limits, kept.kinds);
    actions.setKept(kept !== null);
    views.forEach((view) => view.draw(drawn, kept, limits));
    timeline.setLast(lastRow());
    mark();
  }

  const keptRow = () =>
    shown.kept && rowAt(shown.kept.run[time.column], shown.run[time.column][shown.row], time.scale);

  /** Moves the marker to `shown.row` in all views. */
  function mark() {
    if (drawnWidth === 0) return;
    if (shown.row === lastRow()) shown.veiled = false;
    figure.classList.toggle("implreg-veiled", shown.veiled);
    const beside = keptRow();
    views.forEach((view) => view.mark(shown.row, beside, shown.veiled));
    timeline.set(shown.row, `${time.label} ${valueAt(time, shown.run, shown.row, drawn.formats)}`);
    const text = endings().join(" ");
    if (ending.textContent !== text) ending.textContent = text;
  }

  const endings = () => (shown.veiled ? [] : sentences(spec.endings, drawn, shown.kept));

  function scrub(row) {
    pause();
    shown.row = row;
    mark();
    settle();
  }

  /**
   * When all has come to rest: tells a screen reader the `news`, and the values at the marker, each once, and writes
   * the address.
   */
  function settle(news = "") {
    const series = new Map(spec.views.flatMap((view) => (view.kind === "plot" ? [{ ...view.x, where: null }] : [])
      .concat(view.series)).map((one) => [one.column, one]));
    const values = ({ run, formats }, row) =>
      [...series.values()].map((one) => `${one.label} ${valueAt(one, run, row, formats)}`).join("; ");
    clearTimeout(quiet);
    quiet = setTimeout(() => {
      const beside = shown.kept ? [`The kept run: ${values(shown.kept, keptRow())}`] : [];
      live.textContent = news + [values(drawn, shown.row), ...beside, ...endings()].join(". ");
      model.address?.write(present());
    }, QUIET_MS);
  }

  /** Writes the address when a view in space has come to rest; nothing that is announced has changed. */
  function turned() {
    clearTimeout(rest);
    rest = setTimeout(() => model.address?.write(present()), QUIET_MS);
  }

  /** Where the marker is when the figure opens. */
  const openRow = () => openingRow(spec.opens, shown.run, lastRow());
  const restRow = () => (veils && !shown.veiled ? lastRow() : openRow());
  const markedRow = () => (shown.run === null || shown.row === openRow() ? null : shown.row);

  /** The lines above a downloaded picture: what is asked, the settings of the run and of the kept one, and the eye. */
  function heading() {
    const settings = inWords(spec.controls, shown.choice);
    const kept = shown.kept && `Kept beside it, thin with rings: ${keptWords()}`;
    return [spec.question, settings, kept, seenFrom(viewpoint())].filter(Boolean);
  }

  /** What a download holds; null where nothing is drawn. */
  function drawing() {
    if (shown.run === null) return null;
    const runs = [drawn, shown.kept].filter(Boolean).map(({ choice, run }) => ({ settings: settingsOf(choice), run }));
    return { figure, heading: heading(), runs };
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

  const reveal = () => shown.veiled && shown.run !== null && scrub(lastRow()); // on paper nothing can be played

  model.on("change:answer", receive);
  addEventListener("beforeprint", reveal);
  const resize = new ResizeObserver(() => {
    if (grid.clientWidth === drawnWidth) return;
    measure();
    requestAnimationFrame(draw);
  });
  resize.observe(grid);
  measure();
  shown.kept = opening();
  const opened = model.address?.read() ?? null;
  request(opened?.choice ?? model.get("choice"));
  if (opened?.view?.length === 2) space?.look(...opened.view);
  if (opened?.row != null && shown.run !== null) scrub(Math.min(opened.row, lastRow()));
  if (opened?.arrival) arrived.textContent = opened.arrival;
  if (opened?.faults.length) message.textContent = `The link asks for what is not here (${opened.faults.join("; ")}).`;
  return () => {
    pause();
    clearTimeout(quiet);
    clearTimeout(rest);
    resize.disconnect();
    if (still) still.hidden = false;
    removeEventListener("beforeprint", reveal);
    model.off("change:answer", receive);
  };
}
