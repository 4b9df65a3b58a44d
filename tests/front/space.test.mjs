import assert from "node:assert/strict";
import { test } from "node:test";

import { clipped, createCamera, isHidden, isInside, parabola, patches, rays, stretches, turn }
  from "../../implreg_core/explorers/front/space.js";
import { seeded } from "./helpers.mjs";

const WINDOW = [[-1, 1.5], [-0.5, 1], [0, 6]];
const SIZE = [400, 300];
const camera = (azimuth, tilt) => createCamera(WINDOW, { azimuth, tilt }, SIZE, [40, 40]);
const MIDDLE = WINDOW.map(([low, high]) => (low + high) / 2);
const near = (found, expected, tolerance = 1e-9) =>
  found.forEach((value, k) => assert.ok(Math.abs(value - expected[k]) < tolerance, `${found} is not ${expected}`));
const anyPoint = (random) => WINDOW.map(([low, high]) => low + random() * (high - low));

test("the middle of the window is that of the drawing, and w goes up", () => {
  for (const [azimuth, tilt] of [[0, 0], [28, 18], [-130, 60], [200, 90]]) {
    const { pixel } = camera(azimuth, tilt);
    near(pixel(MIDDLE), [200, 150]);
    const [left, top] = pixel([MIDDLE[0], MIDDLE[1], 6]);
    assert.ok(Math.abs(left - 200) < 1e-9 && (tilt === 90 ? Math.abs(top - 150) < 1e-9 : top < 150));
  }
});

test("from the axis of x, y goes to the right; from that of y, x goes to the left", () => {
  const [x, y, w] = MIDDLE;
  assert.ok(camera(0, 0).pixel([x, 1, w])[0] > 200);
  near(camera(0, 0).pixel([1.5, y, w]), [200, 150]);
  assert.ok(camera(90, 0).pixel([1.5, y, w])[0] < 200);
});

test("the window fits into the drawing however it is turned, with the room beside and above it", () => {
  const corners = [0, 1].flatMap((i) => [0, 1].flatMap((j) => [0, 1].map((k) => [i, j, k])));
  for (let azimuth = -180; azimuth <= 180; azimuth += 7) {
    for (let tilt = 0; tilt <= 90; tilt += 6) {
      const { pixel } = camera(azimuth, tilt);
      for (const corner of corners) {
        const [left, top] = pixel(corner.map((end, k) => WINDOW[k][end]));
        assert.ok(left > 20 - 1e-9 && left < 380 + 1e-9 && top > 20 - 1e-9 && top < 280 + 1e-9);
      }
    }
  }
});

test("what lies along the line of sight is drawn in one place", () => {
  const random = seeded(1);
  const { pixel, towards } = camera(28, 18);
  for (let i = 0; i < 50; i++) {
    const point = anyPoint(random);
    near(pixel(point.map((value, k) => value + 0.7 * towards[k])), pixel(point));
  }
});

test("a segment is cut at the window", () => {
  assert.deepEqual(clipped(WINDOW, [0, 0, 1], [1, 0.5, 5]), [[0, 0, 1], [1, 0.5, 5]]);
  near(clipped(WINDOW, [0, 0, 4], [1, 0.5, 8])[1], [0.5, 0.25, 6]);
  near(clipped(WINDOW, [-3, 0, 4], [3, 0, 4]).flat(), [-1, 0, 4, 1.5, 0, 4]);
  assert.equal(clipped(WINDOW, [0, 0, 7], [1, 0, 9]), null);
  assert.equal(clipped(WINDOW, [0, 2, 1], [1, 2, 1]), null); // along a side, outside it
  assert.equal(clipped(WINDOW, [-2, 0, 5], [0, 0, 9]), null); // past an edge
  assert.deepEqual(clipped(WINDOW, [0, 0, 6], [0, 0, 6]), [[0, 0, 6], [0, 0, 6]]); // a point of the border
  const random = seeded(2);
  for (let i = 0; i < 300; i++) {
    const [from, to] = [0, 1].map(() => anyPoint(random).map((value) => 3 * value));
    const found = clipped(WINDOW, from, to);
    const inside = Array.from({ length: 200 }, (_, k) => from.map((value, j) => value + (k / 199) * (to[j] - value)))
      .filter((point) => isInside(WINDOW, point));
    if (inside.length) near(found.flat(), [...inside[0], ...inside.at(-1)], 0.2);
  }
});

