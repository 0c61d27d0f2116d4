"""What stands at a word of a text, for who looks for addresses: a keyword, number, name or province. Pure."""

from collections.abc import Mapping

from veriaidpo_gateway.normalisation.words import Word, Words

MOST_WORDS = 5
"""Words of one part's name."""

_MOST_SHOUTED = 2
_LONGEST_KEYWORD = 3
_MOST_NUMBERS = 5
_AFTER_KEYWORD = frozenset({" ", ".", ". ", ": "})
_JOINED = frozenset({"-", " - "})


class AddressWords:
    """The words of one text, by their number."""

    def __init__(self, words: Words, rules: Mapping[str, frozenset[str]]) -> None:
        self._words, self._rules, self._plain = words.all, rules, words.plain
        self._most = _MOST_SHOUTED if words.shouted else MOST_WORDS

    def keyword(self, index: int) -> tuple[str, int] | None:
        """Find the longest keyword that begins here, and where what it names begins."""
        for length in range(_LONGEST_KEYWORD, 0, -1):
            start = index + length
            if start >= len(self._words) or self._words[start].before not in _AFTER_KEYWORD:
                continue
            found = self._joined(index, length)
            if not self._is_keyword(found, index) or (found != "tp" and "." in self._words[start].before):
                continue
            if self._joined(start - 1, 2) in self._rules["never"]:
                return None
            before = self._joined(index - 2, 2) if index > 1 else ""
            return None if before in self._rules["not_after"] else (found, start)
        return None

    def _is_keyword(self, found: str, index: int) -> bool:
        if self._plain and found in self._rules["plain"]:
            return self._words[index].written.islower()
        return any(found in self._rules[kind] for kind in ("units", "named_units", "inner", "named_inner"))

    def short(self, index: int) -> int:
        """Return where a short district such as Q1 or P.3 ends; `index` itself if none begins here."""
        word = self._words[index]
        letter, number = word.small[:1], word.small[1:]
        if letter not in self._rules["short"] or not word.capital:
            return index
        if number:
            return index + 1 if number.isdecimal() and len(number) <= 2 else index
        following = self._words[index + 1] if index + 1 < len(self._words) else None
        if following is None or following.before not in (".", ". ") or not following.written.isdecimal():
            return index
        return index + 2 if len(following.written) <= 2 else index

    def is_number(self, index: int) -> bool:
        """Whether a house number or a part of a date stands here."""
        if index >= len(self._words):
            return False
        written = self._words[index].written
        return len(written) <= 5 and any(letter.isdecimal() for letter in written)

    def number(self, index: int) -> int:
        """Return where the number that begins here ends: 12A, 12/3/4, 12-14, 3 tháng 2."""
        end = index + 1
        while end < len(self._words) and end - index < _MOST_NUMBERS:
            if self._words[end].before not in ("/", "-") or len(self._words[end].written) > 5:
                break
            end += 1
        if end + 1 < len(self._words) and self._words[end].small in ("tháng", "thang"):
            return end + 2 if self.is_number(end + 1) else end
        return end

    def name(self, index: int) -> int:
        """Return where the name that begins here ends; `index` itself if none does."""
        end = index
        while end < len(self._words) and end - index < self._most:
            word = self._words[end]
            if end > index and not self._continues(end):
                break
            if self.is_number(end) and end > index and self._words[end - 1].small == "tháng":
                return end + 1
            if not self._is_proper(word) or (end > index and self.begins_part(end)):
                break
            end += 1
        return end

    def _continues(self, index: int) -> bool:
        gap = self._words[index].before
        return gap == " " or (gap in _JOINED and not self.begins_part(index))

    def begins_part(self, index: int) -> bool:
        """Whether a word stands here that announces a part of an address."""
        return self.keyword(index) is not None or self.short(index) > index

    def _is_proper(self, word: Word) -> bool:
        return word.capital and word.written.isalpha() and word.small not in self._rules["ordinary"]

    def province(self, index: int) -> int:
        """Return where the province or country that begins here ends; `index` itself if none does."""
        names = self._rules["provinces"] | self._rules["countries"]
        for length in (4, 3, 2, 1):
            end = index + length
            if (
                end <= len(self._words)
                and self._words[index].capital
                and self._joined(index, length) in names
            ):
                return end
        return index

    def _joined(self, start: int, count: int) -> str:
        """Join words that stand next to each other; empty when they do not."""
        words = self._words[start : start + count]
        if any(word.before not in (" ", " - ", "-") for word in words[1:]):
            return ""
        return " ".join(word.small for word in words)
