/** A view in space that a reader turns: a run among the singular matrices, a cone, and the solutions, a line. */

import { ticks } from "./axes.js";
import { build, html, svg } from "./elements.js";
import { createGhost, createGhostItem } from "./ghost.js";
import { color, pathThrough, valueAt } from "./lines.js";
import { onDrag } from "./pointer.js";
import { clipped, createCamera, isInside, parabola, patches, rays, stretches, turn } from "./space.js";

const DEGREES_PER_PIXEL = 0.5; // of a drag
const ROOM = [84, 84]; // pixels beside and above the box, on both sides together, for its numbers
const LABEL = 16; // pixels from an edge to its numbers
const SHORT = 40; // pixels of an edge that is seen from its end, and has no numbers then
const APART = 12; // pixels between numbers one above the other, and twice as many beside each other
const DIAMOND = "M0-6L6 0L0 6L-6 0Z";
const CROSS = "M-4-4L4 4M-4 4L4-4";

const written = ([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`;
const line = (name, from, to) => svg("line", { class: name, x1: from[0], y1: from[1], x2: to[0], y2: to[1] });
const shift = ([x, y]) => `translate(${x.toFixed(1)} ${y.toFixed(1)})`;
const swatch = (...shapes) =>
  svg("svg", { class: "implreg-swatch", width: 30, height: 14, "aria-hidden": "true" }, ...shapes);
const range = (attributes) => html("input", { type: "range", ...attributes });

/** The edges of the window that carry the axes, as seen from `towards`: each from its low end to its high one. */
function edges([[x0, x1], [y0, y1], [low]], { pixel, towards }) {
  const front = { x: towards[0] > 0 ? x1 : x0, y: towards[1] > 0 ? y1 : y0 };
  const corners = [[x0, y0], [x0, y1], [x1, y0], [x1, y1]];
  const [cornerX, cornerY] = corners.reduce((best, corner) =>
    (pixel([...corner, low])[0] < pixel([...best, low])[0] ? corner : best));
  return [(x) => [x, front.y, low], (y) => [front.x, y, low], (w) => [cornerX, cornerY, w]];
}

/** Where the run goes, in words. */
function way(view, { run, formats }) {
  const last = run[view.series[0].column].length - 1;
  const ends = view.series.map((series) =>
    `${series.label} goes from ${valueAt(series, run, 0, formats)} to ${valueAt(series, run, last, formats)}`);
  const place = view.series.map(({ column }) => run[column][last]);
  return `${ends.join(", ")}${isInside(view.window, place) ? "" : ", which is outside the drawing"}`;
}

/**
 * A view in space with its title and legend; it has the interface of a plot, see view.js. `viewpoint` is by how many
 * degrees it is turned and tilted, null where no reader has; `look` sees it from there, `reset` from where it opens. A
 * reader who turns it calls `whenTurned()`.
 */
export function createSpaceView(view, timeColumn, scrub, controls, whenTurned) {
  const bounds = view.window;
  const [x, y] = view.solutions;
  const paint = `stroke: ${color(view.series[2])}`;
  const [value, kept] = ["implreg-value", "implreg-kept"].map((name) => html("span", { class: name }));
  const item = (sample, label, ...rest) => html("li", {}, sample, html("span", {}, label), ...rest);
  const legend = html("ul", { class: "implreg-legend" },
    item(swatch(svg("line", { x1: 0, x2: 30, y1: 7, y2: 7, style: paint })), "W(t): x, y, w", value, kept),
    item(swatch(line("implreg-solutions", [15, 0], [15, 14])), `solutions: x = ${x}, y = ${y}`),
    item(swatch(svg("rect", { class: "implreg-cone", x: 0, y: 1, width: 30, height: 12 }),
      line("implreg-curve", [0, 7], [30, 7])), "det W = 0: a cone, w y = x²"),
    item(swatch(svg("path", { class: "implreg-start", d: CROSS, transform: "translate(15 7)" })), "the start"));
  const ghost = createGhost({ series: [view.series[2]] });
  const ghostItem = createGhostItem();
  const plot = svg("svg", { class: "implreg-plot implreg-space", role: "img" });
  const [turning, tilting] = [range({ min: -180, max: 180, step: 5 }), range({ min: 0, max: 90, step: 2 })];
  const knobs = html("div", { class: "implreg-turn" },
    html("label", {}, html("span", {}, "turn"), turning), html("label", {}, html("span", {}, "tilt"), tilting));
  const stage = html("div", { class: "implreg-stage" }, plot);
  const node = html("div", { class: "implreg-view" }, html("p", { class: "implreg-title" }, view.title), legend, stage,
    knobs);
  const home = { turned: 0, tilt: view.from.tilt };
  let seen = { ...home }; // from where; `turned` to the right from the opening
  let width = 0;
  let show = null; // what is drawn
  let marked = null; // what `mark` was told

  const measure = () => void (width = Math.max(240, stage.clientWidth));
  const placeOf = (run, row) => view.series.map(({ column }) => run[column][row]);
  const placesOf = (run) => Array.from(run[view.series[0].column], (_, row) => placeOf(run, row));

  function draw(shown, beside) {
    show = { shown, beside, places: placesOf(shown.run) };
    marked = null;
    const others = beside ? ` Kept beside it, ${beside.words}: ${way(view, beside)}.` : "";
    plot.setAttribute("aria-label", `Drawing in space. ${view.title}; ${way(view, shown)}; a vertical line, the `
      + `solutions, at x ${x}, y ${y}; a cone, the singular matrices.${others}`);
    if (beside) {
      ghostItem.say(beside.words);
      legend.append(ghostItem.node);
    } else ghostItem.node.remove();
    render();
  }

  /**
   * An axis: its numbers, where they are free of those `taken` before, and its name, beside an edge of the window;
   * nothing where the edge is seen from its end.
   */
  function axis(k, edge, camera, middle, taken) {
    const [from, to] = bounds[k].map((end) => camera.pixel(edge(end)));
    const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
    if (length < SHORT) return [];
    const half = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
    const normal = [(to[1] - from[1]) / length, (from[0] - to[0]) / length];
    const away = normal[0] * (half[0] - middle[0]) + normal[1] * (half[1] - middle[1]) < 0 ? -1 : 1;
    const anchor = Math.abs(normal[0]) < 0.4 ? "middle" : normal[0] * away > 0 ? "start" : "end";
    const beside = ([left, top], far) => [left + away * far * normal[0], top + away * far * normal[1]];
    const text = (place, far, words, name) =>
      svg("text", { class: name, transform: shift(beside(place, far)), dy: "0.35em", "text-anchor": anchor }, words);
    const marks = ticks("linear", bounds[k], Math.min(4, length / 34)).map((tick) => {
      const place = camera.pixel(edge(tick.value));
      const [left, top] = beside(place, LABEL * 0.7);
      const free = taken.every((p) => Math.abs(p[0] - left) > 2 * APART || Math.abs(p[1] - top) > APART);
      if (free) taken.push([left, top]);
      const number = free ? [text(place, LABEL * 0.7, tick.text, "")] : [];
      return [line("implreg-tick", place, beside(place, 4)), ...number];
    });
    const name = text(half, LABEL * 2, view.series[k].label, "implreg-axis");
    return [line("implreg-tick", from, to), ...marks.flat(), name];
  }

  /** Draws the window and all in it, as it is seen now. */
  function render() {
    const height = Math.round(Math.min(460, Math.max(280, 0.85 * width)));
    const camera = createCamera(bounds, { azimuth: view.from.azimuth - seen.turned, tilt: seen.tilt },
      [width, height], ROOM);
    const [[x0, x1], [y0, y1], [low, top]] = bounds;
    const [carriers, taken] = [edges(bounds, camera), []]; // of axes, and places of their numbers
    const middle = camera.pixel([(x0 + x1) / 2, (y0 + y1) / 2, (low + top) / 2]);
    const drawn = (points) => pathThrough(points.map((point) => written(camera.pixel(point))));
    const path = (name, points, style = "") => svg("path", { class: name, d: points.map(drawn).join(""), style });
    const parts = (points) => {
      const all = stretches(bounds, points, camera.towards);
      return [true, false].map((hidden) => all.filter((one) => one.hidden === hidden).map((one) => one.points));
    };
    const floor = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]].map((corner) => [...corner, low]);
    const shapes = patches(bounds).map((patch) => patch.map(camera.pixel));
    // Its sides apart, so that where one is before the other it is darker.
    const cone = [1, -1].map((side) => {
      const facing = shapes.filter((shape) => side * turn(shape) > 0);
      return svg("path", { class: "implreg-cone",
        d: facing.map((shape) => `${pathThrough(shape.map(written))}Z`).join("") });
    });
    const heights = Array.from({ length: Math.ceil(top) }, (_, k) => Math.min(top, k + 1));
    const upright = Array.from({ length: 33 }, (_, k) => [x, y, (k / 32) * top]); // in pieces, as each may be hidden
    const [lineBehind, lineBefore] = parts(upright);
    const pieces = {
      shadow: svg("path", { class: "implreg-shadow" }),
      behind: svg("path", { class: "implreg-past implreg-behind", style: paint }),
      before: svg("path", { class: "implreg-past", style: paint }),
      slice: svg("path", { class: "implreg-slice" }),
      gap: svg("path", { class: "implreg-gap" }),
      foot: svg("path", { class: "implreg-foot" }),
      solution: svg("path", { class: "implreg-point", d: DIAMOND }),
      dot: svg("circle", { r: 5, style: `fill: ${color(view.series[2])}` }),
      on: svg("text", { class: "implreg-axis", dy: "-0.5em", dx: "0.4em" }),
    };
    const { beside, places } = show;
    const first = isInside(bounds, places[0]) ? [svg("path", { class: "implreg-start", d: CROSS,
      transform: shift(camera.pixel(places[0])) })] : [];
    if (beside) {
      const others = placesOf(beside.run).map((point) => (isInside(bounds, point) ? camera.pixel(point) : null));
      ghost.place({ x: others.map((p) => p?.[0] ?? 0), ys: [others.map((p) => p?.[1] ?? null)],
        points: [others.map((p) => p && written(p))] }, () => true);
    }
    build(plot, { width, height, viewBox: `0 0 ${width} ${height}` });
    plot.replaceChildren(
      path("implreg-floor", [floor]),
      ...[2, 1, 0].flatMap((k) => axis(k, carriers[k], camera, middle, taken)),
      pieces.shadow, path("implreg-solutions implreg-behind", lineBehind), pieces.behind, ...cone,
      path("implreg-mesh", [...heights.map((w) => parabola(bounds, w)), ...rays(bounds)]),
      path("implreg-whole", stretches(bounds, places, camera.towards).map((one) => one.points), paint),
      pieces.slice, path("implreg-solutions", lineBefore), pieces.gap, pieces.foot, pieces.before,
      ...first, ...(beside ? [...ghost.nodes, ...ghost.dots] : []), pieces.solution, pieces.dot, pieces.on);
    Object.assign(show, { camera, drawn, parts, pieces });
    if (marked) mark(...marked);
  }

  /** Moves the marker to a row, the kept run's to `keptRow`; where the rest is `veiled`, nothing is drawn of it. */
  function mark(row, keptRow, veiled) {
    marked = [row, keptRow, veiled];
    const { shown, beside, places, camera, drawn, parts, pieces } = show;
    const past = places.slice(0, row + 1);
    const here = places[row];
    const low = bounds[2][0];
    const inside = isInside(bounds, here);
    const ways = parts(past);
    const set = (piece, ...lines) => piece.setAttribute("d", lines.map(drawn).join(""));
    const visibility = inside ? "visible" : "hidden";
    set(pieces.behind, ...ways[0]);
    set(pieces.before, ...ways[1]);
    set(pieces.shadow, ...ways.flat().map((points) => points.map(([u, v]) => [u, v, low])));
    set(pieces.slice, ...(inside ? [parabola(bounds, here[2])] : []));
    set(pieces.gap, ...(inside ? [[here, [x, y, here[2]]]] : []));
    set(pieces.foot, ...(inside ? [[here, [here[0], here[1], low]]] : []));
    build(pieces.solution, { transform: shift(camera.pixel([x, y, here[2]])), visibility });
    const [left, top] = camera.pixel(here);
    build(pieces.dot, { cx: left.toFixed(1), cy: top.toFixed(1), visibility });
    const exit = inside || row === 0 ? null : clipped(bounds, ...places.slice(exitRow(places, row)).slice(0, 2));
    pieces.on.textContent = exit === null ? "" : `on to w = ${valueAt(view.series[2], shown.run, row, shown.formats)}`;
    if (exit) pieces.on.setAttribute("transform", shift(camera.pixel(exit[1])));
    if (beside) ghost.mark(keptRow, veiled);
    const words = (one, k) => view.series.map((series) => valueAt(series, one.run, k, one.formats)).join(", ");
    value.textContent = words(shown, row);
    kept.textContent = beside ? `○ ${words(beside, keptRow)}` : "";
  }

  /** The last row before `row` in which the run is in the window; the first, if it never was. */
  function exitRow(places, row) {
    const found = places.slice(0, row).findLastIndex((place) => isInside(bounds, place));
    return Math.max(0, found);
  }

  /** Sees all from elsewhere: turned by so many degrees to the right, and so many degrees from above. */
  function look(turned, tilt) {
    seen = { turned: ((((turned + 180) % 360) + 360) % 360) - 180, tilt: Math.min(90, Math.max(0, tilt)) };
    for (const [input, degrees] of [[turning, seen.turned], [tilting, seen.tilt]]) {
      input.value = degrees;
      input.setAttribute("aria-valuetext", `${Math.round(degrees)}°`);
    }
    if (show !== null) render();
  }

  function moveEye(...degrees) {
    look(...degrees);
    whenTurned();
  }

  turning.addEventListener("input", () => moveEye(Number(turning.value), seen.tilt));
  tilting.addEventListener("input", () => moveEye(seen.turned, Number(tilting.value)));
  const turnBy = (event, before) => moveEye(seen.turned + DEGREES_PER_PIXEL * (event.clientX - before.clientX),
    seen.tilt + DEGREES_PER_PIXEL * (event.clientY - before.clientY));
  onDrag(plot, turnBy, () => {});
  const reset = () => look(home.turned, home.tilt);
  reset();
  const viewpoint = () => (seen.turned === home.turned && seen.tilt === home.tilt ? null : [seen.turned, seen.tilt]);

  return { node, measure, draw, mark, look, reset, viewpoint };
}
