/** What the lines of a view move among: polynomials in the abscissa, whose coefficients may move, and fixed points. */

import { transform } from "./axes.js";
import { html, svg } from "./elements.js";

const PIECES = 160; // of a curve
const DIAMOND = "M0-6L6 0L0 6L-6 0Z"; // a point, so that it differs from the marker's dots

/** The polynomial whose coefficients are numbers or, in `row`, those of the columns with these names. */
export function polynomial(coefficients, run, row) {
  const values = coefficients.map((c) => (typeof c === "string" ? run[c][row] : c));
  return (x) => values.reduceRight((sum, value) => sum * x + value, 0);
}

/** Abscissas from end to end of an axis, evenly spaced on it. */
export function abscissas(scale, [low, high]) {
  const { f, inverse } = transform(scale);
  return Array.from({ length: PIECES + 1 }, (_, i) => inverse(f(low) + (i / PIECES) * (f(high) - f(low))));
}

const sample = (...shapes) =>
  svg("svg", { class: "implreg-swatch", width: 30, height: 12, "aria-hidden": "true" }, ...shapes);
const item = (label, swatch) => html("li", {}, swatch, html("span", {}, label));

/**
 * The curves and points of a view: items for its `legend`; `nodes` that go under its lines, `points` that go over
 * them; `place` puts them on new axes, `mark` moves the curves to a row. Where any of them can `move`, lines should end
 * at the marker: what comes later lies among curves that are elsewhere now.
 */
export function createCurves(view) {
  const lines = view.curves.map(() => svg("path", { class: "implreg-curve" }));
  const shades = view.curves.map(({ shaded }) => (shaded ? svg("path", { class: "implreg-shade" }) : null));
  const points = view.points.map(() => svg("path", { class: "implreg-point", d: DIAMOND }));
  const legend = [
    ...view.curves.map(({ label }) =>
      item(label, sample(svg("line", { class: "implreg-curve", x1: 0, x2: 30, y1: 6, y2: 6 })))),
    ...view.points.map(({ label }) =>
      item(label, sample(svg("path", { class: "implreg-point", d: DIAMOND, transform: "translate(15 6)" }))))];
  const move = view.curves.some(({ coefficients }) => coefficients.some((c) => typeof c === "string"));
  let axes = null;

  function place(xRange, toX, toY, bottom) {
    axes = { xs: abscissas(view.x.scale, xRange), toX, toY, bottom };
    points.forEach((point, i) => {
      const { x, y } = view.points[i];
      point.setAttribute("transform", `translate(${toX(x).toFixed(1)} ${toY(y).toFixed(1)})`);
    });
  }

  function mark(run, row) {
    const { xs, toX, toY, bottom } = axes;
    view.curves.forEach(({ coefficients }, i) => {
      const height = polynomial(coefficients, run, row);
      const path = `M${xs.map((x) => `${toX(x).toFixed(1)},${toY(height(x)).toFixed(1)}`).join("L")}`;
      lines[i].setAttribute("d", path);
      shades[i]?.setAttribute("d", `${path}V${bottom}H${toX(xs[0]).toFixed(1)}Z`);
    });
  }

  return { legend, nodes: [...shades.filter(Boolean), ...lines], points, move, place, mark };
}
