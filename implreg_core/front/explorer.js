/**
 * The front end of `implreg_core.explorers`: an anywidget module that draws runs as linked views with one marker.
 *
 * Its model holds `spec` (what to draw), `choice` (one index per control, set here) and, set by the model in return,
 * `answer` ({choice, limits, run | error}). In Jupyter the model is a widget; in a static page, host.js makes one.
 *
 * What is on show can be read as `figure.implreg = {settings, run, row, error}`: `settings` by control name, `run` by
 * column name (decoded; of the last setting that had one), `error` null or a text.
 */

const LEVELS = 65535; // as in explorers.py
const PLAY_MS = 5000; // from the first row to the last
const COARSE_MS = 500; // one step of a play with reduced motion
const QUIET_MS = 500; // a screen reader is told the values once nothing has moved for so long
const FONT_PX = 12.5; // of tick and axis labels; explorer.css says the same
const DASHES = ["none", "10 3", "9 3 2 3", "2 3"];
const DASHED = "5 4"; // bounds and references
const COLORS = 6; // --implreg-line-0 to --implreg-line-5

let figures = 0; // tells the radio groups of several figures apart

// ---- elements

/** Sets attributes and appends children. */
function build(node, attributes, ...children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const html = (tag, ...rest) => build(document.createElement(tag), ...rest);
const svg = (tag, ...rest) => build(document.createElementNS("http://www.w3.org/2000/svg", tag), ...rest);

// ---- numbers

const transform = (scale) => (scale === "log" ? { f: Math.log, inverse: Math.exp } : { f: Number, inverse: Number });

const superscript = (n) => String(n).replace(/[-\d]/g, (c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[c]));

/** A number with a true minus sign, its thousands set apart. */
const plain = (text) =>
  text.replace("-", "−").replace(/^−?\d{5,}/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, "\u202f"));

/** A number to `digits` significant digits, as a power of ten when it is far from 1. */
function significant(value, digits) {
  if (value === 0) return "0";
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -3 && exponent < 5) return plain(value.toFixed(Math.max(0, digits - 1 - exponent)));
  const [mantissa, power] = value.toExponential(digits - 1).split("e");
  return `${plain(mantissa)} × 10${superscript(Number(power))}`;
}

/** How to write a column's values: no digit that its stored precision does not carry. */
function formatter({ scale, low, high }) {
  if (scale === "integer") return (value) => plain(String(value));
  if (scale === "log" || low === high) return (value) => significant(value, 3);
  const decimals = Math.max(0, Math.ceil(-Math.log10((high - low) / 1e4)));
  if (decimals > 6 || Math.max(-low, high) >= 1e6) return (value) => significant(value, 3);
  return (value) => plain(value.toFixed(Math.min(decimals, 4)));
}

/** The values that `explorers.encode_column` stored. */
function decode({ scale, low, high, codes }) {
  const { f, inverse } = transform(scale);
  let level = 0;
  return Float64Array.from(codes, (difference) => {
    level += difference;
    if (scale === "integer") return low + level;
    const value = inverse((1 - level / LEVELS) * f(low) + (level / LEVELS) * f(high));
    return Math.min(high, Math.max(low, value));
  });
}

// ---- axes

/** The multiples of `step` from `low` to `high`. */
function multiples(step, low, high) {
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** Ticks at multiples of 1, 2 or 5 times a power of ten, about `count` of them. */
function linearTicks([low, high], count) {
  const power = 10 ** Math.floor(Math.log10((high - low) / count));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => (high - low) / candidate <= count);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const largest = Math.max(-low, high);
  const digits = Math.floor(Math.log10(largest)) - Math.floor(Math.log10(step) + 1e-9) + 1;
  const far = largest >= 1e5 || decimals > 4;
  const text = (value) => (far ? significant(value, digits) : plain(value.toFixed(decimals)));
  return multiples(step, low, high).map((value) => ({ value, text: text(value) }));
}

/** Ticks at powers of ten, every second, third or fifth if they crowd; linear where an axis has no two of them. */
function logTicks([low, high], count) {
  const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  if (last <= first) return linearTicks([low, high], count);
  const stride = [1, 2, 3, 5, 10, 20, 50, 100, 200, 500].find((s) => (last - first + 1) / s <= count);
  return multiples(stride, first, last).map((e) => ({ value: 10 ** e, text: `10${superscript(e)}` }));
}

const ticks = (scale, limits, count) =>
  (scale === "log" ? logTicks : linearTicks)(limits, Math.max(2, Math.floor(count)));

