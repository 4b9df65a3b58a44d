import assert from "node:assert/strict";
import { test } from "node:test";

import { scaleOf } from "../../implreg_core/explorers/front/controls.js";
import { seeded } from "./helpers.mjs";

/** All numbers of a slider, after checks that hold for any: growth, and no place that an arrow key cannot leave. */
function numbersOf(control) {
  const { last, number, place } = scaleOf(control);
  const numbers = Array.from({ length: last + 1 }, (_, i) => number(i));
  numbers.forEach((value, i) => {
    assert.equal(place(value), i, `${JSON.stringify(control)}: ${value} is not at place ${i}`);
    assert.ok(i === 0 || numbers[i - 1] < value);
  });
  return numbers;
}

test("a slider stands for short numbers, so that its default can be found again", () => {
  const numbers = (low, high, scale) => numbersOf({ low, high, scale, step: null });
  for (const value of [0.01, 0.1, 0.002, 0.05]) assert.ok(numbers(1e-3, 0.3, "log").includes(value), `${value}`);
  for (const value of [1e-5, 1e-4, 1e-2]) assert.ok(numbers(1e-6, 1, "log").includes(value), `${value}`);
  assert.ok(numbers(-10, 25, "linear").includes(0));
});

const digits = (value) => value.toExponential().replace(/e.*/, "").replaceAll(/\D/g, "").length;

test("a slider has round numbers between exact ends, as many as differ", () => {
  const cases = [ // low, high, scale, places
    [0, 1, "linear", 200], [1, 2, "linear", 100], [0.9, 1.1, "linear", 20], [-1, 1, "linear", 200],
    [1e-3, 3, "log", 200], [1, 2, "log", 50], [1.2345, 9.8765, "linear", 200], [100.1, 100.2, "linear", 1],
  ];
  for (const [low, high, scale, places] of cases) {
    const numbers = numbersOf({ low, high, scale, step: null });
    assert.equal(numbers.length - 1, places, `from ${low} to ${high}`);
    assert.deepEqual([numbers[0], numbers.at(-1)], [low, high]);
    assert.ok(numbers.slice(1, -1).every((value) => digits(value) <= 3));
  }
  const random = seeded(6);
  for (let i = 0; i < 200; i++) {
    const low = 10 ** (6 * random() - 3);
    numbersOf({ low, high: low * (1.001 + 99 * random() ** 4), scale: i % 2 ? "log" : "linear", step: null });
  }
});

test("steps are exact, through zero too", () => {
  const steps = (low, high, step) => numbersOf({ low, high, scale: "linear", step });
  assert.deepEqual(steps(-0.3, 0.3, 0.1), [-0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3]);
  assert.deepEqual(steps(0, 1.1, 0.3), [0, 0.3, 0.6, 0.9]); // where no step leads to the end
  assert.equal(steps(0, 100.7, 1).length, 101);
  assert.equal(scaleOf({ low: 0, high: 1.1, scale: "linear", step: 0.3 }).place(1.1), 3);
});
