/**
 * A reader's matrix at the marker: written out, or its unseen entries over those of another completion. Of a kept run,
 * whose matrix may be another one, the entries that one of the two leaves unseen are shown: as numbers, or as rings,
 * each joined to where its entry is now.
 */

import { FONT_PX, position, spacedTicks, textWidth, ticks } from "./axes.js";
import { build, html, svg } from "./elements.js";
import { createGhostItem } from "./ghost.js";
import { parseGrid } from "./grid_text.js";
import { significant } from "./numbers.js";

const [OWN, OTHER] = ["--implreg-line-0", "--implreg-line-5"]; // the other is a reference
const [CELL_PX, KEPT_PX] = [46, 17]; // height of a cell, and what a kept number adds
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

/** The entries of a matrix, and where their columns are; `kept` is what the matrix of a kept run has there, or null. */
function entriesOf(rows, keptRows, view) {
  return rows.flatMap((row, i) => row.map((entry, j) => ({
    seen: entry !== "?", i, j, own: `${view.entries.prefix}_${i + 1}${j + 1}`,
    other: `${view.beside.prefix}_${i + 1}${j + 1}`, kept: keptRows?.[i]?.[j] ?? null,
  })));
}

export function createGridView(view, timeColumn, scrub, controls) {
  const place = controls.findIndex(({ name }) => name === view.grid); // of the matrix in a choice
  const item = (swatch, label) => html("li", {}, swatch, html("span", {}, label));
  const legend = html("ul", { class: "implreg-legend" }, ...(view.form === "table"
    ? [item(dot(OWN), `unseen, by ${view.entries.label}`), item(dot(OTHER), `unseen, by ${view.beside.label}`)]
    : [item(dot(OWN), "an unseen entry")]));
  const plot = svg("svg", { class: "implreg-plot implreg-still-plot", role: "img" });
  const node = html("div", { class: "implreg-view" }, html("p", { class: "implreg-title" }, view.title), legend, plot);
  const ghostItem = createGhostItem();
  let width = 0;
  let show = null; // what is drawn

  const measure = () => void (width = Math.max(240, node.clientWidth));

  function draw({ choice, run }, kept) {
    const rows = parseGrid(choice[place]);
    const entries = entriesOf(rows, kept && parseGrid(kept.choice[place]), view);
    if (kept) {
      ghostItem.say(kept.words);
      legend.append(ghostItem.node);
    } else ghostItem.node.remove();
    const before = kept?.run ?? null;
    show = { update: view.form === "table" ? table(rows, entries, run, before) : scatter(entries, run, before) };
  }

  function table(rows, entries, run, before) {
    const [m, n] = [rows.length, rows[0].length];
    const across = Math.min(90, (width - 2) / n);
    const tall = before ? CELL_PX + KEPT_PX : CELL_PX;
    const height = m * tall + 2;
    const compared = ({ seen, kept }) => kept === "?" || (kept !== null && !seen);
    build(plot, { width, height, viewBox: `0 0 ${width} ${height}` });
    const texts = entries.map(({ seen, i, j, other }) => {
      const [x, y] = [1 + (j + 0.5) * across, 1 + i * tall];
      const own = svg("text", { x, y: y + (seen ? 27 : 20), "text-anchor": "middle" });
      const box = svg("rect", { class: seen ? "implreg-box" : "implreg-box implreg-hole",
        x: 1 + j * across, y, width: across, height: tall });
      const kept = svg("text", { class: "implreg-then", x, y: y + CELL_PX + 9, "text-anchor": "middle" });
      if (!seen) own.setAttribute("style", `${color(OWN)}; font-weight: 700`);
      const below = seen ? [] : [svg("text", { x, y: y + 38, "text-anchor": "middle", style: color(OTHER) },
        short(run[other][0]))];
      return { own, kept, nodes: [box, own, ...below, kept] };
    });
    plot.replaceChildren(...texts.flatMap(({ nodes }) => nodes));
    return (row, keptRow) => {
      const then = entries.map((entry) => (compared(entry) ? short(before[entry.own][keptRow]) : null));
      entries.forEach(({ own }, k) => {
        texts[k].own.textContent = short(run[own][row]);
        texts[k].kept.textContent = then[k] === null ? "" : `○ ${then[k]}`;
      });
      const said = entries.map(({ seen, own, other }, k) => (seen ? short(run[own][row])
        : `unseen ${short(run[own][row])} beside ${short(run[other][row])}`)
        + (then[k] === null ? "" : ` and in the kept run ${then[k]}`));
      const written = rows.map((_, i) => said.slice(i * n, (i + 1) * n).join(", "));
      plot.setAttribute("aria-label", `The matrix, row by row: ${written.join("; ")}.`);
    };
  }

  function scatter(entries, run, before) {
    const unseen = entries.filter(({ seen }) => !seen);
    const ghosts = entries.filter(({ kept }) => kept === "?");
    const height = Math.round(Math.min(290, Math.max(220, 0.62 * width)));
    build(plot, { width, height, viewBox: `0 0 ${width} ${height}` });
    if (unseen.length === 0) {
      plot.replaceChildren(svg("text", { x: 0, y: 40 }, "Every entry is seen: nothing is left to choose."));
      plot.setAttribute("aria-label", "Every entry is seen.");
      return () => {};
    }
    const xRange = rangeOf([...unseen.map(({ other }) => run[other][0]),
      ...ghosts.map(({ other }) => before[other][0])]);
    const yRange = rangeOf([...xRange, ...unseen.flatMap(({ own }) => [...run[own]]),
      ...ghosts.flatMap(({ own }) => [...before[own]])]);
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
    const joins = ghosts.map(() => svg("line", { class: "implreg-ghost", style: `stroke: var(${OWN})` }));
    const rings = ghosts.map(() => svg("circle", { class: "implreg-ring", r: 5, style: `stroke: var(${OWN})` }));
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
      ...trails, ...joins, ...rings, ...dots);
    return (row, keptRow) => {
      unseen.forEach(({ own, other }, k) => build(dots[k], { cx: toX(run[other][0]), cy: toY(run[own][row]) }));
      ghosts.forEach(({ seen, own, other }, k) => {
        const [x1, y1] = [toX(before[other][0]), toY(before[own][keptRow])];
        build(rings[k], { cx: x1, cy: y1 });
        if (!seen) build(joins[k], { x1, y1, x2: toX(run[other][0]), y2: toY(run[own][row]) });
      });
      const written = [...unseen.map(({ own, other }) => `${short(run[own][row])} over ${short(run[other][row])}`),
        ...ghosts.map(({ own, other }) =>
          `in the kept run ${short(before[own][keptRow])} over ${short(before[other][keptRow])}`)];
      plot.setAttribute("aria-label", `Unseen entries, ${view.entries.label} over ${view.beside.label}: ` +
        `${written.join("; ")}.`);
    };
  }

  const mark = (row, keptRow) => show.update(row, keptRow);

  return { node, measure, draw, mark };
}
