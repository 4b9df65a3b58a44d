import assert from "node:assert/strict";
import { test } from "node:test";

import { lineStyle } from "../../implreg_core/explorers/front/lines.js";

const dash = (style) => style.match(/dasharray: (.*)$/)[1];

test("lines of a view differ in dash, bounds and references from the rest and among each other", () => {
  const series = [false, true, false, true, true].map((dashed, i) => ({ dashed, color: i, column: `c${i}` }));
  const dashes = series.map((each) => dash(lineStyle({ series }, each)));
  assert.equal(new Set(dashes).size, series.length);
  assert.deepEqual([dashes[0], dashes[1]], ["none", "5 4"]);
});
