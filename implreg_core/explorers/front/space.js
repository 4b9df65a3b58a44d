/**
 * The space of symmetric matrices (w, x; x, y), whose points are [x, y, w]: how it is seen, what of it is in the window
 * [[x0, x1], [y0, y1], [0, top]], and the cone w y = x² of singular matrices, the half with w ≥ 0.
 */

const SIDES = [1, 1, 1.2]; // of the box that the window is drawn as
const RADIANS = Math.PI / 180;
const TOUCHING = 1e-4; // of the box: what is as near to the cone is on it, not behind
const LEVELS = 24; // of the cone's patches, upwards
const ACROSS = 12; // and from its lowest line to each side
const SLOPES = [0.1, 0.2, 0.35, 0.6, 1, 2, 5]; // x / w of the straight lines in the cone

const dot = (a, b) => a.reduce((sum, value, k) => sum + value * b[k], 0);
const along = (from, to, t) => from.map((value, k) => value + t * (to[k] - value));
const span = ([low, high]) => high - low;

/**
 * Sees the window from `azimuth` degrees around the axis of w, from that of x, and `tilt` degrees above the floor, in
 * the middle of a drawing of a size in pixels, which it fits in however it is turned, with `room` beside and above it.
 * `pixel` is where a point is drawn; `towards` leads from any point to the eye, which is far away.
 */
export function createCamera(bounds, { azimuth, tilt }, [width, height], room) {
  const [a, e] = [azimuth * RADIANS, tilt * RADIANS];
  const right = [-Math.sin(a), Math.cos(a), 0];
  const up = [-Math.sin(e) * Math.cos(a), -Math.sin(e) * Math.sin(a), Math.cos(e)];
  const eye = [Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e)];
  const flat = Math.hypot(SIDES[0], SIDES[1]);
  const scale = Math.min((width - room[0]) / flat, (height - room[1]) / (flat * Math.sin(e) + SIDES[2] * Math.cos(e)));
  const placed = (point) =>
    point.map((value, k) => SIDES[k] * ((value - bounds[k][0]) / span(bounds[k]) - 0.5));
  const pixel = (point) => {
    const p = placed(point);
    return [width / 2 + scale * dot(p, right), height / 2 - scale * dot(p, up)];
  };
  return { pixel, towards: eye.map((value, k) => (value * span(bounds[k])) / SIDES[k]) };
}

/** Whether a point is in the window. */
export const isInside = (bounds, point) =>
  point.every((value, k) => bounds[k][0] <= value && value <= bounds[k][1]);

/** The part of a segment that is in the bounds, [from, to]; null if there is none. */
export function clipped(bounds, from, to) {
  let [first, last] = [0, 1];
  for (const [k, [low, high]] of bounds.entries()) {
    const step = to[k] - from[k];
    if (step === 0 && (from[k] < low || from[k] > high)) return null;
    if (step === 0) continue;
    const [enters, leaves] = [(low - from[k]) / step, (high - from[k]) / step].toSorted((s, t) => s - t);
    [first, last] = [Math.max(first, enters), Math.min(last, leaves)];
  }
  if (first > last) return null;
  return [first === 0 ? from : along(from, to, first), last === 1 ? to : along(from, to, last)];
}

/** Whether the cone stands between a point and the eye, within the window. */
export function isHidden(bounds, [x, y, w], [dx, dy, dw]) {
  const [a, b, c] = [dw * dy - dx * dx, w * dy + y * dw - 2 * x * dx, w * y - x * x];
  const root = Math.sqrt(b * b - 4 * a * c); // NaN where the line of sight misses the cone
  const q = -(b + (b < 0 ? -root : root)) / 2; // the sum that does not cancel
  return [q / a, c / q].some((t) => t > TOUCHING && isInside(bounds, [x + t * dx, y + t * dy, w + t * dw]));
}

/**
 * The part of a way through points that is in the bounds, in stretches: each {points, hidden}, as far as the cone, seen
 * along `towards`, hides all of it or nothing.
 */
export function stretches(bounds, points, towards) {
  const found = [];
  points.slice(1).forEach((to, i) => {
    const segment = clipped(bounds, points[i], to);
    if (segment === null) return;
    const hidden = isHidden(bounds, along(...segment, 0.5), towards);
    const last = found.at(-1);
    if (last?.hidden === hidden && last.points.at(-1) === segment[0]) last.points.push(segment[1]);
    else found.push({ points: segment, hidden });
  });
  return found;
}

/** How far the cone goes in the window at a height, to the side of negative and of positive x. */
function reach([[x0, x1], [, y1]], w) {
  const rim = Math.sqrt(w * y1);
  return [-Math.min(-x0, rim), Math.min(x1, rim)];
}

/** The point of the cone at a height and an x. */
const onCone = (w, x) => [x, w > 0 ? (x * x) / w : 0, w];

/** The line of the cone at a height: a parabola. */
export function parabola(bounds, w) {
  const ends = reach(bounds, w);
  const part = (i) => Math.abs(i - ACROSS) / ACROSS;
  return Array.from({ length: 2 * ACROSS + 1 }, (_, i) => onCone(w, part(i) * ends[i > ACROSS ? 1 : 0]));
}

/** The cone as patches, each of four points in order around it. */
export function patches(bounds) {
  const top = bounds[2][1];
  const lines = Array.from({ length: LEVELS + 1 }, (_, k) => parabola(bounds, (k / LEVELS) * top));
  return lines.slice(1).flatMap((line, k) =>
    line.slice(1).map((point, i) => [lines[k][i], lines[k][i + 1], point, line[i]]));
}

/** The straight lines of the cone, from its tip to where they leave the window. */
export function rays(bounds) {
  const [[x0, x1], [, y1], [, top]] = bounds;
  return [0, ...SLOPES, ...SLOPES.map((slope) => -slope)].map((slope) => {
    const side = slope < 0 ? x0 / slope : slope > 0 ? x1 / slope : Infinity;
    const w = Math.min(top, side, slope === 0 ? Infinity : y1 / slope ** 2);
    return [[0, 0, 0], onCone(w, slope * w)];
  });
}

/** Twice the area of a polygon in pixels, negative if it is drawn the other way round. */
export const turn = (polygon) =>
  polygon.reduce((sum, [x, y], i) => {
    const [nextX, nextY] = polygon[(i + 1) % polygon.length];
    return sum + x * nextY - nextX * y;
  }, 0);
