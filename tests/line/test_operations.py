"""The table of what operating takes says what was kept, and counts what there is."""

from ..bench import operations

_README = """
| value | type | by itself | what it is |
| --- | --- | --- | --- |
| `a.b` | string | `""` | A name. |
| `a` |  |  | A group is no value. |
| `a.c` | `x`, `y` | `"x"` |  |
| `a.d` | integer | `1` | One of \\| two. |
"""


def test_a_value_that_nobody_explains_is_counted_as_one() -> None:
    assert operations.values(_README) == {"values": 3, "documented": 2}


def test_there_is_a_row_for_what_was_kept_and_for_nothing_else() -> None:
    found = list(operations.rows({"upgrade": {"from": "0.0.9", "sent": 1082, "failed": 1}, "scale": {}}))
    assert [(row["id"], row["figure"]) for row in found] == [
        ("upgrade from the version before", "1 of 1,082 requests failed")
    ]


def test_every_figure_is_told() -> None:
    request = {"sent": 1000, "failed": 0}
    offline = {"archive_mb": 1900, "make_seconds": 1, "load_seconds": 2, "install_seconds": 3}
    body = {
        "install_seconds": 60,
        "backup_seconds": 7,
        "restore_seconds": 81,
        "rotation": {"redis": request, "jwt": request},
        "images_mb": {"gateway": 244, "predictor": 475},
        "offline": offline,
        "alerts": {"defined": 17, "tested": 17},
        "values": {"values": 150, "documented": 149},
        "verbs": {"granted": 30, "used": 29, "unused": ["a"]},
    }
    assert [row["figure"] for row in operations.rows(body)] == [
        "60 s",
        "redis: 0 of 1,000 requests failed; jwt: 0 of 1,000 requests failed",
        "7 s",
        "81 s",
        "gateway 244 MB, predictor 475 MB",
        "1,900 MB; made in 1 s, verified and loaded in 2 s, installed in 3 s",
        "17 of 17",
        "149 of 150",
        "29 of 30",
    ]
