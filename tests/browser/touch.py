"""A finger, in Chromium: touches as the browser itself gets them, so that it scrolls or does not as it would."""


class Finger:
    """A finger on a page whose context has `has_touch=True`; places are in pixels of the window."""

    def __init__(self, page):
        self.page, self._protocol = page, page.context.new_cdp_session(page)

    def _send(self, kind, *points):
        touches = [{"x": x, "y": y, "id": 1} for x, y in points]
        self._protocol.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def tap(self, x, y):
        self._send("touchStart", (x, y))
        self._send("touchEnd")

    def drag(self, start, end, steps=12):
        """From one place to another."""
        self._send("touchStart", start)
        for k in range(1, steps + 1):
            self._send("touchMove", tuple(a + (b - a) * k / steps for a, b in zip(start, end, strict=True)))
            self.page.wait_for_timeout(16)
        self._send("touchEnd")
        self.page.wait_for_timeout(100)  # a scroll ends a frame later


def centre(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
