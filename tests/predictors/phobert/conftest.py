"""vocab.txt and bpe.codes as large as PhoBERT's own, of the repository's sentences and of made-up words.

PhoBERT's files are not in the repository and cannot be fetched by its tests. These have their form and their
size (64,000 pieces): Vietnamese syllables, compounds joined by underscores, names, numbers, foreign words.
"""

import itertools
import json
import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

DEMO = Path(__file__).parents[3] / "hack" / "demo"
PIECES = 64_000
_END = "</w>"
_ONSETS = "b c ch d đ g gh gi h k kh l m n ng ngh nh p ph qu r s t th tr v x"
_RIMES = (
    "a ac ach ai am an ang anh ao ap at au ay ăc ăm ăn ăng ăp ăt âc âm ân âng âp ât âu ây e ec em en "
    "eng eo ep et ê êch êm ên ênh êp êt êu i ia ich iêm iên iêng iêp iêt iêu im in inh ip it iu o oa "
    "oai oan oang oanh oăn oc oi om on ong op ot ô ôc ôi ôm ôn ông ôp ôt ơ ơi ơm ơn ơp ơt u ua uân "
    "uât uc uê ui um un ung uôc uôi uôm uôn uông uôt up ut uy uyên uyêt uynh ư ưa ưc ưi ưng ươc ươi "
    "ươm ươn ương ươp ươt ưt ưu y yêu"
)
_TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")
_FOREIGN = "data email marketing server cloud cookie consent privacy policy platform startup logistics"


@dataclass(frozen=True)
class Language:
    """The folder with the two files, how often each word is written, and sentences that people wrote."""

    folder: Path
    words: Counter[str]
    lines: list[str]


@pytest.fixture(scope="package")
def language(tmp_path_factory: pytest.TempPathFactory) -> Language:
    folder = tmp_path_factory.mktemp("phobert")
    return Language(folder, write(folder), natural())


def syllables(rng: random.Random) -> list[str]:
    """Vietnamese syllables, composed: an onset, a rime and a tone on the rime's vowel."""
    found = []
    for onset, rime, tone in itertools.product(_ONSETS.split(), _RIMES.split(), _TONES):
        marked = [i for i, letter in enumerate(rime) if letter in "ăâêôơ"]
        at = marked[-1] if marked else next(i for i, letter in enumerate(rime) if letter in "aeiouưy")
        found.append(onset + unicodedata.normalize("NFC", rime[: at + 1] + tone) + rime[at + 1 :])
    rng.shuffle(found)
    return found


def natural() -> list[str]:
    """Sentences that people wrote, and the words of the templates."""
    lines = [
        json.loads(line)["text"]
        for path in sorted((DEMO / "natural").glob("*.jsonl"))
        for line in path.read_text("utf-8").splitlines()
    ]
    lines += [
        re.sub(r"[{}()|\[\]]", " ", line)
        for path in sorted((DEMO / "templates").iterdir())
        for line in path.read_text("utf-8").splitlines()
    ]
    return [line for line in lines if line.strip()]


def words(rng: random.Random) -> Counter[str]:
    """How often each word of the language is written: the natural ones, then made-up ones, ever rarer."""
    counts: Counter[str] = Counter()
    for line in natural():
        counts.update(dict.fromkeys(line.split(), 40))
    known = syllables(rng)
    made = known[:9_000]
    made += ["_".join(rng.choices(known[:3_000], k=rng.choice((2, 2, 2, 3, 4)))) for _ in range(90_000)]
    made += ["_".join(word.capitalize() for word in rng.choices(known[:2_000], k=2)) for _ in range(8_000)]
    made += [
        f"{rng.choice(_FOREIGN.split())}{rng.choice(('', '-', '_'))}{rng.choice(known)}" for _ in range(4_000)
    ]
    made += [str(rng.randrange(10 ** rng.randint(1, 9))) for _ in range(4_000)]
    made += [f"{rng.randint(1, 31)}/{rng.randint(1, 12)}/{rng.randint(1990, 2030)}" for _ in range(2_000)]
    for rank, word in enumerate(made):
        counts[word] += 2 + 120_000 // (rank + 20)
    return counts


def write(folder: Path) -> Counter[str]:
    """Write `vocab.txt` and `bpe.codes` into a folder; gives the words that they were learnt from."""
    counts = words(random.Random(13))
    learnt = Tokenizer(models.BPE(end_of_word_suffix=_END))
    learnt.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES, end_of_word_suffix=_END, show_progress=False, min_frequency=2
    )
    learnt.train_from_iterator(_repeated(counts), trainer)
    merges = [tuple(pair) for pair in json.loads(learnt.to_str())["model"]["merges"]]
    (folder / "bpe.codes").write_text("".join(f"{a} {b} 1\n" for a, b in merges), "utf-8")
    pieces: Counter[str] = Counter()
    for count, found in zip(counts.values(), learnt.encode_batch(list(counts)), strict=True):
        *before, last = found.tokens
        pieces.update({f"{piece}@@": count for piece in before})
        pieces[last.removesuffix(_END)] += count
    lines = [f"{piece} {count}\n" for piece, count in pieces.most_common()]
    (folder / "vocab.txt").write_text("".join(lines), "utf-8")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PhobertTokenizer"}', "utf-8")
    return counts


def _repeated(counts: Counter[str]) -> Iterator[str]:
    """Lines in which each word stands as often as it is counted, up to a bound."""
    for word, count in counts.items():
        yield f"{word} " * min(count // 5 + 2, 40)
