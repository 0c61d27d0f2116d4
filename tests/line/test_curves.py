"""The pictures of docs/growth go up where the figures do."""

import xml.etree.ElementTree as ET

from ..bench import curves

_LINE = "{http://www.w3.org/2000/svg}polyline"


def test_a_curve_goes_up_as_its_figures_do() -> None:
    drawn = ET.fromstring(curves.svg("t", "callers", "ms", {"p50": [(64, 40), (1, 10), (8, 20)]}))
    (line,) = drawn.iter(_LINE)
    points = [tuple(map(float, one.split(","))) for one in line.attrib["points"].split()]
    across, heights = [x for x, _ in points], [y for _, y in points]
    assert across == sorted(across)
    assert heights == sorted(heights, reverse=True)
    assert abs((across[1] - across[0]) - (across[2] - across[1])) < 0.2  # eight times more is as far again


def test_names_are_text_and_zeros_a_line() -> None:
    drawn = ET.fromstring(curves.svg("<t>", "callers", "ms", {"refused & lost": [(1, 0)]}))
    assert len(list(drawn.iter(_LINE))) == 1
    assert {"<t>", "refused & lost"} <= {text.text for text in drawn.iter("{http://www.w3.org/2000/svg}text")}
