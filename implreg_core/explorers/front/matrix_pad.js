/**
 * A control for a 2 x 2 matrix: its columns are two arrows to drag, its determinant is the signed area that they span;
 * four fields say the same in numbers, for the keyboard.
 */

import { button } from "./controls.js";
import { build, html, svg } from "./elements.js";
import { short } from "./numbers.js";

const SIZE = 176; // of the drawing; in a narrow place it is seen smaller
const NAMES = ["₁₁", "₁₂", "₂₁", "₂₂"]; // entries lie row by row
const GRAB = 14; // radius of what a finger can grab

/** Heights for the names of two tips that are near each other: one name above the other, beyond both arrows. */
function stacked([[, first], [, second]]) {
  const [top, bottom] = [Math.min(first, second), Math.max(first, second)];
  const above = (top + bottom < SIZE && top > 38) || bottom > SIZE - 38; // within the pad
  const rows = above ? [top - 25, top - 11] : [bottom + 19, bottom + 33];
  return first <= second ? rows : rows.toReversed();
}

export function createMatrixPad({ label, symbol, high, presets }, id, choose) {
  const scale = SIZE / 2 / (1.12 * high);
  const pixel = (x, y) => [SIZE / 2 + scale * x, SIZE / 2 - scale * y];
  const columns = [0, 1];
  let entries = [1, 0, 0, 1];

  const fields = NAMES.map((name, i) => {
    const field = html("input", { type: "number", min: -high, max: high, step: 0.05, "aria-label": symbol + name });
    field.classList.add(`implreg-column-${i % 2}`);
    field.addEventListener("input", () => {
      if (field.checkValidity() && Number.isFinite(field.valueAsNumber)) choose(entries.with(i, field.valueAsNumber));
    });
    field.addEventListener("change", () => set(entries)); // a text that is no entry gives way
    return field;
  });
  const area = svg("polygon", { class: "implreg-area" });
  const arrows = columns.map((column) => svg("line", { class: `implreg-arrow implreg-column-${column}` }));
  const tips = columns.map((column) => svg("circle", { class: `implreg-tip implreg-column-${column}`, r: 6 }));
  const names = columns.map((column) => svg("text", { "text-anchor": "middle" }, "col",
    svg("tspan", { class: "implreg-more" }, "umn"), ` ${column + 1}`));
  const half = SIZE / 2;
  const pad = svg("svg", { class: "implreg-pad", width: SIZE, height: SIZE, viewBox: `0 0 ${SIZE} ${SIZE}`,
    role: "img" },
    svg("line", { class: "implreg-grid", x1: 0, x2: SIZE, y1: half, y2: half }),
    svg("line", { class: "implreg-grid", y1: 0, y2: SIZE, x1: half, x2: half }),
    area, ...arrows, ...tips, ...names);
  const determinant = html("p", { class: "implreg-determinant" });
  const node = html("fieldset", { class: "implreg-control implreg-matrix" },
    html("legend", { id }, label), pad,
    html("div", { class: "implreg-numbers" },
      html("div", { class: "implreg-fields" }, ...fields), determinant,
      html("div", { class: "implreg-presets" },
        ...presets.map(({ text, entries: preset }) => button(text, () => choose(preset))))));

  function set(next) {
    entries = next;
    const [a, b, c, d] = entries;
    const ends = [[a, c], [b, d]];
    const det = a * d - b * c;
    const corners = [[0, 0], ends[0], [a + b, c + d], ends[1]];
    area.setAttribute("points", corners.map(([x, y]) => pixel(x, y).join()).join(" "));
    area.classList.toggle("implreg-negative", det < 0);
    const at = ends.map(([x, y]) => pixel(x, y));
    const near = Math.abs(at[0][0] - at[1][0]) < 64 && Math.abs(at[0][1] - at[1][1]) < 30;
    const rows = stacked(at);
    columns.forEach((column) => {
      const [x, y] = at[column];
      build(arrows[column], { x1: half, y1: half, x2: x, y2: y });
      build(tips[column], { cx: x, cy: y });
      const above = y < half ? y > 24 : y > SIZE - 24; // within the pad
      const height = near ? rows[column] : y + (above ? -11 : 19);
      build(names[column], { x: Math.min(SIZE - 31, Math.max(31, x)), y: height });
    });
    determinant.textContent = `det ${symbol} = ${short(det)}`;
    pad.setAttribute("aria-label", `Two arrows, the columns of ${symbol}; they span an area of ${short(det)}.`);
    fields.forEach((field, i) => {
      if (field.valueAsNumber !== entries[i]) field.value = entries[i]; // or a text would change while it is typed
    });
  }

  let dragged = null; // the column
  /** Where a pointer is, in pixels of the drawing, and how many of these there are to one of the screen. */
  const pointed = ({ clientX, clientY }) => {
    const box = pad.getBoundingClientRect();
    const zoom = SIZE / box.width;
    return { x: zoom * (clientX - box.left), y: zoom * (clientY - box.top), zoom };
  };
  /** The column whose tip a pointer takes, -1 if none. */
  const taken = (event) => {
    const { x, y, zoom } = pointed(event);
    const distance = columns.map((column) => {
      const [tipX, tipY] = pixel(entries[column], entries[column + 2]);
      return Math.hypot(x - tipX, y - tipY) / zoom;
    });
    const nearest = distance[0] < distance[1] ? 0 : 1;
    return distance[nearest] > 2 * GRAB ? -1 : nearest;
  };
  const place = (event) => {
    const { x, y } = pointed(event);
    const inside = (value) => Math.min(high, Math.max(-high, Math.round(value * 50) / 50));
    return [inside((x - half) / scale), inside((half - y) / scale)];
  };
  const move = (event) => {
    if (dragged === null) return;
    const [x, y] = place(event);
    choose(entries.with(dragged, x).with(dragged + 2, y));
  };
  pad.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || dragged !== null || taken(event) < 0) return;
    dragged = taken(event);
    pad.setPointerCapture(event.pointerId);
  });
  // A finger that takes no tip scrolls the page.
  pad.addEventListener("touchstart", (event) => taken(event.changedTouches[0]) >= 0 && event.preventDefault(),
    { passive: false });
  pad.addEventListener("pointermove", move);
  pad.addEventListener("lostpointercapture", () => (dragged = null));
  return { node, set };
}
