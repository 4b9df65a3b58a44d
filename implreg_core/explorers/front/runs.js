/** From an answer of the model to a run that can be drawn. */

import { describe, readRun } from "./columns.js";
import { formatter } from "./numbers.js";

/**
 * An answer as {choice, run, kinds, formats, diverged}, each of the three by column, with what `controls`, such as a
 * typed norm or a guess, add to it; null where it has no row to draw.
 */
export function readAnswer(answer, { controls, time, logarithmic }) {
  const { values: run, kinds, diverged } = readRun(answer, time, logarithmic);
  if (run[time].length === 0) return null;
  controls.forEach((control, i) => {
    const more = control.extend?.(answer.choice[i], run) ?? {};
    Object.assign(run, more);
    for (const name in more) kinds[name] = describe(more[name], logarithmic.has(name));
  });
  const formats = Object.fromEntries(Object.entries(kinds).map(([name, kind]) => [name, formatter(kind)]));
  return { choice: answer.choice, run, kinds, formats, diverged };
}

/**
 * The row in which the marker is at opening, and at rest: that of the "start" or the "end", or the first in which
 * a column is at least a number, else the last.
 */
export function openingRow(opens, run, last) {
  if (opens === "start") return 0;
  const row = opens === "end" ? -1 : run[opens.column].findIndex((value) => value >= opens.least);
  return row < 0 ? last : row;
}
