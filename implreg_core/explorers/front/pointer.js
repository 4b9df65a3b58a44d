/** What a pointer does on a drawing. */

const ASIDE = 8; // pixels, after which a finger drags

/**
 * Calls `move(event, before)` with each step of a drag on `node` and the event before it. A mouse drags from where it
 * is pressed. A finger may be about to scroll the page, up or down, so it drags once it has gone aside; where it only
 * taps, `tap(event)` is called.
 */
export function onDrag(node, move, tap = move) {
  let before = null; // the event before, while a pointer is down
  let from = null; // where it went down
  let drags = false;

  const step = (event) => {
    const last = before;
    before = event;
    move(event, last);
  };
  node.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !event.isPrimary) return;
    node.setPointerCapture(event.pointerId);
    [before, from, drags] = [event, event.clientX, event.pointerType !== "touch"];
    if (drags) step(event);
  });
  node.addEventListener("pointermove", (event) => {
    if (before === null || event.pointerId !== before.pointerId) return;
    drags ||= Math.abs(event.clientX - from) > ASIDE;
    if (drags) step(event);
  });
  node.addEventListener("pointerup", (event) => {
    if (before !== null && !drags && event.pointerId === before.pointerId) tap(event);
  });
  node.addEventListener("lostpointercapture", () => (before = null));
}
