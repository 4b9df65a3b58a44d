// Figures that scroll sideways can be reached from the keyboard, and only while they scroll: elsewhere a tab stop
// would lead nowhere. The theme does the same for code and tables.

{
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const figure = target.closest("figure");
      if (figure.scrollWidth > figure.clientWidth) figure.tabIndex = 0;
      else figure.removeAttribute("tabindex");
    }
  });

  document.querySelectorAll(".bd-content figure > img, .bd-content figure > a > img").forEach((picture) => {
    watch.observe(picture.closest("figure"));
    watch.observe(picture); // it arrives after the figure
  });
}
