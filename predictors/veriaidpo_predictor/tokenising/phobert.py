"""PhoBERT's vocab.txt and bpe.codes (fastBPE) as a Rust BPE tokenizer.

fastBPE marks a piece that goes on with `@@`; the Rust model marks the piece that ends a word with `</w>`.
The merges also make pieces on the way that the vocabulary does not have, and two of those must not be
mistaken for each other: so the Rust model counts its own ids, and a table turns them into PhoBERT's.
"""

from pathlib import Path

from tokenizers import Regex, Tokenizer, pre_tokenizers, processors
from tokenizers.models import BPE

START, PAD, END, UNKNOWN = 0, 1, 2, 3
_END_OF_WORD = "</w>"
_GOES_ON = "@@"
_UNK = "<unk>"
# Words as PhoBERT was trained on them: a line feed right after a word belongs to it. U+001C to U+001F are
# white space to Python, not to the regular expressions of the tokenizers.
_WORD = r"[^\s\x1c-\x1f\x85]+\n?"


def build(vocab: Path, codes: Path) -> tuple[Tokenizer, list[int]]:
    """Give the tokenizer and the table from its ids to PhoBERT's; ids that PhoBERT lacks are `<unk>`.

    Raises ValueError when a line of either file is not what fastBPE writes.
    """
    numbers = _numbers(vocab.read_text(encoding="utf-8"))
    merges = _merges(codes.read_text(encoding="utf-8"))
    made = {first + second for first, second in merges}
    symbols: dict[str, int] = {}
    table: list[int] = []

    def add(symbol: str, number: int) -> None:
        if symbol not in symbols:
            symbols[symbol] = len(table)
            table.append(number)

    for name in ("<s>", "<pad>", "</s>", "<unk>"):
        add(name, len(table))
    for word, number in numbers.items():
        if word.endswith(_GOES_ON) and len(word) > len(_GOES_ON):
            add(word.removesuffix(_GOES_ON), number)
            if word + _END_OF_WORD in made:
                add(word + _END_OF_WORD, number)
        else:
            add(word + _END_OF_WORD, number)
    for first, second in merges:
        for symbol in (first, second, first + second):
            add(symbol, UNKNOWN)
    return _tokenizer(symbols, merges), table


def _tokenizer(symbols: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    model = BPE(symbols, merges, unk_token=_UNK, end_of_word_suffix=_END_OF_WORD, fuse_unk=False)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_WORD), behavior="removed", invert=True)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair=None, special_tokens=[("<s>", START), ("</s>", END)]
    )
    return tokenizer


def _numbers(text: str) -> dict[str, int]:
    """`<word> <count>` a line; the first four ids are the special tokens'. A word twice keeps its last id."""
    numbers = {"<s>": START, "<pad>": PAD, "</s>": END, "<unk>": UNKNOWN}
    for line in _lines(text):
        word, space, _ = line.strip().rpartition(" ")
        if not space:
            raise ValueError("a line of vocab.txt is not '<word> <count>'")
        numbers[word] = len(numbers)
    return numbers


def _merges(text: str) -> list[tuple[str, str]]:
    """`<first> <second> <count>` a line, the most frequent first."""
    merges: dict[tuple[str, str], None] = {}
    for line in _lines(text):
        first, second, _ = line.split()
        merges[first, second] = None
    return list(merges)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else lines
