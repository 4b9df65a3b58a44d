import assert from "node:assert/strict";
import { test } from "node:test";

import { readQuery, writeQuery } from "../../implreg_core/explorers/front/address.js";
import { anySize, seeded } from "./helpers.mjs";

const controls = [
  { kind: "list", name: "depth", label: "depth L", values: [2, 3, 0.5, 1e-7] },
  { kind: "words", name: "sign", label: "sign", values: ["det > 0", "a=b&c, 50 % + ü", "1"] },
  { kind: "range", name: "rate", label: "rate η", low: -1e9, high: 1e9 },
  { kind: "matrix", name: "start", label: "start", low: -2, high: 2 },
];
const preset = [0, 0, 1, [1, 0, 0, 1]];

test("a choice comes back from its address to the last digit", () => {
  const random = seeded(5);
  for (let i = 0; i < 500; i++) {
    const entries = Array.from({ length: 4 }, () => 4 * random() - 2);
    const choice = [Math.floor(4 * random()), Math.floor(3 * random()), anySize(random, 9), entries];
    const row = random() < 0.5 ? null : Math.floor(1000 * random());
    const url = new URL("https://example.org/chapter.html");
    const kept = [undefined, null, [1, 2, anySize(random, 9), entries.map((x) => x / 2)]][Math.floor(3 * random())];
    url.search = writeQuery(controls, choice, row, kept);
    assert.deepEqual(readQuery(controls, preset, new URL(url.href).search), { choice, row, kept, faults: [] });
  }
  assert.match(writeQuery(controls, preset, 57), /^depth=2&.*&rate=1&start=1,0,0,1&at=57$/);
  assert.match(writeQuery(controls, preset, null, preset), /&start=1,0,0,1&beside.depth=2&.*&beside.start=1,0,0,1$/);
});

test("what an address does not say is the default, and what it says wrongly is named", () => {
  const cases = [
    ["", preset, []],
    ["?depth=3&other=1", [1, ...preset.slice(1)], []],
    ["depth=7", preset, ["depth L: 7"]],
    ["sign=", preset, ["sign: "]],
    ["rate=1e10&start=1,0,0", preset, ["rate η: 1e10", "start: 1,0,0"]],
    ["rate=&start=1,,0,1", preset, ["rate η: ", "start: 1,,0,1"]],
    ["rate=NaN&start=1,0,0,2.5", preset, ["rate η: NaN", "start: 1,0,0,2.5"]],
  ];
  for (const [query, choice, faults] of cases) {
    assert.deepEqual(readQuery(controls, preset, query), { choice, row: null, kept: undefined, faults });
  }
  assert.deepEqual(readQuery(controls, preset, "beside.depth=3&beside.rate=x"),
    { choice: preset, row: null, kept: [1, ...preset.slice(1)], faults: ["kept rate η: x"] });
  for (const at of ["-1", "1.5", "last"]) assert.equal(readQuery(controls, preset, `at=${at}`).row, null);
});
