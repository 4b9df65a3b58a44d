/** A reader's matrix at the marker: written out, or its unseen entries over those of another completion. */

import { FONT_PX, position, spacedTicks, textWidth, ticks } from "./axes.js";
import { build, html, svg } from "./elements.js";
import { parseGrid } from "./grid_text.js";
import { significant } from "./numbers.js";

const [OWN, OTHER] = ["--implreg-line-0", "--implreg-line-1"];
const CELL_PX = 46; // height of a cell
const AIR = 0.08; // of the range, around the points

const color = (name) => `fill: var(${name})`;
const dot = (name) => svg("svg", { class: "implreg-swatch", width: 30, height: 12, "aria-hidden": "true" },
  svg("circle", { cx: 15, cy: 6, r: 4, style: color(name) }));
const short = (value) => significant(Math.abs(value) < 1e-9 ? 0 : value, 3);

/** The range that holds all values, with some air; never of no width. */
export function rangeOf(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const air = high - low > 1e-9 * Math.max(1, Math.abs(high)) ? AIR * (high - low) : Math.abs(high) / 2 || 1;
  return [low - air, high + air];
}

/** The entries that nobody sees, and where their columns are. */
function unseenOf(rows, view) {
  const places = rows.flatMap((row, i) => row.map((entry, j) => ({ entry, i, j })));
  return places.map(({ entry, i, j }) => ({
    seen: entry !== "?", i, j, own: `${view.entries.prefix}_${i + 1}${j + 1}`,
    other: `${view.beside.prefix}_${i + 1}${j + 1}`,
  }));
}

export function createGridView(view, timeColumn, scrub, controls) {
  const place = controls.findIndex(({ name }) => name === view.grid); // of the matrix in a choice
  const item = (swatch, label) => html("li", {}, swatch, html("span", {}, label));
  const legend = html("ul", { class: "implreg-legend" }, ...(view.form === "table"
    ? [item(dot(OWN), `unseen, by ${view.entries.label}`), item(dot(OTHER), `unseen, by ${view.beside.label}`)]
    : [item(dot(OWN), "an unseen entry")]));
  const plot = svg("svg", { class: "implreg-plot implreg-still-plot", role: "img" });
  const node = html("div", { class: "implreg-view" }, html("p", { class: "implreg-title" }, view.title), legend, plot);
  let width = 0;
  let show = null; // what is drawn

  const measure = () => void (width = Math.max(240, node.clientWidth));

  function draw({ choice, run }) {
    const rows = parseGrid(choice[place]);
    const entries = unseenOf(rows, view);
    show = { update: view.form === "table" ? table(rows, entries, run) : scatter(entries, run) };
  }

  function table(rows, entries, run) {
    const [m, n] = [rows.length, rows[0].length];
    const across = Math.min(90, (width - 2) / n);
    const height = m * CELL_PX + 2;
    build(plot, { width, height, viewBox: `0 0 ${width} ${height}` });
    const texts = entries.map(({ seen, i, j, other }) => {
      const [x, y] = [1 + (j + 0.5) * across, 1 + i * CELL_PX];
      const own = svg("text", { x, y: y + (seen ? 27 : 20), "text-anchor": "middle" });
      const box = svg("rect", { class: seen ? "implreg-box" : "implreg-box implreg-hole",
        x: 1 + j * across, y, width: across, height: CELL_PX });
      if (!seen) own.setAttribute("style", `${color(OWN)}; font-weight: 700`);
      const below = seen ? [] : [svg("text", { x, y: y + 38, "text-anchor": "middle", style: color(OTHER) },
        short(run[other][0]))];
      return { own, nodes: [box, own, ...below] };
    });
    plot.replaceChildren(...texts.flatMap(({ nodes }) => nodes));
    return (row) => {
      entries.forEach(({ own }, k) => (texts[k].own.textContent = short(run[own][row])));
      const written = rows.map((line, i) => entries.filter((entry) => entry.i === i)
        .map(({ seen, own, other }) => (seen ? short(run[own][row])
          : `unseen ${short(run[own][row])} beside ${short(run[other][row])}`)).join(", "));
      plot.setAttribute("aria-label", `The matrix, row by row: ${written.join("; ")}.`);
    };
  }

  function scatter(entries, run) {
    const unseen = entries.filter(({ seen }) => !seen);
    const height = Math.round(Math.min(290, Math.max(220, 0.62 * width)));
    build(plot, { width, height, viewBox: `0 0 ${width} ${height}` });
    if (unseen.length === 0) {
      plot.replaceChildren(svg("text", { x: 0, y: 40 }, "Every entry is seen: nothing is left to choose."));
      plot.setAttribute("aria-label", "Every entry is seen.");
      return () => {};
    }
    const xRange = rangeOf(unseen.map(({ other }) => run[other][0]));
    const yRange = rangeOf([...xRange, ...unseen.flatMap(({ own }) => [...run[own]])]);
    const [top, bottom, right] = [26, height - 44, width - 12];
    const yTicks = ticks("linear", yRange, (bottom - top) / 34);
    const left = 12 + Math.max(...yTicks.map((tick) => textWidth(tick.text)));
    const toX = position("linear", xRange, [left, right]);
    const toY = position("linear", yRange, [bottom, top]);
    const trails = unseen.map(({ own, other }) => {
      const x = toX(run[other][0]).toFixed(1);
      const path = Array.from(run[own], (value) => `${x},${toY(value).toFixed(1)}`).join("L");
      return svg("path", { class: "implreg-whole", style: `stroke: var(${OWN})`, d: `M${path}` });
    });
    const dots = unseen.map(() => svg("circle", { r: 5, style: color(OWN), visibility: "visible" }));
    plot.replaceChildren(
      ...yTicks.map(({ value, text }) => svg("g", { transform: `translate(0 ${toY(value).toFixed(1)})` },
        svg("line", { class: "implreg-grid", x1: left, x2: right }),
        svg("text", { x: left - 6, dy: "0.35em", "text-anchor": "end" }, text))),
      ...spacedTicks("linear", xRange, right - left).map(({ value, text }) =>
        svg("g", { transform: `translate(${toX(value).toFixed(1)} ${bottom})` },
          svg("line", { class: "implreg-tick", y2: 4 }), svg("text", { y: 18, "text-anchor": "middle" }, text))),
      svg("line", { class: "implreg-tick", x1: left, x2: right, y1: bottom, y2: bottom }),
      svg("path", { class: "implreg-curve", style: "stroke-dasharray: 5 4",
        d: `M${toX(xRange[0])},${toY(xRange[0])}L${toX(xRange[1])},${toY(xRange[1])}` }),
      svg("text", { class: "implreg-axis", x: 0, y: FONT_PX }, view.entries.label),
      svg("text", { class: "implreg-axis", x: right, y: height - 6, "text-anchor": "end" },
        `${view.beside.label} (dashed: both equal)`),
      ...trails, ...dots);
    return (row) => {
      unseen.forEach(({ own, other }, k) => build(dots[k], { cx: toX(run[other][0]), cy: toY(run[own][row]) }));
      const written = unseen.map(({ own, other }) => `${short(run[own][row])} over ${short(run[other][row])}`);
      plot.setAttribute("aria-label", `Unseen entries, ${view.entries.label} over ${view.beside.label}: ` +
        `${written.join("; ")}.`);
    };
  }

  const mark = (row) => show.update(row);

  return { node, measure, draw, mark };
}
