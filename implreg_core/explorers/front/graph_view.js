/** The observed entries of a matrix as a graph: rows left, columns right, a shade and a dash for each component. */

import { build, html, svg } from "./elements.js";
import { parseGrid } from "./grid_text.js";
import { DASHES } from "./lines.js";

const STEP_PX = 34; // between two nodes
const SHADES = ["--implreg-line-5", "--implreg-text"]; // of what is observed

export function createGraphView(view, timeColumn, scrub, controls) {
  const place = controls.findIndex(({ name }) => name === view.grid); // of the matrix in a choice
  const note = html("p", { class: "implreg-legend" });
  const plot = svg("svg", { class: "implreg-plot implreg-still-plot", role: "img" });
  const node = html("div", { class: "implreg-view" }, html("p", { class: "implreg-title" }, view.title), note, plot);
  let width = 0;

  const measure = () => void (width = Math.max(240, node.clientWidth));

  function draw({ choice, run }) {
    const matrix = parseGrid(choice[place]);
    const sides = [["row", matrix.length], ["column", matrix[0].length]].map(([name, count]) =>
      Array.from({ length: count }, (_, k) => ({ name: `${name} ${k + 1}`, part: run[`${name}_${k + 1}`][0] })));
    const edges = matrix.flatMap((row, i) => row.flatMap((entry, j) => (entry === "?" ? [] : [[i, j]])));
    const joined = [...new Set(edges.map(([i]) => sides[0][i].part))]; // in the order of their first rows
    const color = (part) => `var(${SHADES[Math.max(0, joined.indexOf(part)) % SHADES.length]})`;
    const dash = (part) => DASHES[joined.indexOf(part) % DASHES.length];
    const height = Math.max(...sides.map((side) => side.length)) * STEP_PX + 4;
    const x = [0.3 * width, 0.7 * width];
    const y = (side, k) => 2 + ((k + 0.5) / sides[side].length) * (height - 4);
    build(plot, { width, height, viewBox: `0 0 ${width} ${height}` });
    plot.replaceChildren(
      ...edges.map(([i, j]) => svg("line", { class: "implreg-edge", x1: x[0], y1: y(0, i), x2: x[1], y2: y(1, j),
        style: `stroke: ${color(sides[0][i].part)}; stroke-dasharray: ${dash(sides[0][i].part)}` })),
      ...sides.flatMap((nodes, side) => nodes.flatMap(({ name, part }, k) => {
        const paint = joined.includes(part) ? `fill: ${color(part)}` : `fill: none; stroke: ${color(part)}`;
        return [
          side === 0 ? svg("circle", { cx: x[0], cy: y(0, k), r: 6, style: paint, visibility: "visible" })
            : svg("rect", { x: x[1] - 6, y: y(1, k) - 6, width: 12, height: 12, style: paint }),
          svg("text", { x: x[side] + (side === 0 ? -12 : 12), y: y(side, k), dy: "0.35em",
            "text-anchor": side === 0 ? "end" : "start" }, name),
        ];
      })));
    const nodes = sides.flat();
    const parts = [...new Set(nodes.map(({ part }) => part))];
    const said = parts.map((own) => nodes.filter(({ part }) => part === own).map(({ name }) => name).join(", "));
    note.textContent = parts.length === 1 ? "connected: 1 component" : `${parts.length} components`;
    plot.setAttribute("aria-label", `${note.textContent}: ${said.join("; ")}.`);
  }

  return { node, measure, draw, mark: () => {} };
}
