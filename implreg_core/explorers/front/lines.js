/** The lines of a plot: how they look, and their ways through points. */

export const DASHES = ["none", "10 3", "9 3 2 3", "2 3"];
const DASHED = ["5 4", "1.5 3", "5 3 1.5 3"]; // bounds and references; _still.py says the same
const COLORS = 6; // --implreg-line-0 to --implreg-line-5

export const color = (series) => `var(--implreg-line-${series.color % COLORS})`;

/** Lines of one view differ in dash as well as in colour. */
export function lineStyle(view, series) {
  const dashes = series.dashed ? DASHED : DASHES;
  const place = view.series.filter((other) => other.dashed === series.dashed).indexOf(series);
  return `stroke: ${color(series)}; stroke-dasharray: ${dashes[place % dashes.length]}`;
}

/** A path through points; where one is null, as a bound is that does not apply, there is a gap. */
export function pathThrough(points) {
  let pen = "M";
  return points.map((point) => {
    const part = point === null ? "" : `${pen}${point}`;
    pen = point === null ? "M" : "L";
    return part;
  }).join("");
}

/** Whether a column has a value in a row: where it depends on another column, that must be positive. */
export const applies = ({ where }, run, row) => where === null || run[where][row] > 0;

/** What a legend says of a series in a row of a run. */
export const valueAt = (series, run, row, formats) =>
  applies(series, run, row) ? formats[series.column](run[series.column][row]) : "none";
