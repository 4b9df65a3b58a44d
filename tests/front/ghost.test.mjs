import assert from "node:assert/strict";
import { test } from "node:test";

import { ringRows, rowAt } from "../../implreg_core/explorers/front/ghost.js";
import { seeded } from "./helpers.mjs";

test("a kept run is shown at the nearest time, at its end where it had ended before", () => {
  const times = [1, 10, 100, 1000];
  const cases = [[0.5, 0], [9, 1], [40, 2], [1e6, 3]];
  for (const [value, row] of cases) assert.equal(rowAt(times, value, "log"), row);
  assert.equal(rowAt(times, 40, "linear"), 1);
});

test("rings lie on the line, inside the axes, and about evenly apart", () => {
  const random = seeded(3);
  for (let i = 0; i < 50; i++) {
    const x = Array.from({ length: 400 }, (_, row) => row);
    const y = x.map((at) => (at % 97 < 5 ? null : 100 + 60 * Math.sin(at / (10 + 20 * random()))));
    const rows = ringRows(x, y, (atX) => atX <= 300);
    assert.ok(rows.length >= 5 && rows.every((row) => y[row] !== null && x[row] <= 300));
    rows.slice(1).forEach((row, k) => assert.ok(Math.hypot(x[row] - x[rows[k]], 120) >= 28));
  }
  assert.deepEqual(ringRows([0, 1], [null, null], () => true), []);
});
