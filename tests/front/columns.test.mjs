import assert from "node:assert/strict";
import { test } from "node:test";

import { extent, readRun, widen } from "../../implreg_core/explorers/front/columns.js";

test("a run ends where time stands still, and diverges where a number cannot be drawn", () => {
  const cases = [
    [[0, 1, 2, 2], [9, 8, 7, 6], { rows: 3, diverged: false }],
    [[0, 1, 2], [9, 8, 7], { rows: 3, diverged: false }],
    [[0, 1, 2], [9, NaN, 7], { rows: 1, diverged: true }],
    [[0, 1, 2], [9, 8, -1e301], { rows: 2, diverged: true }], // a difference may overflow
    [[0, 1, 1, 1], [9, 8, 8, Infinity], { rows: 2, diverged: false }], // what follows the end is nothing
    [[NaN, 1], [9, 8], { rows: 0, diverged: true }],
  ];
  for (const [t, x, expected] of cases) assert.deepEqual(extent({ t, x }, "t"), expected);
});

test("a computed run is cut at its end, and each column described", () => {
  const computed = { t: [0, 1, 2, 3], loss: [0, 0.5, 0.25, null], big: [1, 2 ** 60, 2, 3] };
  const { values, kinds, diverged } = readRun({ computed }, "t", new Set(["loss"]));
  assert.deepEqual([...values.loss], [0, 0.5, 0.25]);
  assert.equal(diverged, true);
  assert.deepEqual(kinds.t, { scale: "integer", low: 0, high: 2 });
  assert.deepEqual(kinds.loss, { scale: "log", low: 0.25, high: 0.5 }); // zero has no place on its axis
  assert.equal(kinds.big.scale, "linear"); // nineteen digits, of which a number holds sixteen
});

test("a stored run is whole, and ranges only widen", () => {
  const stored = { t: { scale: "linear", low: -1, high: 4, codes: [0, 13107, 52428, -65535] } }; // of 65535 levels
  const { values, kinds } = readRun({ stored }, "t", new Set());
  assert.deepEqual([...values.t], [-1, 0, 4, -1]);
  assert.deepEqual(widen(null, kinds), { t: [-1, 4] });
  assert.deepEqual(widen({ t: [0, 9] }, kinds), { t: [-1, 9] });
});
