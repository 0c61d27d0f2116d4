"""Names of persons, by rules: after a title, or beginning with a family name. Pure, and linear in the text.

A name is read from words written with capitals; at most MOST_WORDS of them, so no text can make it slow.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources

from veriaidpo_gateway.normalisation.spans import Span
from veriaidpo_gateway.normalisation.words import Word, Words

MOST_WORDS = 5
"""Words of one name."""

_LONGEST_SYLLABLE = 7
_LONGEST_FOREIGN = 15
_MOST_SHOUTED = 4
_SENTENCE_ENDS = frozenset(".!?:;\n")


class Persons:
    """The words of data/persons.toml, ready to be looked for."""

    def __init__(self, rules: Mapping[str, Sequence[str]]) -> None:
        sets = {name: frozenset(words) for name, words in rules.items()}
        self._titles, self._families, self._careful = sets["titles"], sets["families"], sets["careful"]
        self._plain, self._middles, self._ordinary = sets["plain_families"], sets["middles"], sets["ordinary"]
        self._ends_before, self._shouted_ends = sets["ends_before"], sets["shouted_ends"]
        self._never, self._not_titles_after = sets["never"], sets["not_titles_after"]

    def find(self, words: Words) -> Iterator[Span]:
        """Yield names in order, none of them overlapping another."""
        all_words, index = words.all, 0
        while index < len(all_words):
            first = self._after_title(words, index)
            titled = first > index
            count = self._length(words, first, titled=titled) if first < len(all_words) else 0
            if count:
                yield Span(all_words[first].start, all_words[first + count - 1].end)
                index = first + count
            else:
                index += 1

    def _after_title(self, words: Words, index: int) -> int:
        """Return the index of the word after the title that begins here; `index` itself if none does."""
        found = words.all[index]
        for length in (2, 1):
            last = index + length - 1
            if last + 1 >= len(words.all):
                continue
            title = found.small if length == 1 else _joined(words.all, index, 2)
            gap = words.all[last + 1].before
            if title in self._titles and gap in (" ", ". ", ".") and (gap == " " or len(title) <= 3):
                return last + 1 if self._is_title(words, index) else index
        return index

    def _is_title(self, words: Words, index: int) -> bool:
        if index == 0:
            return True
        word, before = words.all[index], words.all[index - 1]
        if word.before != " ":
            return True
        if before.small in self._not_titles_after:
            return False
        # "Hoàng Anh Gia Lai" holds no Mr Gia Lai; but a sentence may begin with "Gửi Anh Minh".
        begins = index == 1 or bool(_SENTENCE_ENDS.intersection(before.before))
        return (
            words.shouted or not word.capital or not before.capital or begins or before.small in self._titles
        )

    def _length(self, words: Words, first: int, *, titled: bool) -> int:
        """Count the words of the name that begins here; 0 if none does."""
        if not titled and not self._begins_with_family(words, first):
            return 0
        count = 0
        most = _MOST_SHOUTED if words.shouted else MOST_WORDS
        while count < most and first + count < len(words.all):
            word = words.all[first + count]
            if count and word.before != " ":
                break
            if not self._is_part(words, first + count, titled=titled):
                break
            count += 1
        if count == 0 or (count == 1 and not titled):
            return 0
        pair = _joined(words.all, first, 2) if count > 1 else ""
        with_title = _joined(words.all, first - 1, 2) if titled else ""
        return 0 if pair in self._never or with_title in self._never else count

    def _begins_with_family(self, words: Words, first: int) -> bool:
        word = words.all[first]
        if not word.capital or first + 1 >= len(words.all):
            return False
        if word.small in self._families or (words.plain and word.small in self._plain):
            return True
        # A third word has to be there, or "Hà Văn" would be one.
        if word.small not in self._careful or first + 2 >= len(words.all):
            return False
        given = words.all[first + 2]
        return words.all[first + 1].small in self._middles and given.capital and given.before == " "

    def _is_part(self, words: Words, index: int, *, titled: bool) -> bool:
        word = words.all[index]
        longest = _LONGEST_FOREIGN if titled else _LONGEST_SYLLABLE
        if not word.capital or not word.written.isalpha() or len(word.written) > longest:
            return False
        if word.small in self._ordinary or (words.shouted and word.small in self._shouted_ends):
            return False
        return index + 1 >= len(words.all) or _joined(words.all, index, 2) not in self._ends_before


def _joined(words: Sequence[Word], start: int, count: int) -> str:
    return " ".join(word.small for word in words[start : start + count])


def load_persons() -> Persons:
    """Read the words this package ships."""
    file = resources.files(__package__) / "data" / "persons.toml"
    return Persons(tomllib.loads(file.read_text(encoding="utf-8")))