test("the cone hides what is behind it, as steps along the line of sight find", () => {
  const random = seeded(3);
  const det = ([x, y, w]) => w * y - x * x;
  let hidden = 0;
  for (let i = 0; i < 400; i++) {
    const { towards } = camera(360 * random(), 85 * random());
    const point = anyPoint(random);
    const steps = Array.from({ length: 4000 }, (_, k) => point.map((value, j) => value + (k / 1000) * towards[j]));
    const within = steps.filter((step) => isInside(WINDOW, step));
    const crossed = within.slice(1).some((step, k) => det(step) * det(within[k]) < 0);
    hidden += crossed;
    if (crossed) assert.ok(isHidden(WINDOW, point, towards));
    else if (isHidden(WINDOW, point, towards)) { // touched between two steps
      assert.ok(Math.min(...within.map((step) => Math.abs(det(step)))) < 0.01);
    }
  }
  assert.ok(hidden > 50 && hidden < 350);
});

test("a point of the cone does not hide itself", () => {
  for (const point of parabola(WINDOW, 2).slice(1, -1)) {
    const [front, back] = [point, point.map((value, k) => value - 1e-7 * camera(28, 18).towards[k])];
    assert.equal(isHidden(WINDOW, front, camera(28, 18).towards), isHidden(WINDOW, back, camera(28, 18).towards));
  }
  assert.equal(isHidden(WINDOW, [0.1, 0.01 / 3, 3], camera(-90, 5).towards), false); // seen from its outer side
});

test("a way is told apart by what the cone hides, and ends at the window", () => {
  const way = Array.from({ length: 60 }, (_, k) => [0.5, 1 - k / 40, 2]); // in the cone, through it at y = 1/8, and out
  const found = stretches(WINDOW, way, camera(-90, 0).towards); // seen from y < 0, against the way
  assert.deepEqual(found.map(({ hidden }) => hidden), [true, false]);
  near(found[0].points[0], [0.5, 1, 2]);
  near(found[1].points.at(-1), way.at(-1));
  assert.ok(Math.abs(found[1].points[0][1] - 1 / 8) <= 1 / 40);
  const upwards = [[1, 0.5, 4], [1, 0.4, 5], [1, 0.3, 9], [1, 0.2, 4]]; // leaves, and comes back
  const parts = stretches(WINDOW, upwards, camera(90, 89).towards);
  near(parts.flatMap(({ points }) => points.map((point) => point[2])), [4, 5, 6, 6, 4]);
});

test("the cone is drawn where it is, within the window", () => {
  const points = [...patches(WINDOW).flat(), ...rays(WINDOW).flat(), ...parabola(WINDOW, 6), ...parabola(WINDOW, 0.3)];
  for (const [x, y, w] of points) {
    assert.ok(Math.abs(w * y - x * x) < 1e-12);
    assert.ok(isInside(WINDOW, [x, y - 1e-12, w - 1e-12].map((value, k) => Math.max(value, WINDOW[k][0]))));
  }
  near(parabola(WINDOW, 6)[0], [-1, 1 / 6, 6]); // cut by the sides
  near(parabola(WINDOW, 0.25).at(-1), [0.5, 1, 0.25]); // cut by the front
});

test("a polygon's turn is its area, with a sign for the way round", () => {
  const square = [[0, 0], [2, 0], [2, 3], [0, 3]];
  assert.equal(turn(square), 12);
  assert.equal(turn(square.toReversed()), -12);
});
