"""How far a file of templates goes, in seconds: the baseline, measured on templates it has not seen.

For whoever writes templates. Natural sentences stay out of it: what is chosen by them can't be measured by
them.
"""

from __future__ import annotations

from collections import Counter

from rows import make_rows
from scores import score, train_baseline
from specs import Spec

WANTED = 40


def judge(spec: Spec) -> int:
    """Print templates a label, macro-F1 and what was mistaken; 1 when a label has too few templates."""
    rows = make_rows(spec)
    ids = [label["id"] for label in spec.labels]
    counts = Counter(template.label for template in rows.templates)
    model = train_baseline([row.text for row in rows.trained], [ids.index(row.label) for row in rows.trained])
    answers = model.predict([row.text for row in rows.unseen])
    found = score([ids.index(row.label) for row in rows.unseen], answers, len(ids))
    measured = f"macro-F1 {found.macro_f1:.3f} on {found.rows} unseen rows"
    print(f"{spec.name}: {len(rows.templates)} templates, {measured}")
    for name, line in zip(ids, found.confusion, strict=True):
        print(f"  {name:24} {counts[name]:4} templates, answered as {line}")
    wrong = Counter(
        (row.label, ids[answer], row.text)
        for row, answer in zip(rows.unseen, answers, strict=True)
        if row.label != ids[answer]
    )
    for (truth, answer, text), _ in wrong.most_common(12):
        print(f"  {truth} taken for {answer}: {text}")
    return int(set(counts) != set(ids) or min(counts.values()) < WANTED)
