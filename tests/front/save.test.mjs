import assert from "node:assert/strict";
import { test } from "node:test";

import { csv, wrapped } from "../../implreg_core/explorers/front/save.js";
import { anySize, seeded } from "./helpers.mjs";

test("a table has one line per row, settings first, and quotes where they are needed", () => {
  const settings = { depth: 3, start: [1, 0, -0.5, 1], sign: 'det > 0, "so\r\nto say"' };
  const run = { t: Float64Array.of(0, 1), "a,b": Float64Array.of(0.1, 1e-300) };
  assert.equal(csv([{ settings, run }]), [
    'depth,start_11,start_12,start_21,start_22,sign,t,"a,b"\n',
    '3,1,0,-0.5,1,"det > 0, ""so\r\nto say""",0,0.1\n',
    '3,1,0,-0.5,1,"det > 0, ""so\r\nto say""",1,1e-300\n',
  ].join(""));
  assert.equal(csv([{ settings: { sign: "a\rb" }, run: { t: [1] } }]), 'sign,t\n"a\rb",1\n');
});

test("a kept run follows in lines of its own, with its own settings, in the same columns", () => {
  const runs = [{ settings: { depth: 3 }, run: { t: [0, 1] } }, { settings: { depth: 2 }, run: { t: [0.5] } }];
  assert.equal(csv(runs), "run,depth,t\nshown,3,0\nshown,3,1\nkept,2,0.5\n");
});

test("a heading is broken between words", () => {
  assert.deepEqual(wrapped("a bc def", 4), ["a bc", "def"]);
  assert.deepEqual(wrapped("abcdef g", 4), ["abcdef", "g"]);
  const text = "When does the unseen entry run away?";
  for (let most = 1; most < 40; most++) assert.equal(wrapped(text, most).join(" "), text);
});

test("every digit is kept", () => {
  const random = seeded(7);
  const x = Float64Array.from({ length: 500 }, () => anySize(random, 300));
  assert.deepEqual(csv([{ settings: {}, run: { x } }]).trim().split("\n").slice(1).map(Number), [...x]);
});
