/**
 * Previews: pointing at a reference, or moving the focus to it, shows what it refers to. previews.py stores them in
 * the page. One stays while the reference or the preview itself is pointed at, or the reference has the focus;
 * Escape dismisses it. A finger's tap on a word of the glossary shows the preview, too: it stays until the finger taps
 * elsewhere, and a second tap on the word follows it. Other links a tap follows as ever.
 */
(() => {
  "use strict";

  const OPEN_MS = 200; // a pointer that only passes by opens nothing
  const CLOSE_MS = 300; // time to cross over to the preview
  const GAP_PX = 8; // from the reference, and from the window's edges

  const store = document.getElementById("previews");
  if (!store || !("popover" in HTMLElement.prototype)) return;
  const previews = new Map([...store.content.children].map((entry) => [entry.dataset.href, entry]));

  const box = document.createElement("div");
  Object.assign(box, { id: "preview", className: "preview", popover: "manual" });
  box.setAttribute("role", "tooltip");
  document.querySelector("article").append(box); // where formulas and figures look as they do in the text

  let link = null; // whose preview is on show, or about to be
  let timer = 0;

  function later(action, delay) {
    clearTimeout(timer);
    timer = setTimeout(action, delay);
  }

  /** Below the reference's last line if there is room, else above its first; in the page, so that it scrolls along. */
  function place() {
    const lines = link.getClientRects();
    const [first, last] = [lines[0], lines[lines.length - 1]];
    const { width, height } = box.getBoundingClientRect();
    const below = last.bottom + GAP_PX + height <= innerHeight || first.top < height + GAP_PX;
    const left = Math.min((below ? last : first).left, document.documentElement.clientWidth - width - GAP_PX);
    box.style.left = `${Math.max(GAP_PX, left) + scrollX}px`;
    box.style.top = `${(below ? last.bottom + GAP_PX : first.top - GAP_PX - height) + scrollY}px`;
  }

  function show(reference) {
    if (link === reference) return clearTimeout(timer);
    hide();
    link = reference;
    box.replaceChildren(previews.get(link.getAttribute("href")));
    box.showPopover();
    place();
    link.setAttribute("aria-describedby", box.id);
  }

  function hide() {
    clearTimeout(timer);
    if (!link) return;
    link.removeAttribute("aria-describedby");
    link = null;
    box.hidePopover();
  }

  const wanted = () => touched || link?.matches(":hover, :focus-visible") || box.matches(":hover");
  const leave = () => later(() => wanted() || hide(), CLOSE_MS);

  let touched = false; // whether the last pointer was a finger
  addEventListener("pointerdown", ({ pointerType, target }) => {
    touched = pointerType === "touch";
    if (touched && link && !link.contains(target) && !box.contains(target)) hide();
  }, true);

  function explain(event) {
    if (!touched || link === event.currentTarget) return;
    event.preventDefault();
    show(event.currentTarget);
  }

  for (const reference of document.querySelectorAll("article a.reference.internal")) {
    if (!previews.has(reference.getAttribute("href"))) continue;
    reference.removeAttribute("title"); // the preview says as much
    reference.addEventListener("pointerenter", (event) => {
      if (event.pointerType !== "touch") later(() => show(reference), OPEN_MS);
    });
    reference.addEventListener("pointerleave", leave);
    reference.addEventListener("focus", () => reference.matches(":focus-visible") && show(reference));
    reference.addEventListener("blur", leave);
    if (reference.querySelector(".std-term")) reference.addEventListener("click", explain);
  }
  box.addEventListener("pointerleave", leave);
  addEventListener("keydown", (event) => {
    touched = false;
    if (event.key === "Escape") hide();
  });
})();