const textWidth = (text) => 0.6 * FONT_PX * text.length; // close enough to keep labels apart

/** As many ticks as fit side by side in `width` pixels. */
function spacedTicks(scale, limits, width) {
  const fits = (row) => row.length * (14 + Math.max(...row.map((tick) => textWidth(tick.text)))) <= width;
  const rows = multiples(1, 2, width / 40).map((count) => ticks(scale, limits, count));
  return rows.findLast(fits) ?? rows[0];
}

/** The union of some columns' limits with a little air, on the scale of the axis; never of no width. */
function range(columns, limits, scale) {
  const { f, inverse } = transform(scale);
  const low = f(Math.min(...columns.map((column) => limits[column][0])));
  const high = f(Math.max(...columns.map((column) => limits[column][1])));
  const air = high > low ? 0.03 * (high - low) : scale === "log" ? 1 : Math.abs(low) / 2 || 1;
  return [inverse(low - air), inverse(high + air)];
}

/** The map from values on an axis to pixels. */
function position(scale, [low, high], [from, to]) {
  const { f } = transform(scale);
  const slope = (to - from) / (f(high) - f(low));
  return (value) => from + (f(value) - f(low)) * slope;
}

// ---- one view

const color = (series) => `var(--implreg-line-${series.color % COLORS})`;

/** Lines of one view differ in dash as well as in colour. */
function lineStyle(view, series) {
  const place = view.series.filter((other) => !other.dashed).indexOf(series);
  return `stroke: ${color(series)}; stroke-dasharray: ${series.dashed ? DASHED : DASHES[place % DASHES.length]}`;
}

/**
 * A plot with its title and a legend that shows the values at the marker, the abscissa's too if it is not `timeColumn`,
 * which the timeline shows. Dragging calls `scrub(row)`.
 */
