/** Why a run ended, in words. */

import { plain, significant } from "./numbers.js";

const write = (value) => (Number.isInteger(value) ? plain(String(value)) : significant(value, 3));

/**
 * What the first of `endings` that the last row of a run meets says of it, with the numbers of that row in place of
 * `{column}`; "" if it meets none. An ending is met where its column is at most, or at least, its limit; without a
 * column, always.
 */
function reason(endings, { run, diverged }) {
  if (diverged) return "diverges; it is drawn up to its last row before that";
  const last = (column) => run[column].at(-1);
  const met = ({ column, most, least }) => column === null
    || ((most === null || last(column) <= most) && (least === null || last(column) >= least));
  const text = endings.find(met)?.text ?? "";
  return text.replaceAll(/\{(\w+)\}/g, (_, column) => write(last(column)));
}

/** Why the run on show ended, and the kept one if there is one, a sentence for each where that is known. */
export function sentences(endings, shown, kept) {
  const told = [["This run", shown], ["The kept run", kept]].filter(([, one]) => one !== null)
    .map(([name, one]) => [name, reason(endings, one)]);
  return told.filter(([, why]) => why !== "").map(([name, why]) => `${name} ${why}.`);
}
