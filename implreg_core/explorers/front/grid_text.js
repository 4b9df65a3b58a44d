/** A reader's matrix with holes as a text: what `grid` of own_matrix.py reads, in the same words. */

export const SIZE = 6; // rows and columns at most
const LARGEST = 1e9;
const UNSEEN = new Set(["", "?", "nan", "NaN", "NA"]);
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

const trimmed = (text) => text.replaceAll(/^ +| +$/g, "");
const plain = (entry) => entry.replaceAll("−", "-");

function entriesOf(line) {
  const text = trimmed(line);
  return text.split(/[,\t]/.test(text) ? /[,\t]/ : / +/).map(trimmed);
}

/** What is wrong with an entry as a number, in row `i` and column `j` from 0; null if nothing is. */
export function faultOf(entry, i, j) {
  const place = `in row ${i + 1}, column ${j + 1}`;
  if (!NUMBER.test(plain(entry))) {
    return `“${entry}” ${place} is no number. Write ? for an entry that is not seen.`;
  }
  if (Math.abs(Number(plain(entry))) > LARGEST) return `${entry} ${place} is too large: at most 1000000000 fits.`;
  return null;
}

/** Rows of texts, where "?" is an entry that nobody sees. Throws an Error, in words for a reader. */
export function parseGrid(text) {
  const rows = text.split(/[;\r\n]+/).filter((line) => /[^ \t]/.test(line)).map(entriesOf);
  if (rows.length === 0) throw new Error("There is no entry yet.");
  const columns = rows[0].length;
  rows.forEach((row, i) => {
    if (row.length === columns) return;
    const has = `${row.length} ${row.length === 1 ? "entry" : "entries"}`;
    throw new Error(`Row ${i + 1} has ${has}, row 1 has ${columns}. All rows must have as many.`);
  });
  if (Math.max(rows.length, columns) > SIZE) {
    throw new Error(`The table is ${rows.length} x ${columns}. The largest that fits is ${SIZE} x ${SIZE}.`);
  }
  const entries = rows.map((row, i) => row.map((entry, j) => {
    if (UNSEEN.has(entry)) return "?";
    const fault = faultOf(entry, i, j);
    if (fault) throw new Error(fault);
    return plain(entry);
  }));
  if (entries.flat().every((entry) => entry === "?")) throw new Error("Every entry is hidden. Show one at least.");
  return entries;
}

/** The text of rows of texts, as an address holds it. */
export const writeGrid = (rows) => rows.map((row) => row.join(",")).join(";");

/** What a program gets: values, which of them are observed, and how many rows and columns there are. */
export function gridArguments(text) {
  const rows = parseGrid(text);
  const values = new Float64Array(SIZE * SIZE);
  const observed = new Uint8Array(SIZE * SIZE);
  rows.forEach((row, i) => row.forEach((entry, j) => {
    if (entry === "?") return;
    values[SIZE * i + j] = Number(entry);
    observed[SIZE * i + j] = 1;
  }));
  return [values, observed, rows.length, rows[0].length];
}
