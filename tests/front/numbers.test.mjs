import assert from "node:assert/strict";
import { test } from "node:test";

import { formatter, plain, short, significant } from "../../implreg_core/explorers/front/numbers.js";
import { anyLimits, anySize, read, seeded } from "./helpers.mjs";

test("numbers are written as in print", () => {
  const cases = [
    [plain("-1234567.25"), "−1\u202F234\u202F567.25"], [plain("1234"), "1234"], [plain("-0.00"), "0.00"],
    [significant(9.996, 3), "10.0"], [significant(0.00099996, 3), "0.00100"], [significant(0, 3), "0"],
    [significant(99999.7, 3), "1.00\u00A0×\u00A010⁵"],
    [significant(-5e-324, 2), "−4.9\u00A0×\u00A010⁻³²⁴"],
    [short(0.02), "0.02"], [short(3.1623e-4), "3.16\u00A0×\u00A010⁻⁴"],
    [short(1e-5), "10⁻⁵"], [short(-1e-5), "−1\u00A0×\u00A010⁻⁵"],
    [short(99960), "10⁵"], [short(0.0009996), "0.001"], [short(0.123456), "0.123"], [short(0.123456, 12), "0.123456"],
  ];
  for (const [text, expected] of cases) assert.equal(text, expected);
});

test("a number reads back to the digits that are asked for", () => {
  const random = seeded(1);
  for (let i = 0; i < 2000; i++) {
    const [value, digits] = [anySize(random, 300), 2 + Math.floor(6 * random())];
    const half = 0.5 * 10 ** (1 - digits) * Math.abs(value);
    assert.ok(Math.abs(read(significant(value, digits)) - value) <= 1.001 * half, `${value} to ${digits} digits`);
    assert.ok(Math.abs(read(short(value)) - value) <= 0.00501 * Math.abs(value), `${value}: ${short(value)}`);
  }
});

test("a column's values read back within half a percent of its range, however narrow", () => {
  const random = seeded(2);
  for (let i = 0; i < 2000; i++) {
    const [low, high] = anyLimits(random, 1e-9);
    const value = low + random() * (high - low);
    const text = formatter({ scale: "linear", low, high })(value);
    assert.ok(Math.abs(read(text) - value) <= 0.0051 * (high - low), `${value} in [${low}, ${high}]: ${text}`);
  }
  assert.equal(formatter({ scale: "linear", low: 1, high: 1 + 4e-16 })(1), "1.00"); // a constant, but for rounding
  assert.equal(formatter({ scale: "integer", low: 0, high: 1e5 })(1e5), "100\u202F000");
  assert.equal(formatter({ scale: "log", low: 1e-320, high: 1 })(1e-320), "0"); // a double with two digits
  assert.equal(formatter({ scale: "log", low: 1e-9, high: 1 })(1e-9), "1.00\u00A0×\u00A010⁻⁹");
});
