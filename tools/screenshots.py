"""Full-page pictures of the built book, wide and narrow, light and dark."""

import argparse
from pathlib import Path

from browser import chromium, reader, serve

BOOK = Path(__file__).parents[1] / "_build" / "html"

SCROLL_THROUGH = """async () => {
  const pause = () => new Promise((done) => setTimeout(done, 50));
  for (let y = 0; y < document.body.scrollHeight; y += innerHeight) { scrollTo(0, y); await pause(); }
  scrollTo(0, 0);
  await pause();
}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("outdir", type=Path)
    parser.add_argument("pages", nargs="*", help="paths under _build/html (default: every chapter)")
    arguments = parser.parse_args()
    if not BOOK.is_dir():
        parser.error("there is no book yet; run make book")
    pages = arguments.pages or sorted(str(path.relative_to(BOOK)) for path in BOOK.glob("chapters/*.html"))

    arguments.outdir.mkdir(parents=True, exist_ok=True)
    with serve(BOOK) as site, chromium() as browser:
        for width in (1280, 390):
            for theme in ("light", "dark"):
                context = reader(browser, width, theme)
                for name in pages:
                    page = context.new_page()
                    page.goto(f"{site}/{name}", wait_until="networkidle")
                    page.evaluate(SCROLL_THROUGH)  # explorers mount when they come into view
                    picture = arguments.outdir / f"{Path(name).stem}-{width}-{theme}.png"
                    page.screenshot(path=picture, full_page=True)
                    print(picture)
                    page.close()
                context.close()


if __name__ == "__main__":
    main()
