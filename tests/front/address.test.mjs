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
    const view = random() < 0.5 ? null : [Math.round(360 * random()) - 180, 90 * random()];
    url.search = writeQuery(controls, { choice, row, view, kept });
    assert.deepEqual(readQuery(controls, preset, new URL(url.href).search),
      { choice, row, view, kept, faults: [], arrival: null });
  }
  assert.match(writeQuery(controls, { choice: preset, row: 57 }), /^depth=2&.*&rate=1&start=1,0,0,1&at=57$/);
  assert.match(writeQuery(controls, { choice: preset, kept: preset }),
    /&start=1,0,0,1&beside.depth=2&.*&beside.start=1,0,0,1$/);
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
    assert.deepEqual(readQuery(controls, preset, query),
      { choice, row: null, view: null, kept: undefined, faults, arrival: null });
  }
  const kept = readQuery(controls, preset, "beside.depth=3&beside.rate=x");
  assert.deepEqual(kept.choice, preset);
  assert.deepEqual([kept.kept, kept.faults], [[1, ...preset.slice(1)], ["kept rate η: x"]]);
  for (const view of ["", "1,x", "1,Infinity"]) assert.equal(readQuery(controls, preset, `view=${view}`).view, null);
  for (const at of ["-1", "1.5", "last"]) assert.equal(readQuery(controls, preset, `at=${at}`).row, null);
});

const others = [
  { kind: "list", name: "depth", label: "depth L", values: [2, 3, 4], texts: ["2", "3", "4"] },
  { kind: "list", name: "scale", label: "start α", values: [0.1, 1e-4, 1e-9], texts: ["0.1", "10⁻⁴", "10⁻⁹"] },
  { kind: "range", name: "rate", label: "rate η", low: 0.003, high: 0.3 },
  { kind: "matrix", name: "start", label: "M, where W(0) = M", symbol: "M", presets: [], low: -1, high: 1 },
  { kind: "words", name: "sign", label: "sign", values: ["+", "-"], texts: ["+", "-"] },
];
const opening = [1, 1, 0.03, [1, 0, 0, 1], 0];
const arrive = (query) => {
  const { choice, faults, arrival } = readQuery(others, opening, `${query}&from=Why?`);
  assert.deepEqual(faults, []);
  return [choice, arrival];
};

test("settings from another explorer are taken, fitted or left, and each is said", () => {
  assert.deepEqual(arrive("depth=4&scale=0.0001&rate=0.01&start=1,0.3,0.2,0.8"), [[2, 1, 0.01, [1, 0.3, 0.2, 0.8], 0],
    "These settings come from “Why?”. Taken along: depth L, start α, rate η, M."]);
  assert.deepEqual(arrive("depth=10&scale=0.001&rate=1e-3&start=1.5,0,0,-2"), [[2, 1, 0.003, [1, 0, 0, -1], 0],
    "These settings come from “Why?”. Fitted to this figure: depth L 4 instead of 10, start α 10⁻⁴ instead of 0.001, "
    + "rate η 0.003 instead of 1e-3, M (1, 0; 0, −1), det M < 0 instead of 1.5,0,0,-2."]);
  assert.deepEqual(arrive("depth=1,0,0,1&start=3&rate=fast&sign=?&learning_rate=1&at=3&view=1,2&beside.depth=3"),
    [opening, "These settings come from “Why?”. Not taken along: depth, rate, start, sign, learning rate."]);
});

test("a link that takes settings along is read as such", () => {
  const query = writeQuery(others, { choice: [0, 2, 0.1, [0, 1, 1, 0], 1], from: "How large, & why?" });
  const { choice, arrival } = readQuery(others, opening, query);
  assert.deepEqual(choice, [0, 2, 0.1, [0, 1, 1, 0], 1]);
  assert.equal(arrival,
    "These settings come from “How large, & why?”. Taken along: depth L, start α, rate η, M, sign.");
});