function createView(view, timeColumn, scrub) {
  const values = {}; // the elements that show values, by column
  const legendItem = (column, label, ...swatch) => {
    values[column] = html("span", { class: "implreg-value" });
    return html("li", {}, ...swatch, html("span", {}, label), values[column]);
  };
  const swatch = (series) =>
    svg("svg", { class: "implreg-swatch", width: 30, height: 8, "aria-hidden": "true" },
      svg("line", { x1: 0, x2: 30, y1: 4, y2: 4, style: lineStyle(view, series) }));
  const legend = html("ul", { class: "implreg-legend" },
    ...view.series.map((series) => legendItem(series.column, series.label, swatch(series))));
  if (view.x.column !== timeColumn) legend.append(legendItem(view.x.column, `at ${view.x.label}`));
  const plot = svg("svg", { class: "implreg-plot", role: "img" });
  const node = html("div", { class: "implreg-view" }, html("p", { class: "implreg-title" }, view.title), legend, plot);
  let show = null; // what is drawn, and where

  function draw(run, formats, limits) {
    const width = Math.max(240, node.clientWidth);
    const height = Math.round(Math.min(290, Math.max(220, 0.62 * width)));
    const [top, bottom] = [26, height - 44];
    const yRange = range(view.series.map((series) => series.column), limits, view.y.scale);
    const yTicks = ticks(view.y.scale, yRange, (bottom - top) / 34);
    const left = 12 + Math.max(...yTicks.map((tick) => textWidth(tick.text)));
    const right = width - 12;
    const xRange = range([view.x.column], limits, view.x.scale);
    const xTicks = spacedTicks(view.x.scale, xRange, right - left);
    const toX = position(view.x.scale, xRange, [left, right]);
    const toY = position(view.y.scale, yRange, [bottom, top]);
    const x = Array.from(run[view.x.column], toX);
    const ys = view.series.map((series) => Array.from(run[series.column], toY));
    const points = ys.map((y) => y.map((yi, i) => `${x[i].toFixed(1)},${yi.toFixed(1)}`));
    const path = (series, part) =>
      svg("path", { class: `implreg-${part}`, "data-series": series.column, style: lineStyle(view, series) });
    const [whole, past] = ["whole", "past"].map((part) => view.series.map((series) => path(series, part)));
    const dots = view.series.map((series) => svg("circle", { r: 4, style: `fill: ${color(series)}` }));
    const hairline = svg("line", { class: "implreg-hairline", y1: top, y2: bottom });
    whole.forEach((line, i) => line.setAttribute("d", `M${points[i].join("L")}`));
    build(plot, { width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": describe(view, run, formats) });
    plot.replaceChildren(
      ...yTicks.map(({ value, text }) => svg("g", { transform: `translate(0 ${toY(value).toFixed(1)})` },
        svg("line", { class: "implreg-grid", x1: left, x2: right }),
        svg("text", { x: left - 6, dy: "0.35em", "text-anchor": "end" }, text))),
      ...xTicks.map(({ value, text }) => svg("g", { transform: `translate(${toX(value).toFixed(1)} ${bottom})` },
        svg("line", { class: "implreg-tick", y2: 4 }),
        svg("text", { y: 18, "text-anchor": "middle" }, text))),
      svg("line", { class: "implreg-tick", x1: left, x2: right, y1: bottom, y2: bottom }),
      svg("text", { class: "implreg-axis", x: 0, y: FONT_PX }, view.y.label),
      svg("text", { class: "implreg-axis", x: right, y: height - 6, "text-anchor": "end" }, view.x.label),
      hairline, ...whole, ...past, ...dots);
    show = { run, formats, x, ys, points, past, dots, hairline };
  }

  function mark(row) {
    const { run, formats, x, ys, points, past, dots, hairline } = show;
    past.forEach((line, i) => line.setAttribute("d", `M${points[i].slice(0, row + 1).join("L")}`));
    dots.forEach((dot, i) => build(dot, { cx: x[row], cy: ys[i][row] }));
    build(hairline, { x1: x[row], x2: x[row] });
    for (const column in values) values[column].textContent = formats[column](run[column][row]);
  }

  /** Scrubs to the row whose abscissa is nearest to the pointer. */
  function drag(event) {
    if (show === null || !plot.hasPointerCapture(event.pointerId)) return;
    const at = event.clientX - plot.getBoundingClientRect().left;
    scrub(show.x.reduce((best, x, row) => (Math.abs(x - at) < Math.abs(show.x[best] - at) ? row : best), 0));
  }

  plot.addEventListener("pointermove", drag);
  plot.addEventListener("pointerdown", (event) => {
    if (event.button === 0) plot.setPointerCapture(event.pointerId);
    drag(event);
  });

  return { node, draw, mark };
}

/** What a plot shows, in words. */
function describe(view, run, formats) {
  const logarithmic = [view.x, view.y].filter((axis) => axis.scale === "log").map((axis) => axis.label);
  const ends = ({ column, label }) =>
    `${label} goes from ${formats[column](run[column][0])} to ${formats[column](run[column].at(-1))}`;
  const scales = logarithmic.length ? [`logarithmic axis: ${logarithmic.join(", ")}`] : [];
  return `Line plot. ${[view.title, ...[...view.series, view.x].map(ends), ...scales].join("; ")}.`;
}

// ---- controls

/** A slider that shows, and tells a screen reader, a text for its value. */
function createRange(id, last, choose) {
  const input = html("input", { type: "range", id, min: 0, max: last, step: 1 });
  const output = html("output", { for: id });
  input.addEventListener("input", () => choose(Number(input.value)));
  const set = (value, text) => {
    input.value = value;
    input.setAttribute("aria-valuetext", text);
    output.textContent = text;
  };
  return { input, output, set };
}

/** A slider over listed values. */
function createSlider({ label, texts }, id, choose) {
  const { input, output, set } = createRange(id, texts.length - 1, choose);
  const node = html("div", { class: "implreg-control" }, html("label", { for: id }, label), output, input);
  return { node, set: (index) => set(index, texts[index]) };
}

/** A row of radio buttons for a choice between words. */
function createButtons({ label, texts }, id, choose) {
  const inputs = texts.map((_, index) => html("input", { type: "radio", name: id, value: index }));
  inputs.forEach((input, index) => input.addEventListener("change", () => choose(index)));
  const segments = texts.map((text, index) => html("label", {}, inputs[index], html("span", {}, text)));
  const node = html("fieldset", { class: "implreg-control" },
    html("legend", {}, label), html("div", { class: "implreg-segments" }, ...segments));
  return { node, set: (index) => void (inputs[index].checked = true) };
}

/** The scrubber through the rows of a run, with its play and reset buttons. */
function createTimeline(id, { scrub, toggle, reset }) {
  const button = (text, onclick) => Object.assign(html("button", { type: "button" }, text), { onclick });
  const [playButton, resetButton] = [button("Play", toggle), button("Reset", reset)];
  const { input, output, set } = createRange(id, 0, scrub);
  const node = html("div", { class: "implreg-timeline" },
    playButton, resetButton, html("label", { for: id }, "Training time"), output, input);
  const setLast = (last) => void (input.max = last);
  const setPlaying = (playing) => void (playButton.textContent = playing ? "Pause" : "Play");
  return { node, set, setLast, setPlaying };
}

// ---- the explorer

function render({ model, el }) {
  const spec = model.get("spec");
  const id = `implreg-${++figures}`;
  const figure = el.matches(".implreg-explorer") ? el : el.appendChild(html("figure", { class: "implreg-explorer" }));
  const shown = { settings: {}, run: null, row: 0, error: null };
  let formats, limits; // by column
  let drawnWidth = 0;
  let frame = null; // the animation frame that a play waits for
  let quiet = null; // the timer that an announcement waits for

  const controls = spec.controls.map((item, i) =>
    (item.words ? createButtons : createSlider)(item, `${id}-${i}`, (index) =>
      request(model.get("choice").with(i, index))));
  const time = spec.views[0].x; // what the timeline shows
  const lastRow = () => shown.run[time.column].length - 1;
  const views = spec.views.map((view) => createView(view, time.column, scrub));
  const timeline = createTimeline(`${id}-time`, {
    scrub,
    toggle: () => (frame === null ? play() : pause()),
    reset: () => {
      if (shown.run !== null) scrub(lastRow());
      request(spec.default);
    },
  });
  const message = html("p", { class: "implreg-message", role: "alert" });
  const live = html("p", { class: "implreg-live", "aria-live": "polite" });
  const grid = html("div", { class: "implreg-views" }, ...views.map((view) => view.node));
  build(figure, { "aria-labelledby": id }).replaceChildren(
    html("h3", { class: "implreg-question", id }, spec.question),
    html("div", { class: "implreg-controls" }, ...controls.map((control) => control.node)),
    message, grid, timeline.node, live, html("figcaption", {}, spec.caption));
  // or JupyterLab's notebook shortcuts would steal the keys
  figure.querySelectorAll("input, button").forEach((node) => (node.dataset.lmSuppressShortcuts = "true"));
  figure.implreg = shown;

  /** Asks the model for a run; the answer comes through `receive`, at once where runs are stored. */
  function request(choice) {
    setControls(choice);
    model.set("choice", choice);
    model.save_changes();
    figure.setAttribute("aria-busy", "true");
    receive();
  }

  function setControls(choice) {
    choice.forEach((index, i) => controls[i].set(index));
    shown.settings = Object.fromEntries(spec.controls.map(({ name, values }, i) => [name, values[choice[i]]]));
  }

  /** Draws the model's answer if it is to the present choice; a slow kernel's earlier answers are passed over. */
  function receive() {
    const answer = model.get("answer");
    if (String(answer.choice) !== String(model.get("choice"))) return;
    setControls(answer.choice); // another view of the same widget may have chosen
    figure.removeAttribute("aria-busy");
    shown.error = answer.error ?? null;
    message.textContent = shown.error === null ? "" : `${shown.error} (The drawing has not changed.)`;
    figure.classList.toggle("implreg-stale", shown.error !== null);
    if (shown.error !== null) return;
    const first = shown.run === null;
    const part = first || shown.row === lastRow() ? 1 : shown.row / lastRow();
    const mapColumns = (f) => Object.fromEntries(Object.entries(answer.run).map(([name, column]) => [name, f(column)]));
    shown.run = mapColumns(decode);
    shown.row = Math.round(part * lastRow());
    formats = mapColumns(formatter);
    limits = answer.limits;
    draw();
    if (!first) announce();
  }

  function draw() {
    drawnWidth = grid.clientWidth;
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
    announce();
  }

  /** Tells a screen reader the values at the marker, each once, when all has come to rest. */
  function announce() {
    const labels = new Map(spec.views.flatMap((view) => [view.x, ...view.series].map((s) => [s.column, s.label])));
    const value = ([column, label]) => `${label} ${formats[column](shown.run[column][shown.row])}`;
    clearTimeout(quiet);
    quiet = setTimeout(() => void (live.textContent = [...labels].map(value).join("; ")), QUIET_MS);
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
    announce();
  }

  model.on("change:answer", receive);
  const resize = new ResizeObserver(() => grid.clientWidth !== drawnWidth && requestAnimationFrame(draw));
  resize.observe(grid);
  request(model.get("choice"));
  return () => {
    pause();
    clearTimeout(quiet);
    resize.disconnect();
    model.off("change:answer", receive);
  };
}

export default { render };
