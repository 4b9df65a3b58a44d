/** One plot: lines against a common abscissa, with a marker that all plots of an explorer share. */

import { FONT_PX, position, range, spacedTicks, textWidth, ticks } from "./axes.js";
import { createCurves } from "./curves.js";
import { build, html, svg } from "./elements.js";
import { createGhost, createGhostItem, isKept } from "./ghost.js";
import { applies, color, lineStyle, pathThrough, valueAt } from "./lines.js";
import { onDrag } from "./pointer.js";

const ROOM = 2; // pixels beyond the axes in which lines are still drawn, for their width

/** Whether a view shows a plane, in which a point moves among curves and fixed points, rather than a graph. */
const isPlane = (view) => view.curves.length + view.points.length > 0;

const abscissa = (view) => ({ ...view.x, where: null, dashed: false });

/** From where to where the lines of a plot and its abscissa go, in words. */
function ends(view, { run, formats }, kept = false) {
  const last = run[view.x.column].length - 1;
  return [...view.series, abscissa(view)].filter((series) => !kept || isKept(series)).map((series) =>
    `${series.label} goes from ${valueAt(series, run, 0, formats)} to ${valueAt(series, run, last, formats)}`);
}

/** What a plot shows, in words. */
function describe(view, shown, kept) {
  const logarithmic = [view.x, view.y].filter((axis) => axis.scale === "log").map((axis) => axis.label);
  const scales = logarithmic.length ? [`logarithmic axis: ${logarithmic.join(", ")}`] : [];
  const among = [...view.curves.map(({ label }) => `a curve, ${label}`),
    ...view.points.map(({ label, x, y }) => `${label} at ${x}, ${y}`)];
  const beside = kept ? ` Kept beside it, ${kept.words}: ${ends(view, kept, true).join("; ")}.` : "";
  return `Line plot. ${[view.title, ...ends(view, shown), ...among, ...scales].join("; ")}.${beside}`;
}

/**
 * A plot with its title and a legend that shows the values at the marker, the abscissa's too if it is not `timeColumn`,
 * which the timeline shows. Dragging calls `scrub(row)`.
 */
export function createView(view, timeColumn, scrub) {
  const values = []; // {series, shown, kept}: the elements that show its values
  const legendItem = (series, label, ...swatch) => {
    const [shown, kept] = ["implreg-value", "implreg-kept"].map((name) => html("span", { class: name }));
    values.push({ series, shown, kept });
    return html("li", {}, ...swatch, html("span", {}, label), shown, kept);
  };
  const swatch = (series) =>
    svg("svg", { class: "implreg-swatch", width: 30, height: 8, "aria-hidden": "true" },
      svg("line", { x1: 0, x2: 30, y1: 4, y2: 4, style: lineStyle(view, series) }));
  const legend = html("ul", { class: "implreg-legend" },
    ...view.series.map((series) => legendItem(series, series.label, swatch(series))));
  const curves = createCurves(view);
  legend.append(...curves.legend);
  if (view.x.column !== timeColumn) legend.append(legendItem(abscissa(view), `at ${view.x.label}`));
  const ghost = createGhost(view);
  const ghostItem = createGhostItem();
  const plot = svg("svg", { class: "implreg-plot", role: "img" });
  const node = html("div", { class: "implreg-view" }, html("p", { class: "implreg-title" }, view.title), legend, plot);
  let width = 0;
  let show = null; // what is drawn, and where

  const measure = () => void (width = Math.max(240, node.clientWidth));

  /** Draws a run, {run, formats}, and a kept one, {run, formats, words} or null, on axes with `limits`. */
  function draw(shown, kept, limits) {
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
    /** A run in pixels; null is where a series has no value. */
    const pixels = ({ run }) => {
      const x = Array.from(run[view.x.column], toX);
      const ys = view.series.map((series) =>
        Array.from(run[series.column], (value, row) => (applies(series, run, row) ? toY(value) : null)));
      const point = (yi, i) => (yi === null ? null : `${x[i].toFixed(1)},${yi.toFixed(1)}`);
      return { x, ys, points: ys.map((y) => y.map(point)) };
    };
    const { x, ys, points } = pixels(shown);
    const path = (series, part) =>
      svg("path", { class: `implreg-${part}`, "data-series": series.column, style: lineStyle(view, series) });
    const [whole, past] = ["whole", "past"].map((part) => view.series.map((series) => path(series, part)));
    const dots = view.series.map((series) => svg("circle", { r: 4, style: `fill: ${color(series)}` }));
    const hairline = svg("line", { class: "implreg-hairline", y1: top, y2: bottom });
    const inside = (atX, atY) =>
      left - ROOM <= atX && atX <= right + ROOM && top - ROOM <= atY && atY <= bottom + ROOM;
    if (kept) {
      ghost.place(pixels(kept), inside);
      ghostItem.say(kept.words);
      legend.append(ghostItem.node);
    } else ghostItem.node.remove();
    const lines = [...(kept ? ghost.nodes : []), ...(curves.move ? [] : whole), ...past];
    whole.forEach((line, i) => line.setAttribute("d", pathThrough(points[i])));
    // A window in the same coordinates: lines end at the axes, with room for their width.
    const [x0, y0, across, down] = [left - ROOM, top - ROOM, right - left + 2 * ROOM, bottom - top + 2 * ROOM];
    const frame = { x: x0, y: y0, width: across, height: down, viewBox: `${x0} ${y0} ${across} ${down}` };
    build(plot, { width, height, viewBox: `0 0 ${width} ${height}`, "aria-label": describe(view, shown, kept) });
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
      ...curves.points, ...(kept ? ghost.dots : []), ...dots);
    curves.place(xRange, toX, toY, bottom);
    const visibility = (atX, atY) => (atY !== null && inside(atX, atY) ? "visible" : "hidden");
    show = { shown, kept, x, ys, points, past, dots, hairline, top, visibility };
  }

  /** Moves the marker to a row, the kept run's to `keptRow`; where the rest is `veiled`, nothing is drawn of it. */
  function mark(row, keptRow, veiled) {
    const { shown, kept, x, ys, points, past, dots, hairline, top, visibility } = show;
    past.forEach((line, i) => line.setAttribute("d", pathThrough(points[i].slice(0, row + 1))));
    dots.forEach((dot, i) =>
      build(dot, { cx: x[row], cy: ys[i][row] ?? 0, visibility: visibility(x[row], ys[i][row]) }));
    build(hairline, { x1: x[row], x2: x[row], visibility: isPlane(view) ? "hidden" : visibility(x[row], top) });
    curves.mark(shown.run, row);
    if (kept) ghost.mark(keptRow, veiled);
    for (const { series, ...nodes } of values) {
      nodes.shown.textContent = valueAt(series, shown.run, row, shown.formats);
      nodes.kept.textContent = kept && isKept(series) ? `○ ${valueAt(series, kept.run, keptRow, kept.formats)}` : "";
    }
  }

  /** Scrubs to the row whose abscissa, in a plane whose point, is nearest to the pointer. */
  function drag(event) {
    if (show === null) return;
    const { left, top } = plot.getBoundingClientRect();
    const [atX, atY] = [event.clientX - left, event.clientY - top];
    const far = (row) => Math.hypot(show.x[row] - atX, isPlane(view) ? show.ys[0][row] - atY : 0);
    scrub(show.x.reduce((best, _, row) => (far(row) < far(best) ? row : best), 0));
  }

  onDrag(plot, drag);

  return { node, measure, draw, mark };
}
