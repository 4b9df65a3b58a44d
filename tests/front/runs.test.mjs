import assert from "node:assert/strict";
import { test } from "node:test";

import { openingRow } from "../../implreg_core/explorers/front/runs.js";

test("a figure opens at a start, an end, or where a column is first as large as a number", () => {
  const run = { w: Float64Array.of(1, 2, 5, 3) };
  assert.equal(openingRow("start", run, 3), 0);
  assert.equal(openingRow("end", run, 3), 3);
  assert.deepEqual([0, 2, 2.5, 6].map((least) => openingRow({ column: "w", least }, run, 3)), [0, 1, 2, 3]);
});
