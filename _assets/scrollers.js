// `data-more` says on which sides of what scrolls sideways something is out of sight: scrollers.css shows it, of a
// figure on its picture alone, from `--from` to `--to`. Figures and displayed formulas can then be reached from the
// keyboard, and only while they scroll: elsewhere a tab stop would lead nowhere. For code and tables the theme sees to
// that.

{
  const ROUNDING_PX = 1;
  const OURS = ".bd-content figure:has(> img, > a > img), .bd-content .katex-display";
  const THEMES = ".bd-content .highlight > pre, .bd-content .pst-scrollable-table-container";

  const mark = (box) => {
    const hidden = box.scrollWidth - box.clientWidth;
    const sides = { left: box.scrollLeft > ROUNDING_PX, right: box.scrollLeft < hidden - ROUNDING_PX };
    box.dataset.more = Object.keys(sides).filter((side) => sides[side]).join(" ");
    if (box.matches("figure")) {
      box.style.setProperty("--from", `${box.scrollLeft}px`);
      box.style.setProperty("--to", `${box.scrollLeft + box.clientWidth}px`);
    }
    if (!box.matches(OURS)) return;
    if (hidden > ROUNDING_PX) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  };

  const boxOf = (element) => element.closest(`${OURS}, ${THEMES}`);
  const watch = new ResizeObserver((entries) => new Set(entries.map(({ target }) => boxOf(target))).forEach(mark));
  for (const box of document.querySelectorAll(`${OURS}, ${THEMES}`)) {
    watch.observe(box);
    box.querySelectorAll("img").forEach((picture) => watch.observe(picture)); // it arrives after the figure
    box.addEventListener("scroll", () => mark(box), { passive: true });
  }
}
