/** A view of a matrix at the marker's row: what is given of each entry, and below it what the run has there. */

import { build, html, svg } from "./elements.js";
import { createGhostItem } from "./ghost.js";
import { color, valueAt } from "./lines.js";

const MARGIN = 10; // pixels beside the brackets
const GAP = 4; // between cells
const WIDEST = 132; // pixels of a cell
const HIGHEST = 100;
const LEAST = 62; // three lines

/** One entry: its cell, and how to place and fill it. */
function createCell(entry) {
  const unseen = entry.given === null;
  const paint = unseen ? `fill: ${color(entry)}` : "";
  const box = svg("rect", { class: `implreg-cell${unseen ? " implreg-unseen" : ""}`, rx: 4,
    style: unseen ? `stroke: ${color(entry)}` : "" });
  const given = svg("text", { class: "implreg-given", "text-anchor": "middle", style: paint }, entry.given ?? "?");
  const value = svg("text", { class: "implreg-now", "text-anchor": "middle", style: paint });
  const kept = svg("text", { class: "implreg-then", "text-anchor": "middle" });

  function place(x, y, width, height, beside) {
    build(box, { x, y, width, height });
    const lines = beside ? [-12, 8, 25] : [-3, 21]; // from the middle
    [given, value, kept].forEach((line, i) =>
      build(line, { x: x + width / 2, y: y + height / 2 + (lines[i] ?? 0) }));
  }

  const write = (now, then) => {
    value.textContent = now;
    kept.textContent = then === null ? "" : `○ ${then}`;
  };
  return { nodes: [box, given, value, kept], place, write };
}

/** A matrix with its title and a legend; it has the interface of a plot, see view.js. */
export function createMatrixView(view) {
  const columns = view.columns;
  const rows = view.series.length / columns;
  const cells = view.series.map(createCell);
  const brackets = [0, 1].map(() => svg("path", { class: "implreg-bracket" }));
  const drawing = svg("svg", { class: "implreg-plot implreg-grid-of-numbers", role: "img" });
  const key = (sign, text) => html("li", {}, html("span", { class: "implreg-key" }, sign), html("span", {}, text));
  const unseen = view.series.find((entry) => entry.given === null);
  const legend = html("ul", { class: "implreg-legend implreg-short" },
    key("1", "given; below it, now"), ...(unseen ? [key("?", "not given")] : []));
  if (unseen) legend.lastChild.firstChild.style.color = color(unseen);
  const ghostItem = createGhostItem();
  const title = html("p", { class: "implreg-title" }, view.title);
  const node = html("div", { class: "implreg-view" }, title, legend, drawing);
  let width = 0;
  let show = null;

  const measure = () => void (width = Math.max(240, node.clientWidth));

  function draw(shown, kept) {
    const side = Math.min(WIDEST, (width - 2 * MARGIN) / columns);
    const tall = Math.max(LEAST, Math.min(HIGHEST, (0.4 * width) / rows));
    const left = (width - side * columns) / 2;
    const [right, bottom] = [left + side * columns, MARGIN + tall * rows];
    cells.forEach((cell, i) => cell.place(left + side * (i % columns) + GAP / 2,
      MARGIN + tall * Math.floor(i / columns) + GAP / 2, side - GAP, tall - GAP, kept !== null));
    brackets.forEach((bracket, i) => {
      const [x, inward] = i ? [right + 6, -6] : [left - 6, 6];
      bracket.setAttribute("d", `M${x + inward},${MARGIN - 4}H${x}V${bottom + 4}H${x + inward}`);
    });
    build(drawing, { width, height: bottom + MARGIN, viewBox: `0 0 ${width} ${bottom + MARGIN}` });
    drawing.replaceChildren(...brackets, ...cells.flatMap((cell) => cell.nodes));
    if (kept) {
      ghostItem.say(kept.words);
      legend.append(ghostItem.node);
    } else ghostItem.node.remove();
    show = { shown, kept };
  }

  function mark(row, keptRow) {
    const { shown, kept } = show;
    const now = view.series.map((entry) => valueAt(entry, shown.run, row, shown.formats));
    const then = view.series.map((entry) => (kept ? valueAt(entry, kept.run, keptRow, kept.formats) : null));
    cells.forEach((cell, i) => cell.write(now[i], then[i]));
    const said = view.series.map(({ label, given }, i) => [`${label} is ${now[i]}`,
      ...(then[i] === null ? [] : [`in the kept run ${then[i]}`]),
      given === null ? "not given" : `given as ${given}`].join(", "));
    drawing.setAttribute("aria-label", `Matrix. ${view.title}; ${said.join("; ")}.`);
  }

  return { node, measure, draw, mark };
}
