"""Check every internal link of the built pages: python docs/check_links.py docs/_build/html."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page offers as anchors, and what it links to."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links = {"", "top"}, set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        """Note ids and addresses."""
        for name, value in attributes:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.add(value)


def broken_links(folder):
    """Return pairs of a page and a link of it that leads nowhere, in their order."""
    paths = sorted(folder.resolve().rglob("*.html"))
    # The theme leaves a template there.
    pages = {path: Page(path) for path in paths if path.parent.name != "_static"}
    if not pages:
        raise SystemExit(f"{folder} holds no pages")
    broken = []
    for path, page in pages.items():
        for link in sorted(page.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            lost = target in pages and unquote(parts.fragment) not in pages[target].anchors
            if lost or not target.is_file():
                broken.append((path, link))
    return broken


if __name__ == "__main__":
    found = broken_links(Path(sys.argv[1]))
    for path, link in found:
        print(f"{path}: {link}")
    sys.exit(bool(found))
