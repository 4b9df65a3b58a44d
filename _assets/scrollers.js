// What scrolls sideways, figures and displayed formulas, can be reached from the keyboard, and only while it scrolls:
// elsewhere a tab stop would lead nowhere. The theme does the same for code and tables. `data-more` says on which sides
// something is out of sight, for the style that shows it.

{
  const ROUNDING_PX = 1;

  const mark = (box) => {
    const hidden = box.scrollWidth - box.clientWidth;
    const sides = { left: box.scrollLeft > ROUNDING_PX, right: box.scrollLeft < hidden - ROUNDING_PX };
    box.dataset.more = Object.keys(sides).filter((side) => sides[side]).join(" ");
    if (hidden > ROUNDING_PX) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };

  const figures = ".bd-content figure:has(> img, > a > img)";
  const formulas = ".bd-content .katex-display";
  const boxOf = (element) => element.closest(`${figures}, ${formulas}`);
  const watch = new ResizeObserver((entries) => new Set(entries.map(({ target }) => boxOf(target))).forEach(mark));
  for (const box of document.querySelectorAll(`${figures}, ${formulas}`)) {
    watch.observe(box);
    box.querySelectorAll("img").forEach((picture) => watch.observe(picture)); // it arrives after the figure
    box.addEventListener("scroll", () => mark(box), { passive: true });
  }
}
