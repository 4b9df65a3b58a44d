import assert from "node:assert/strict";
import { test } from "node:test";

import { sentences } from "../../implreg_core/explorers/front/endings.js";
import { pathThrough, valueAt } from "../../implreg_core/explorers/front/lines.js";
import { inWords } from "../../implreg_core/explorers/front/settings.js";

const ended = (loss, step, diverged = false) => ({ run: { loss: [9, loss], step: [1, step] }, diverged });
const endings = [
  { text: "fits at {loss}", column: "loss", most: 0.1, least: null },
  { text: "ended after step {step}, loss {loss}", column: "step", most: null, least: 50 },
];

test("the first ending that the last row meets is said, of the kept run too", () => {
  assert.deepEqual(sentences(endings, ended(0.1, 50), null), ["This run fits at 0.100."]);
  assert.deepEqual(sentences(endings, ended(0.2, 50), ended(0.01, 3)),
    ["This run ended after step 50, loss 0.200.", "The kept run fits at 0.0100."]);
  assert.deepEqual(sentences(endings, ended(0.2, 49), ended(0.2, 49)), []);
  assert.deepEqual(sentences(endings, ended(9.876e-6, 1), null), ["This run fits at 9.88\u00A0×\u00A010⁻⁶."]);
  assert.match(sentences(endings, ended(0, 50, true), null)[0], /^This run diverges/);
  const any = [...endings, { text: "stalls", column: null, most: null, least: null }];
  assert.deepEqual(sentences(any, ended(0.2, 49), null), ["This run stalls."]);
});

test("a setting in words names what differs, and no guess", () => {
  const presets = [{ text: "swapped", entries: [0, 1, 1, 0] }];
  const controls = [
    { kind: "list", label: "depth L", texts: ["2", "3"] },
    { kind: "matrix", label: "start", symbol: "M", presets },
    { kind: "range", label: "rate η" },
    { kind: "guess", label: "guess" },
    { kind: "norm", label: "norm" },
  ];
  const choice = [1, [1, 0, -0.5, 1], 1e-5, 7, "nuclear"];
  const all = "depth L: 3; M: (1, 0; −0.5, 1), det M > 0; rate η: 10⁻⁵; norm: nuclear";
  assert.equal(inWords(controls, choice), all);
  const other = [1, [0, 1, 1, 0], 1e-5, 0, "nuclear"];
  assert.equal(inWords(controls, other, choice), "M: swapped, det M < 0");
  assert.equal(inWords(controls, choice, choice), "");
  assert.match(inWords(controls, choice.with(1, [0, 0, 0, 0])), /det M = 0/);
});

test("a line has a gap where a series does not apply, and its legend says none", () => {
  assert.equal(pathThrough(["1,2", "3,4", null, null, "5,6", "7,8"]), "M1,2L3,4M5,6L7,8");
  assert.equal(pathThrough([null]), "");
  const run = { bound: [3, 4], sign: [1, -1] };
  const written = [0, 1].map((row) => valueAt({ column: "bound", where: "sign" }, run, row, { bound: String }));
  assert.deepEqual(written, ["3", "none"]);
});
