import assert from "node:assert/strict";
import { test } from "node:test";

import { csv } from "../../implreg_core/front/save.js";
import { anySize, seeded } from "./helpers.mjs";

test("a table has one line per row, settings first, and quotes where they are needed", () => {
  const settings = { depth: 3, start: [1, 0, -0.5, 1], sign: 'det > 0, "so\r\nto say"' };
  const run = { t: Float64Array.of(0, 1), "a,b": Float64Array.of(0.1, 1e-300) };
  assert.equal(csv(settings, run), [
    'depth,start_11,start_12,start_21,start_22,sign,t,"a,b"\n',
    '3,1,0,-0.5,1,"det > 0, ""so\r\nto say""",0,0.1\n',
    '3,1,0,-0.5,1,"det > 0, ""so\r\nto say""",1,1e-300\n',
  ].join(""));
  assert.equal(csv({ sign: "a\rb" }, { t: [1] }), 'sign,t\n"a\rb",1\n');
});

test("every digit is kept", () => {
  const random = seeded(7);
  const x = Float64Array.from({ length: 500 }, () => anySize(random, 300));
  assert.deepEqual(csv({}, { x }).trim().split("\n").slice(1).map(Number), [...x]);
});
