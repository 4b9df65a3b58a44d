import assert from "node:assert/strict";
import { test } from "node:test";

import { abscissas, polynomial } from "../../implreg_core/explorers/front/curves.js";

test("a curve's coefficients are numbers, or those of a row", () => {
  const run = { a: [2, 5], b: [-1, 3] };
  const heights = (row) => [0, 1, -2].map(polynomial([7, "b", "a"], run, row)); // 7 + b x + a x²
  assert.deepEqual(heights(0), [7, 8, 17]);
  assert.deepEqual(heights(1), [7, 15, 21]);
  assert.equal(polynomial([3], run, 0)(99), 3);
});

test("a curve is drawn from end to end of its axis, evenly", () => {
  const linear = abscissas("linear", [-1, 3]);
  assert.deepEqual([linear[0], linear.at(-1)], [-1, 3]);
  assert.ok(Math.abs(linear[1] - linear[0] - 4 / (linear.length - 1)) < 1e-12);
  const log = abscissas("log", [1e-2, 1e4]);
  const steps = log.slice(1).map((x, i) => Math.log(x / log[i]));
  assert.ok(Math.max(...steps) - Math.min(...steps) < 1e-9 && Math.abs(log.at(-1) / 1e4 - 1) < 1e-12);
});
