/** One plot: lines against a common abscissa, with a marker that all plots of an explorer share. */

import { FONT_PX, position, range, spacedTicks, textWidth, ticks } from "./axes.js";
import { createCurves } from "./curves.js";
import { build, html, svg } from "./elements.js";

const DASHES = ["none", "10 3", "9 3 2 3", "2 3"];
const DASHED = "5 4"; // bounds and references
const COLORS = 6; // --implreg-line-0 to --implreg-line-5

const color = (series) => `var(--implreg-line-${series.color % COLORS})`;

/** Lines of one view differ in dash as well as in colour. */
function lineStyle(view, series) {
  const place = view.series.filter((other) => !other.dashed).indexOf(series);
  return `stroke: ${color(series)}; stroke-dasharray: ${series.dashed ? DASHED : DASHES[place % DASHES.length]}`;
}

/** Whether a view shows a plane, in which a point moves among curves and fixed points, rather than a graph. */
const isPlane = (view) => view.curves.length + view.points.length > 0;

/** What a plot shows, in words. */
function describe(view, run, formats) {
  const logarithmic = [view.x, view.y].filter((axis) => axis.scale === "log").map((axis) => axis.label);
  const ends = ({ column, label }) =>
    `${label} goes from ${formats[column](run[column][0])} to ${formats[column](run[column].at(-1))}`;
  const scales = logarithmic.length ? [`logarithmic axis: ${logarithmic.join(", ")}`] : [];
  const among = [...view.curves.map(({ label }) => `a curve, ${label}`),
    ...view.points.map(({ label, x, y }) => `${label} at ${x}, ${y}`)];
  return `Line plot. ${[view.title, ...[...view.series, view.x].map(ends), ...among, ...scales].join("; ")}.`;
}

/**
 * A plot with its title and a legend that shows the values at the marker, the abscissa's too if it is not `timeColumn`,
 * which the timeline shows. Dragging calls `scrub(row)`.
 */
export function createView(view, timeColumn, scrub) {
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
  const curves = createCurves(view);
  legend.append(...curves.legend);
  if (view.x.column !== timeColumn) legend.append(legendItem(view.x.column, `at ${view.x.label}`));
  const plot = svg("svg", { class: "implreg-plot", role: "img" });
  const node = html("div", { class: "implreg-view" }, html("p", { class: "implreg-title" }, view.title), legend, plot);
  let width = 0;
  let show = null; // what is drawn, and where

  const measure = () => void (width = Math.max(240, node.clientWidth));

  function draw(run, formats, limits) {
    const height = Math.round(Math.min(290, Math.max(220, 0.62 * width)));
    const [top, bottom] = [26, height - 44];
    const yRange = view.y.limits ?? range(view.series.map((series) => series.column), limits, view.y.scale);
    const yTicks = ticks(view.y.scale, yRange, (bottom - top) / 34);
    const left = 12 + Math.max(...yTicks.map((tick) => textWidth(tick.text)));
    const right = width - 12;
    const xRange = view.x.limits ?? range([view.x.column], limits, view.x.scale);
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
    const lines = [...(curves.move ? [] : whole), ...past];
    whole.forEach((line, i) => line.setAttribute("d", `M${points[i].join("L")}`));
    // A window in the same coordinates: lines end at the axes, with room for their width.
    const [x0, y0, across, down] = [left - 2, top - 2, right - left + 4, bottom - top + 4];
    const frame = { x: x0, y: y0, width: across, height: down, viewBox: `${x0} ${y0} ${across} ${down}` };
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
      hairline, svg("svg", { class: "implreg-window", ...frame }, ...curves.nodes, ...lines),
      ...curves.points, ...dots);
    curves.place(xRange, toX, toY, bottom);
    const visibility = (row, y) =>
      left <= x[row] && x[row] <= right && top <= y && y <= bottom ? "visible" : "hidden";
    show = { run, formats, x, ys, points, past, dots, hairline, top, visibility };
  }

  function mark(row) {
    const { run, formats, x, ys, points, past, dots, hairline, top, visibility } = show;
    past.forEach((line, i) => line.setAttribute("d", `M${points[i].slice(0, row + 1).join("L")}`));
    dots.forEach((dot, i) =>
      build(dot, { cx: x[row], cy: ys[i][row], visibility: visibility(row, ys[i][row]) }));
    build(hairline, { x1: x[row], x2: x[row], visibility: isPlane(view) ? "hidden" : visibility(row, top) });
    curves.mark(run, row);
    for (const column in values) values[column].textContent = formats[column](run[column][row]);
  }

  /** Scrubs to the row whose abscissa, in a plane whose point, is nearest to the pointer. */
  function drag(event) {
    if (show === null || !plot.hasPointerCapture(event.pointerId)) return;
    const { left, top } = plot.getBoundingClientRect();
    const [atX, atY] = [event.clientX - left, event.clientY - top];
    const far = (row) => Math.hypot(show.x[row] - atX, isPlane(view) ? show.ys[0][row] - atY : 0);
    scrub(show.x.reduce((best, _, row) => (far(row) < far(best) ? row : best), 0));
  }

  plot.addEventListener("pointermove", drag);
  plot.addEventListener("pointerdown", (event) => {
    if (event.button === 0) plot.setPointerCapture(event.pointerId);
    drag(event);
  });

  return { node, measure, draw, mark };
}
