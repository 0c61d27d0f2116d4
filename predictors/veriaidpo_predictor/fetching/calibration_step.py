"""The step of a fetch that asks the graph which is going to be served what it makes of labelled sentences.

What it needs (numpy, onnxruntime, tokenizers) is loaded when it is needed: a fetch that only downloads does
without. A model that cannot be measured is published all the same, with its confidence as it is.
"""

# ruff: noqa: PLC0415
import logging
from pathlib import Path

from veriaidpo_predictor import calibration
from veriaidpo_predictor.calibration import Calibration
from veriaidpo_predictor.computing.unusable import UnusableError
from veriaidpo_predictor.fetching.spec import FetchSpec
from veriaidpo_predictor.golden import GoldenSentence
from veriaidpo_predictor.manifest import Manifest

log = logging.getLogger("veriaidpo.calibration")


def measure(folder: Path, draft: Manifest, asked: FetchSpec) -> Calibration | None:
    """Calibrate what lies in a folder, described by a manifest without a calibration.

    On the calibration sentences of the spec, else on its golden ones where there are enough. None where
    there is nothing to measure.
    """
    given, known = asked.calibration_sentences, {label.id for label in asked.labels}
    golden = [one for one in asked.golden_sentences if isinstance(one, GoldenSentence)]
    labelled = given or tuple(one for one in golden if one.label in known)
    named = calibration.asked_for(given)
    if len(labelled) < calibration.LEAST_SENTENCES:
        return calibration.too_few(len(labelled), named) if given else None
    try:
        found = _measured(folder, draft, labelled, named)
    except UnusableError as error:
        found = calibration.unmeasured(len(labelled), named, str(error))
    except ImportError:
        found = calibration.unmeasured(len(labelled), named, "what computes is not installed here")
    log.info("calibration", extra=calibration.told(found))
    return found


def _measured(
    folder: Path, draft: Manifest, labelled: tuple[GoldenSentence, ...], named: str | None
) -> Calibration:
    import numpy as np

    from veriaidpo_predictor.computing import runtimes, tasks
    from veriaidpo_predictor.computing.cores import Cores
    from veriaidpo_predictor.converting import calibrating
    from veriaidpo_predictor.tokenising import tokenise

    task = tasks.of(draft.task, draft.labels, draft.tags)
    try:
        tokeniser = tokenise.build(folder, draft.tokenizer, max_tokens=draft.max_tokens)
    except tokenise.TokenizerError as error:
        raise UnusableError(str(error)) from error
    run = runtimes.load(folder, draft, task, Cores(1))
    encoded = task.encode(tokeniser, [one.text for one in labelled])
    logits = np.stack([run([one.ids])[0] for one in encoded]).astype(np.float64)  # each alone, as in the gate
    places = {label.id: number for number, label in enumerate(draft.labels)}
    truth = np.array([places[one.label] for one in labelled])
    return calibrating.calibrate(logits, truth, asked=named)
