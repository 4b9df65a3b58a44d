import assert from "node:assert/strict";
import { test } from "node:test";

import { position, range, spacedTicks, textWidth, ticks } from "../../implreg_core/explorers/front/axes.js";
import { anyLimits, read, seeded } from "./helpers.mjs";

const texts = (...axis) => ticks(...axis).map((tick) => tick.text);

test("ticks are round, reach both ends, and are two at least", () => {
  const cases = [
    [["linear", [0, 1.2], 7], ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0", "1.2"]],
    [["linear", [1.1, 1.5], 5], ["1.1", "1.2", "1.3", "1.4", "1.5"]],
    [["linear", [0.53, 1.34], 4], ["0.6", "0.8", "1.0", "1.2"]],
    [["linear", [-2e6, 3e6], 4], ["−2\u00A0×\u00A010⁶", "0", "2\u00A0×\u00A010⁶"]],
    [["linear", [0.5, 0.5001], 4], ["0.50000", "0.50005", "0.50010"]],
    [["log", [1e-3, 1e3], 7], ["10⁻³", "10⁻²", "10⁻¹", "10⁰", "10¹", "10²", "10³"]],
    [["log", [1e-9, 1e9], 3], ["10⁻⁵", "10⁰", "10⁵"]],
    [["log", [2, 9], 4], ["2", "4", "6", "8"]],
  ];
  for (const [axis, expected] of cases) assert.deepEqual(texts(...axis), expected);
});

test("ticks lie on the axis, evenly, and their labels say where", () => {
  const random = seeded(3);
  for (let i = 0; i < 2000; i++) {
    const limits = anyLimits(random, 1e-9);
    const count = 2 + 7 * random();
    const row = ticks("linear", limits, count);
    const step = row[1].value - row[0].value;
    const about = `${limits}: ${row.map((tick) => tick.text).join(", ")}`;
    assert.ok(row.length <= Math.max(count, 5) && step > 0, about);
    row.forEach(({ value, text }, k) => {
      assert.ok(limits[0] - 1e-4 * step <= value && value <= limits[1] + 1e-4 * step, about);
      assert.ok(Math.abs(value - row[0].value - k * step) < 1e-4 * step, about);
      assert.ok(Math.abs(read(text) - value) < 1e-4 * step, about);
    });
    const low = 10 ** (-300 * random());
    const powers = ticks("log", [low, low * 10 ** (300 * random())], count);
    assert.ok(powers.length >= 2 && powers.length <= Math.max(count, 5), `${powers.length} for ${count} from ${low}`);
    for (const { value, text } of powers) assert.ok(Math.abs(read(text) / value - 1) < 1e-9, text);
  }
});

test("labels side by side do not collide", () => {
  const random = seeded(4);
  for (let i = 0; i < 2000; i++) {
    const limits = anyLimits(random, 1e-3);
    const width = 200 + 600 * random();
    const toX = position("linear", limits, [0, width]);
    const row = spacedTicks("linear", limits, width);
    const gap = (tick, k) => toX(row[k + 1].value) - toX(tick.value) - textWidth(tick.text + row[k + 1].text) / 2;
    assert.ok(row.length >= 2 && Math.min(...row.slice(0, -1).map(gap)) > 0, `${limits} on ${width} pixels`);
  }
  assert.equal(spacedTicks("linear", [0, 1], 10).length, 2); // on next to no room, the fewest
});

test("a range holds its columns, and has a width whatever they are", () => {
  const pairs = [[0, 0], [0.5, 0.5], [1, 1 + 4e-16], [-2, -2], [5e-324, 1e300], [1e-320, 1e-310], [2, 9]];
  for (const scale of ["linear", "log"]) {
    for (const [low, high] of pairs.filter(([least]) => scale === "linear" || least > 0)) {
      const [from, to] = range(["a", "b"], { a: [low, low], b: [high, high] }, scale);
      const fits = from <= low && high <= to && from < to && Number.isFinite(to - from);
      assert.ok(fits, `${scale} ${low} ${high}: ${from} ${to}`);
      assert.equal(new Set(texts(scale, [from, to], 5)).size, ticks(scale, [from, to], 5).length);
    }
  }
});

test("positions keep order; what has no place is far beyond the low end", () => {
  const up = position("log", [1e-4, 1e4], [300, 100]); // pixels grow downwards
  [[1e-4, 300], [1, 200], [1e4, 100], [0, 1e4], [-1, 1e4 + 300], [Infinity, -1e4]].forEach(([value, pixel]) =>
    assert.ok(Math.abs(up(value) - pixel) < 1e-9, `${value}: ${up(value)}`));
  assert.deepEqual([-1e9, 2, 3, 1e9].map(position("linear", [2, 3], [10, 20])), [-1e4, 10, 20, 1e4]);
});
