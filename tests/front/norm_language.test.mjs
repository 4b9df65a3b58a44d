import assert from "node:assert/strict";
import { test } from "node:test";

import { readQuery, writeQuery } from "../../implreg_core/explorers/front/address.js";
import { parse } from "../../implreg_core/explorers/front/norm_language.js";
import { columnsOf, describe } from "../../implreg_core/explorers/front/text_control.js";

// The language itself is compared with Python's in tests/test_norm_language.py.

test("a norm is added to a run with its bound, and described", () => {
  const run = Object.fromEntries(Object.entries({ loss: [0.5, 1e-6], sigma_1: [2, 900], sigma_2: [1, 0.5],
    abs_11: [2, 900], abs_12: [0, 1], abs_21: [0, 1], abs_22: [1, 1e-3], dimension: [3, 3],
  }).map(([name, values]) => [name, Float64Array.from(values)]));
  const columns = columnsOf(parse("2 * d * nuclear"), run);
  [18, 5403].forEach((value, i) => assert.ok(Math.abs(columns.norm[i] - value) < 1e-9));
  const bound = [6 - 48, 6 / Math.SQRT2 / 1e-3 - 48];
  bound.forEach((value, i) => assert.ok(Math.abs(columns.norm_bound[i] - value) < 1e-9));
  assert.ok(Math.abs(columns.norm_share[1] - bound[1] / 5403) < 1e-12);
  assert.equal(describe(parse("nuclear"), 2),
    "a = 0.707, b = 8.00, c = 1.00. The bound a/√ℓ − b is positive below loss 0.0078.");
});

test("a norm comes back from its address; a text that is none does not", () => {
  const controls = [{ kind: "norm", name: "norm", label: "norm" }];
  const text = "max(nuclear / d, 2 * schatten(1/2)) + 0.5*spectral";
  assert.deepEqual(readQuery(controls, ["nuclear"], writeQuery(controls, { choice: [text] })).choice, [text]);
  const { choice, faults } = readQuery(controls, ["nuclear"], "norm=nuclear+alert(1)");
  assert.deepEqual([choice, faults], [["nuclear"], ["norm: nuclear alert(1)"]]);
});
