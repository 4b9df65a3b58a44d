/** Paper is white: a page in the dark theme is printed in the light one. CSS alone cannot swap the theme's colours. */
{
  const page = document.documentElement;
  let shown;
  addEventListener("beforeprint", () => {
    shown = page.dataset.theme;
    page.dataset.theme = "light";
  });
  addEventListener("afterprint", () => void (page.dataset.theme = shown));
}
