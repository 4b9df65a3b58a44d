"""SVG pictures as PNG, for readers that do not show SVG."""

from itertools import groupby
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import resvg_py

PIXELS_PER_POINT = 96 / 72
SVG = "{http://www.w3.org/2000/svg}"


def png(svg: str) -> tuple[bytes, dict[str, int]]:
    """A picture with two pixels for each of the page's, and its width and height there."""
    root = ElementTree.fromstring(svg)
    size = {name: round(float(root.get(name).removesuffix("pt")) * PIXELS_PER_POINT) for name in ("width", "height")}
    share_clips(root)
    options = dict(dpi=96, zoom=2, background="white", skip_system_fonts=True)
    return bytes(resvg_py.svg_to_bytes(svg_string=ElementTree.tostring(root, encoding="unicode"), **options)), size


def share_clips(parent: Element) -> None:
    """Cut neighbours off together where the same clip cuts each: for each clip, resvg paints a layer of its own.

    Matplotlib gives one to each curve. The picture is the same in up to a twentieth of the time.
    """
    children = []
    for clip, neighbours in groupby(parent, _clip):
        neighbours = list(neighbours)
        if clip is None:
            for child in neighbours:
                share_clips(child)
            children += neighbours
        else:
            group = Element(f"{SVG}g", {"clip-path": clip})
            group.extend(neighbours)
            for child in neighbours:
                _unclip(child)
            children.append(group)
    parent[:] = children


def _clip(element):
    """What cuts off all that is drawn here; None if nothing does, or not the same, or in other coordinates."""
    if "transform" in element.attrib:
        return None
    if "clip-path" in element.attrib:
        return element.get("clip-path")
    clips = {_clip(child) for child in _drawn(element)}
    return clips.pop() if len(clips) == 1 else None


def _unclip(element):
    if element.attrib.pop("clip-path", None) is None:
        for child in _drawn(element):
            _unclip(child)


def _drawn(element):
    return [child for child in element if child.tag != f"{SVG}defs"]
