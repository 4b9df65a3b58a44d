/** Takes an explorer away: its run as CSV, its drawing as SVG or PNG. */

import { build, svg } from "./elements.js";

const MARGIN = 16;
const LINE = 20; // of the heading
const LETTER = 7; // of the heading, about
const PIXELS = 2; // of a PNG for each of the page's

const PLACES = ["11", "12", "21", "22"]; // of a matrix, row by row
const STYLE = ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity",
  "visibility", "font-family", "font-size", "font-weight", "text-anchor"];

const cell = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));

/**
 * One line per row of each of `runs`, {settings, run}, which have the same names: the settings, the same in all rows of
 * a run, then the columns to their last digit. Where there is a second run, the kept one, a column `run` comes first.
 */
export function csv(runs) {
  const names = Object.keys(runs[0].run);
  const several = runs.length > 1;
  const fixed = ({ settings }) => Object.entries(settings).flatMap(([name, value]) =>
    Array.isArray(value) ? value.map((entry, i) => [`${name}_${PLACES[i]}`, entry]) : [[name, value]]);
  const head = [...(several ? ["run"] : []), ...fixed(runs[0]).map(([name]) => name), ...names];
  const rows = runs.flatMap((one, k) => {
    const before = [...(several ? [["shown", "kept"][k]] : []), ...fixed(one).map(([, value]) => value)];
    return Array.from(one.run[names[0]], (_, row) => [...before, ...names.map((name) => one.run[name][row])]);
  });
  return [head, ...rows].map((cells) => `${cells.map(cell).join(",")}\n`).join("");
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

/** The lines in which an element's text stands on the screen, and the box of each. */
function brokenLines(node) {
  const range = document.createRange();
  const lines = [];
  for (const word of node.textContent.matchAll(/\S+\s*/g)) {
    range.setStart(node.firstChild, word.index);
    range.setEnd(node.firstChild, word.index + word[0].trimEnd().length);
    const box = range.getBoundingClientRect();
    if (lines.length && box.top < lines.at(-1).box.bottom - 1) lines.at(-1).text += word[0];
    else lines.push({ box, text: word[0] });
  }
  return lines;
}

/** An HTML element's lines of text, in their places. */
function written(node, origin) {
  const style = getComputedStyle(node);
  const font = ["font-family", "font-size", "font-weight"].map((name) => `${name}: ${style.getPropertyValue(name)}`);
  return brokenLines(node).map(({ box, text }) => {
    const place = { x: box.left - origin.x, y: box.top - origin.y + 0.75 * box.height };
    return svg("text", { ...place, style: `${font.join("; ")}; fill: ${style.color}` }, text.trimEnd());
  });
}

/** A text in lines of at most `most` characters; a longer word has a line of its own. */
export function wrapped(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1) === "") lines[lines.length - 1] = word;
    else if (lines.at(-1).length + 1 + word.length <= most) lines[lines.length - 1] += ` ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** All views of a figure under `heading`: one SVG element that needs nothing else. */
function picture(figure, heading) {
  figure.classList.add("implreg-unfolded"); // those that are behind tabs, too
  const drawing = copied(figure, heading);
  figure.classList.remove("implreg-unfolded");
  return drawing;
}

/** The views as they are on the screen, under `heading`. */
function copied(figure, heading) {
  const grid = figure.querySelector(".implreg-views");
  const box = grid.getBoundingClientRect();
  const style = getComputedStyle(figure);
  const head = heading.map((line) => line.replaceAll(": ", ":\u00A0")).flatMap((line, i) => // a value with its name
    wrapped(line, Math.floor(box.width / LETTER)).map((part) => ({ part, weight: i ? 400 : 600 })));
  const top = MARGIN + LINE * head.length;
  const [width, height] = [box.width + 2 * MARGIN, top + box.height + MARGIN];
  const origin = { x: box.left - MARGIN, y: box.top - top };
  const lines = head.map(({ part, weight }, i) => svg("text", { x: MARGIN, y: LINE * (i + 1),
    style: `font: ${weight} 13px ${style.fontFamily}; fill: ${style.color}` }, part));
  const texts = [...grid.querySelectorAll(".implreg-title, .implreg-legend span")]
    .flatMap((node) => written(node, origin));
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
  CSV: (name, { runs }) => offer(`${name}.csv`, new Blob([csv(runs)], { type: "text/csv" })),
  SVG: (name, { figure, heading }) =>
    offer(`${name}.svg`, new Blob([text(picture(figure, heading))], { type: "image/svg+xml" })),
  PNG: async (name, { figure, heading }) => offer(`${name}.png`, await rasterized(picture(figure, heading))),
};
