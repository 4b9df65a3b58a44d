"""Copy the first figure of the built book's landing page to the place where the README shows it."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
LANDING = ROOT / "_build" / "html" / "chapters" / "intro.html"
PICTURE = ROOT / "_assets" / "every-norm-grows.svg"


def main():
    if not LANDING.is_file():
        raise SystemExit("There is no book yet: run make book.")
    source = re.search(r'id="fig-teaser".*?<img[^>]*src="([^"]+\.svg)"', LANDING.read_text(encoding="utf-8"), re.DOTALL)
    shutil.copyfile(LANDING.parent / source[1], PICTURE)
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
