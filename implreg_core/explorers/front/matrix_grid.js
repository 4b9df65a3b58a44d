/**
 * A control for a reader's own matrix: cells to type in, each with a button that hides or shows its entry, and a field
 * for a whole table. A text that is no matrix chooses nothing, so the last drawing stays.
 */

import { button } from "./controls.js";
import { html } from "./elements.js";
import { SIZE, faultOf, parseGrid, writeGrid } from "./grid_text.js";

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [1, 0] };
const FEW = 3; // columns, whose cells are wide on a phone

export function createMatrixGrid({ label, presets }, id, choose) {
  let shape = [1, 1];
  let chosen = ""; // the text of the last matrix that was one
  const cells = Array.from({ length: SIZE * SIZE }, (_, k) => createCell(k));
  const inside = ({ i, j }) => i < shape[0] && j < shape[1];
  const rowsNow = () => Array.from({ length: shape[0] }, (_, i) => Array.from({ length: shape[1] }, (__, j) => {
    const { field, hidden } = cells[SIZE * i + j];
    return hidden || field.value.trim() === "" ? "?" : field.value.trim();
  }));

  /** A cell remembers what it hides. */
  function createCell(k) {
    const [i, j] = [Math.floor(k / SIZE), k % SIZE];
    const name = `row ${i + 1}, column ${j + 1}`;
    const field = html("input", { type: "text", inputmode: "text", placeholder: "?", maxlength: 12, size: 4,
      autocomplete: "off", spellcheck: "false", "aria-label": `Entry in ${name}` });
    const cell = { i, j, field, hidden: true, kept: "" };
    cell.toggle = button("", () => hide(cell, !cell.hidden));
    cell.node = html("div", { class: "implreg-own-cell" }, field, cell.toggle);
    field.addEventListener("input", () => {
      cell.hidden = ["", "?"].includes(field.value.trim());
      if (!cell.hidden) cell.kept = field.value.trim();
      look(cell);
      take();
    });
    field.addEventListener("change", () => {
      if (cell.hidden) field.value = "";
    });
    field.addEventListener("focus", () => field.select());
    field.addEventListener("keydown", (event) => {
      const way = ARROWS[event.key];
      const next = way && cells.find((other) => other.i === i + way[0] && other.j === j + way[1] && inside(other));
      if (!next) return;
      event.preventDefault();
      next.field.focus();
    });
    field.addEventListener("paste", (event) => {
      const text = event.clipboardData.getData("text/plain").trim();
      if (!/[,;\s]/.test(text)) return;
      event.preventDefault();
      use(text);
    });
    return cell;
  }

  function look(cell) {
    const name = `row ${cell.i + 1}, column ${cell.j + 1}`;
    cell.node.classList.toggle("implreg-own-hole", cell.hidden);
    cell.toggle.textContent = cell.hidden ? "show" : "hide";
    cell.toggle.setAttribute("aria-label", `${cell.hidden ? "Show" : "Hide"} the entry in ${name}`);
  }

  function hide(cell, hidden) {
    cell.hidden = hidden;
    if (!hidden && cell.kept === "") cell.kept = "0";
    cell.field.value = hidden ? "" : cell.kept;
    look(cell);
    take();
  }

  /** Chooses the matrix that the cells hold, or says why they hold none. */
  function take() {
    const rows = rowsNow();
    const faults = rows.map((row, i) => row.map((entry, j) => (entry === "?" ? null : faultOf(entry, i, j))));
    cells.filter(inside).forEach(({ i, j, field }) =>
      field.setAttribute("aria-invalid", String(faults[i][j] !== null)));
    const fault = faults.flat().find(Boolean);
    if (fault) {
      say(fault);
      return;
    }
    try {
      const text = writeGrid(parseGrid(writeGrid(rows)));
      say(null);
      if (text === chosen) return;
      chosen = text;
      choose(text);
    } catch (error) {
      say(error.message);
    }
  }

  function say(fault) {
    const seen = rowsNow().flat().filter((entry) => entry !== "?").length;
    const text = fault === null
      ? `${shape[0]} × ${shape[1]}, ${seen} of ${shape[0] * shape[1]} entries seen.`
      : `${fault} (The drawing has not changed.)`;
    note.classList.toggle("implreg-fault", fault !== null);
    if (note.textContent !== text) note.textContent = text;
  }

  function resize(down, across) {
    const within = (length) => Math.min(SIZE, Math.max(1, length));
    shape = [within(shape[0] + down), within(shape[1] + across)];
    place();
    take();
  }

  function place() {
    grid.style.setProperty("--implreg-across", shape[1]);
    grid.classList.toggle("implreg-few", shape[1] <= FEW);
    cells.forEach((cell) => (cell.node.hidden = !inside(cell)));
    sizes.forEach(({ node, down, across }) => {
      const [m, n] = [shape[0] + down, shape[1] + across];
      node.disabled = Math.min(m, n) < 1 || Math.max(m, n) > SIZE;
    });
  }

  /** Takes a pasted table, or says why it is none. */
  function use(text) {
    try {
      const written = writeGrid(parseGrid(text));
      show(written);
      choose(written);
      pasted.textContent = "";
    } catch (error) {
      pasted.textContent = error.message;
      paste.open = true;
      table.value = text;
    }
  }

  function show(text) {
    const rows = parseGrid(text);
    chosen = text;
    shape = [rows.length, rows[0].length];
    cells.filter(inside).forEach((cell) => {
      const entry = rows[cell.i][cell.j];
      cell.hidden = entry === "?";
      if (!cell.hidden) cell.kept = entry;
      cell.field.value = cell.hidden ? "" : entry;
      cell.field.setAttribute("aria-invalid", "false");
      look(cell);
    });
    place();
    say(null);
  }

  const note = html("p", { class: "implreg-note", "aria-live": "polite" });
  const grid = html("div", { class: "implreg-own-cells" }, ...cells.map((cell) => cell.node));
  const size = (text, name, down, across) =>
    ({ node: button(text, () => resize(down, across), { "aria-label": name }), down, across });
  const sizes = [size("− row", "Remove the last row", -1, 0), size("+ row", "Add a row", 1, 0),
    size("− column", "Remove the last column", 0, -1), size("+ column", "Add a column", 0, 1)];
  const table = html("textarea",
    { id: `${id}-table`, rows: 4, spellcheck: "false", placeholder: "5, 3, ?\n4, ?, 1" });
  const pasted = html("p", { class: "implreg-note implreg-fault", role: "alert" });
  const paste = html("details", { class: "implreg-paste" }, html("summary", {}, "Paste a table"),
    html("label", { for: table.id }, "Rows as lines; entries with commas, tabs or spaces; ? or nothing for a hole"),
    table, button("Use this table", () => use(table.value)), pasted);
  const node = html("fieldset", { class: "implreg-control implreg-own" },
    html("legend", { id }, label), grid, note,
    html("div", { class: "implreg-examples" }, ...sizes.map((item) => item.node)),
    html("div", { class: "implreg-examples" },
      ...presets.map(({ text, entry }) => button(text, () => (show(entry), choose(entry))))),
    paste);

  /** What is being typed stays, however late a kernel answers. */
  function set(text) {
    if (text !== chosen) show(text);
  }

  return { node, set };
}
