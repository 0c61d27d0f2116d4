"""U: texts that hide a name, hurt a reader, or weigh more than they look."""

import re
import time
import unicodedata

import pytest

from ..conftest import Attack
from .conftest import Target, bearer

NAMES = ("Shopee", "Vinamilk", "Viettel", "Vietcombank", "FPT Software")


def normalised(target: Target, text: str) -> str:
    answer = target.client.post("/normalize", json={"text": text}, headers=bearer())
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["normalized_text"]
    return found


def seconds(target: Target, text: str, *, path: str = "/normalize") -> tuple[int, float]:
    body: dict[str, object] = {"text": text}
    if path == "/normalize":
        body |= {"normalize_persons": True, "normalize_locations": True}
    begun = time.perf_counter()
    answer = target.client.post(path, json=body, headers=bearer())
    return answer.status_code, time.perf_counter() - begun


def test_u1_names_in_other_forms(attack: Attack, target: Target) -> None:
    forms = (str.upper, str.lower, str.title, lambda name: unicodedata.normalize("NFD", name))
    missed = 0
    with attack("U1", "names of companies in capitals, without marks, decomposed, with other tones") as row:
        words = [form(name) for name in NAMES for form in forms]
        words += ["Hoà Phát", "Hòa Phát", unicodedata.normalize("NFD", "Hoà Phát")]
        for word in words:
            text = f"{word} thu thập email"
            row.tried += 1
            row.got_through += "[COMPANY]" not in normalised(target, text)
            missed += word not in (*NAMES, "Hòa Phát")
        row.control = f"a search for the names as they are written misses {missed}"


def test_u2a_names_with_something_invisible_inside(attack: Attack, target: Target) -> None:
    missed = 0
    with attack("U2a", "invisible characters inside of a name") as row:
        for name in NAMES:
            for invisible in "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e":
                row.tried += 1
                hidden = f"{name[:3]}{invisible}{name[3:]} thu thập email"
                row.got_through += "[COMPANY]" not in normalised(target, hidden)
                missed += re.search(name, hidden, re.IGNORECASE) is None
        row.control = f"a search for the names as they are written misses {missed}"


@pytest.mark.parametrize(
    ("identity", "what", "characters"),
    [
        (
            "U2b",
            "characters that turn the direction of a text",
            "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
        ),
        ("U4c", "NUL, control characters, halves of characters", "\x00\x01\x07\x08\x1b\x7f\ud800\udfff"),
    ],
)
def test_characters_that_no_text_holds(
    attack: Attack, target: Target, identity: str, what: str, characters: str
) -> None:
    with attack(identity, what) as row:
        for character in characters:
            for path in ("/classify", "/normalize", "/classify-all"):
                # Written by hand: a client cannot write half a character.
                escaped = f"\\u{ord(character):04x}"
                body = f'{{"text": "thu thập {escaped} email"}}'.encode()
                headers = {**bearer(), "Content-Type": "application/json"}
                row.tried += 1
                row.got_through += target.client.post(path, content=body, headers=headers).status_code != 422
        kept = sum(character in unicodedata.normalize("NFKC", f"a{character}b") for character in characters)
        row.control = f"Unicode's own normalisation keeps {kept} of {len(characters)}"


def test_u4a_marks_upon_marks(attack: Attack, target: Target) -> None:
    texts = [
        "a" + "\u0301" * 3_999,
        "a" + "\u0301\u0323" * 1_999,
        ("a" + "\u0323" * 4) * 700,
        "é" * 10 + "\u0300" * 3_900,
        "\u0301" * 4_000,
        "a\u0301\u0301\u0301\u0301",
    ]
    with attack("U4a", "a letter with thousands of marks") as row:
        slowest = 0.0
        for text in texts:
            status, took = seconds(target, text, path="/classify")
            row.tried += 1
            row.got_through += status != 422
            slowest = max(slowest, took)
        row.figure = f"refused in {slowest * 1000:.0f} ms at most, the way there and back included"
        begun = time.perf_counter()
        unicodedata.normalize("NFC", "a" + "\u0301\u0323" * 10_000)
        row.control = f"20,000 marks take {(time.perf_counter() - begun) * 1000:.0f} ms to put in order"


def test_u4b_texts_that_are_too_long(attack: Attack, target: Target) -> None:
    texts = [
        "a" * 4_001,
        "ă" * 4_001,
        "\U0001f600" * 4_001,
        "\ufdfa" * 4_001,
        " " * 3_000 + "a" * 1_001,
        "a" * 60_000,
    ]
    with attack("U4b", "texts over 4,000 characters, and ones that grow") as row:
        for text in texts:
            for path in ("/classify", "/normalize", "/classify-all"):
                row.tried += 1
                row.got_through += seconds(target, text, path=path)[0] != 413
        grown = len(unicodedata.normalize("NFKC", "\ufdfa" * 4_000))
        row.control = f"4,000 characters become {grown:,} in compatibility form"


SLOW = (
    "công ty ",
    "Công ty TNHH ",
    "Tập đoàn A ",
    "Ngân hàng TMCP ",
    "Ông Nguyễn Văn ",
    "số 1 đường ",
    "12/3/4/5/",
    "a ",
    "A. ",
    "(",
    "quận 1, ",
    "- ",
    "& ",
    "Công ty Cổ phần Công ty TNHH ",
    "\t",
    "aA1-",
)


def test_u5_texts_that_make_patterns_try_again_and_again(attack: Attack, target: Target) -> None:
    times = 4
    with attack("U5", "repetitions made to let a pattern go back and forth") as row:
        worst = 0.0
        for unit in SLOW:
            text = (unit * 4_000)[:3_999] + "!"
            before = target.cpu()
            statuses = {seconds(target, text)[0] for _ in range(times)}
            took = (target.cpu() - before) / times
            row.tried += 1
            row.got_through += took > 0.2 or statuses - {200, 422} != set()
            worst = max(worst, took)
        row.figure = f"{worst * 1000:.0f} ms of CPU at most for 4,000 characters"
        begun = time.thread_time()
        re.search(r"(\s*\w+\s*)+$", "a " * 17 + "!")
        row.control = f"a nested pattern takes {(time.thread_time() - begun) * 1000:.0f} ms for 35 characters"
