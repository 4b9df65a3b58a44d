/** Takes an explorer away: its run as CSV, its drawing as SVG or PNG. */

import { build, svg } from "./elements.js";

const MARGIN = 16;
const LINE = 20; // of the heading
const PIXELS = 2; // of a PNG for each of the page's

const PLACES = ["11", "12", "21", "22"]; // of a matrix, row by row
const STYLE = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity",
  "visibility", "font-family", "font-size", "font-weight", "text-anchor"];

const cell = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));

/** One line per row: the settings, the same in all of them, then the columns to their last digit. */
export function csv(settings, run) {
  const names = Object.keys(run);
  const fixed = Object.entries(settings).flatMap(([name, value]) =>
    Array.isArray(value) ? value.map((entry, i) => [`${name}_${PLACES[i]}`, entry]) : [[name, value]]);
  const line = (row) => [...fixed.map(([, value]) => value), ...names.map((name) => run[name][row])];
  const lines = [[...fixed.map(([name]) => name), ...names], ...Array.from(run[names[0]], (_, row) => line(row))];
  return lines.map((cells) => `${cells.map(cell).join(",")}\n`).join("");
}

/** A copy of a drawing that looks the same without the page's style sheets. */
function detached(drawing) {
  const copy = drawing.cloneNode(true);
  const copies = [copy, ...copy.querySelectorAll("*")];
  [drawing, ...drawing.querySelectorAll("*")].forEach((node, i) => {
    const style = getComputedStyle(node);
    copies[i].removeAttribute("class");
    copies[i].setAttribute("style", STYLE.map((name) => `${name}: ${style.getPropertyValue(name)}`).join("; "));
  });
  return copy;
}

/** An HTML element's line of text, in its place. */
function written(node, origin) {
  const [box, style] = [node.getBoundingClientRect(), getComputedStyle(node)];
  const font = ["font-family", "font-size", "font-weight"].map((name) => `${name}: ${style.getPropertyValue(name)}`);
  const place = { x: box.left - origin.x, y: box.top - origin.y + 0.75 * box.height };
  return svg("text", { ...place, style: `${font.join("; ")}; fill: ${style.color}` }, node.textContent);
}

/** The views of a figure, as they are on the screen, under `heading`: one SVG element that needs nothing else. */
function picture(figure, heading) {
  const grid = figure.querySelector(".implreg-views");
  const box = grid.getBoundingClientRect();
  const style = getComputedStyle(figure);
  const top = MARGIN + LINE * heading.length;
  const [width, height] = [box.width + 2 * MARGIN, top + box.height + MARGIN];
  const origin = { x: box.left - MARGIN, y: box.top - top };
  const lines = heading.map((line, i) => svg("text", { x: MARGIN, y: LINE * (i + 1),
    style: `font: ${i ? 400 : 600} 13px ${style.fontFamily}; fill: ${style.color}` }, line));
  const texts = [...grid.querySelectorAll(".implreg-title, .implreg-legend span")].map((node) => written(node, origin));
  const drawings = [...grid.querySelectorAll(".implreg-swatch, .implreg-plot")].map((drawing) => {
    const place = drawing.getBoundingClientRect();
    return build(detached(drawing), { x: place.left - origin.x, y: place.top - origin.y });
  });
  return svg("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` },
    svg("rect", { width, height, style: `fill: ${style.backgroundColor}` }), ...lines, ...texts, ...drawings);
}

const text = (drawing) => new XMLSerializer().serializeToString(drawing);

/** A drawing as pixels. */
async function rasterized(drawing) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text(drawing))}`;
  await image.decode();
  const canvas = Object.assign(document.createElement("canvas"),
    { width: PIXELS * image.width, height: PIXELS * image.height });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => {
    canvas.toBlob(done, "image/png");
  });
}

function offer(name, blob) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000); // the download has begun by then
}

/** What the buttons of an explorer called `name` do. */
export const SAVE = {
  CSV: (name, { settings, run }) => offer(`${name}.csv`, new Blob([csv(settings, run)], { type: "text/csv" })),
  SVG: (name, { figure, heading }) =>
    offer(`${name}.svg`, new Blob([text(picture(figure, heading))], { type: "image/svg+xml" })),
  PNG: async (name, { figure, heading }) => offer(`${name}.png`, await rasterized(picture(figure, heading))),
};
