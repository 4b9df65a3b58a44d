/**
 * A run that is kept for comparison, its ghost: thin lines with rings on them, so that they differ from the others
 * without colour too, and a larger ring where it was at the marker's time.
 */

import { transform } from "./axes.js";
import { build, html, svg } from "./elements.js";
import { color, lineStyle, pathThrough } from "./lines.js";

const APART = 56; // pixels between rings along a line
const SMALL = 2.5; // radius of a ring
const LARGE = 4.5;

/** The rows at which rings lie on a line: about evenly far apart, at places that `inside` accepts. */
export function ringRows(x, y, inside) {
  const rows = [];
  let since = APART / 2; // the first ring comes soon
  let last = null; // the row before, if it has a place on the line
  x.forEach((_, row) => {
    if (y[row] === null) {
      last = null;
      return;
    }
    if (last !== null) since += Math.hypot(x[row] - x[last], y[row] - y[last]);
    last = row;
    if (since < APART || !inside(x[row], y[row])) return;
    rows.push(row);
    since = 0;
  });
  return rows;
}

const half = (way) => `a${SMALL},${SMALL} 0 1 0 ${way * 2 * SMALL},0`;
const circle = (x, y) => `M${(x - SMALL).toFixed(1)},${y.toFixed(1)}${half(1)}${half(-1)}`;

/** The row of a kept run at the time of a value: the nearest on a scale, so its last where it had ended before. */
export function rowAt(times, value, scale) {
  const { f } = transform(scale);
  const far = (row) => Math.abs(f(times[row]) - f(value));
  return times.reduce((best, _, row) => (far(row) < far(best) ? row : best), 0);
}

/** The sign of a kept run in a legend. */
export const ghostSwatch = () =>
  svg("svg", { class: "implreg-swatch", width: 30, height: 10, "aria-hidden": "true" },
    svg("line", { class: "implreg-ghost", x1: 0, x2: 30, y1: 5, y2: 5 }),
    svg("circle", { class: "implreg-ring", cx: 15, cy: 5, r: 3.5 }));

/** An item of a legend that says what is kept. */
export function createGhostItem() {
  const text = html("span", {});
  const node = html("li", { class: "implreg-kept-item" }, ghostSwatch(), text);
  return { node, say: (words) => void (text.textContent = `kept (${words})`) };
}

/** Whether a kept run shows a series: what is dashed, a bound or a reference, is not drawn twice. */
export const isKept = (series) => !series.dashed;

/**
 * The ghost of a view: `nodes` that go under its lines and `dots` over them. `place` takes the pixels of the kept run,
 * `mark` moves the large rings to a row, and ends the lines there too if what comes later is `veiled`.
 */
export function createGhost(view) {
  const ghosts = view.series.map((series, i) => ({ series, i })).filter(({ series }) => isKept(series));
  const line = (series) =>
    svg("path", { class: "implreg-ghost", "data-series": series.column, style: lineStyle(view, series) });
  const lines = ghosts.map(({ series }) => line(series));
  const [rings, dots] = [["path", {}], ["circle", { r: LARGE }]].map(([tag, attributes]) =>
    ghosts.map(({ series }) => svg(tag, { class: "implreg-ring", style: `stroke: ${color(series)}`, ...attributes })));
  let placed = null;

  function place({ x, ys, points }, inside) {
    placed = { x, ys, points, inside, rows: ys.map((y) => ringRows(x, y, inside)) };
  }

  function mark(row, veiled) {
    const { x, ys, points, inside, rows } = placed;
    const end = veiled ? row + 1 : x.length;
    ghosts.forEach(({ i }, k) => {
      const y = ys[i];
      lines[k].setAttribute("d", pathThrough(points[i].slice(0, end)));
      rings[k].setAttribute("d", rows[i].filter((at) => at < end).map((at) => circle(x[at], y[at])).join(""));
      const seen = y[row] !== null && inside(x[row], y[row]);
      build(dots[k], { cx: x[row], cy: y[row] ?? 0, visibility: seen ? "visible" : "hidden" });
    });
  }

  return { nodes: [...lines, ...rings], dots, place, mark };
}
