import assert from "node:assert/strict";
import { test } from "node:test";

import { readQuery, writeQuery } from "../../implreg_core/explorers/front/address.js";
import { faultOf, gridArguments, parseGrid, writeGrid } from "../../implreg_core/explorers/front/grid_text.js";
import { rangeOf } from "../../implreg_core/explorers/front/grid_view.js";

const opened = (choice, ...faults) => ({ choice, row: null, view: null, kept: undefined, faults, arrival: null });

test("a matrix comes back from its text, and from an address", () => {
  const controls = [{ kind: "grid", name: "matrix", label: "matrix" }];
  for (const text of ["?,1;1,0", "1.50,-2e-3,?;?,+4,0", "7"]) {
    assert.equal(writeGrid(parseGrid(text)), text);
    const query = writeQuery(controls, { choice: [text] });
    assert.deepEqual(readQuery(controls, ["1"], query), opened([text]));
  }
  assert.equal(writeQuery(controls, { choice: ["?,1;1,0"], row: 3 }), "matrix=?,1;1,0&at=3");
});

test("an address with no matrix opens the default, and says so", () => {
  const controls = [{ kind: "grid", name: "matrix", label: "matrix" }];
  assert.deepEqual(readQuery(controls, ["1"], "matrix=1,2;3"), opened(["1"], "matrix: 1,2;3"));
});

test("a program gets values, what is seen, and the shape", () => {
  const [values, observed, rows, columns] = gridArguments("?,−2\n3,");
  assert.deepEqual([...values].filter(Boolean), [-2, 3]);
  assert.deepEqual([observed[1], observed[6], observed.reduce((a, b) => a + b)], [1, 1, 2]);
  assert.deepEqual([rows, columns], [2, 2]);
});

test("a cell is told what is wrong with it", () => {
  assert.equal(faultOf("1.5", 0, 0), null);
  assert.match(faultOf("1,5", 1, 2), /in row 2, column 3 is no number/);
  assert.match(faultOf("2e9", 0, 0), /too large/);
});

test("points have room around them, also where all are equal", () => {
  assert.deepEqual(rangeOf([0, 0]), [-1, 1]);
  assert.deepEqual(rangeOf([4]), [2, 6]);
  const [low, high] = rangeOf([-1, 1]);
  assert.ok(low < -1 && low > -1.3 && high > 1 && high < 1.3);
});
