// `data-more` says on which sides of what scrolls sideways something is out of sight: scrollers.css shows it, of a
// figure on its picture alone, from `--from` to `--to`. What scrolls can be reached from the keyboard, and only while
// it does: elsewhere a tab stop would lead nowhere.

{
  const ROUNDING_PX = 1;
  const FIGURE = ".bd-content figure:has(> img, > a > img)";
  const FADING = `${FIGURE}, .bd-content :is(.katex-display, .highlight > pre, .pst-scrollable-table-container)`;
  const BOXES = `${FADING}, .bd-content :is(pre, .cell_output > .output)`;

  const mark = (box) => {
    const hidden = box.scrollWidth - box.clientWidth;
    if (box.matches(FADING)) {
      const sides = { left: box.scrollLeft > ROUNDING_PX, right: box.scrollLeft < hidden - ROUNDING_PX };
      box.dataset.more = Object.keys(sides).filter((side) => sides[side]).join(" ");
    }
    if (box.matches("figure")) {
      box.style.setProperty("--from", `${box.scrollLeft}px`);
      box.style.setProperty("--to", `${box.scrollLeft + box.clientWidth}px`);
    }
    const below = box.matches("pre, .output") && box.scrollHeight > box.clientHeight;
    if (hidden > ROUNDING_PX || below) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };

  const boxOf = (element) => element.closest(BOXES);
  const watch = new ResizeObserver((entries) => new Set(entries.map(({ target }) => boxOf(target))).forEach(mark));
  for (const box of document.querySelectorAll(BOXES)) {
    watch.observe(box);
    box.querySelectorAll("img").forEach((picture) => watch.observe(picture)); // it arrives after the figure
    box.addEventListener("scroll", () => mark(box), { passive: true });
  }
}
