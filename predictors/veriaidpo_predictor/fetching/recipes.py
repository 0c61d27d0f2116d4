"""How a revision is made: told in the manifest of a new one, and held against a wish for an old one."""

from collections.abc import Mapping
from datetime import UTC, datetime

from veriaidpo_predictor import calibration as calibrations
from veriaidpo_predictor import manifest, verdict
from veriaidpo_predictor.calibration import Calibration
from veriaidpo_predictor.computing import cpu
from veriaidpo_predictor.fetching import int8_step
from veriaidpo_predictor.fetching.selection import FOR_TORCH, RECIPES, Selection
from veriaidpo_predictor.fetching.spec import FetchSpec
from veriaidpo_predictor.manifest import FileEntry, Manifest, Source
from veriaidpo_predictor.verdict import Conversion


def manifest_of(
    spec: FetchSpec,
    selection: Selection,
    files: Mapping[str, FileEntry],
    *,
    commit: str,
    tags: tuple[str, ...] | None = None,
    made_of: Mapping[str, FileEntry] | None = None,
    conversion: Conversion | None = None,
    calibration: Calibration | None = None,
) -> Manifest:
    """Describe a revision of these files; `made_of` are those of the source that others were made of.

    Where int8 was asked for, its recipe and the class of the processor are part of the digest, also when the
    gate failed: on another processor, or by another recipe, it may end differently.
    """
    recipe = _recipe(selection.recipe, is_int8=conversion is not None)
    cpu_class = "any" if conversion is None else cpu.this()
    digest = manifest.digest_of(
        {path: entry.sha256 for path, entry in files.items()},
        recipe=recipe,
        cpu_class=cpu_class,
        calibration=calibration,
    )
    source = Source(
        uri=spec.source.uri,
        revision=spec.source.revision,
        commit=commit,
        files=dict(made_of) if made_of else None,
    )
    return Manifest(
        schema_version=1,
        model=spec.name,
        model_type=spec.model_type,
        language=spec.language,
        task=spec.task,
        source=source,
        recipe=recipe,
        cpu_class=cpu_class,
        format=_format(selection, conversion),
        max_tokens=spec.max_tokens,
        labels=spec.labels,
        tags=tags,
        files=dict(files),
        tokenizer=selection.tokenizer,
        golden_sentences=spec.golden_sentences,
        conversion=conversion,
        calibration=calibration,
        digest=digest,
        created_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )


def is_asked(found: Manifest, spec: FetchSpec) -> bool:
    """Tell whether a revision is what the spec asks for, by whatever version of int8 and wherever made."""
    is_int8 = spec.conversion.quantization == "int8"
    recipe, plus, _ = found.recipe.partition("+")
    if recipe not in RECIPES[spec.runtime] or bool(plus) != is_int8:
        return False
    conversion = found.conversion
    return not is_int8 or (conversion is not None and verdict.still_holds(conversion, spec.conversion.gate))


def would_be_made_again(found: Manifest, spec: FetchSpec) -> bool:
    """Tell whether a revision was made as the spec has it, and would be again on this processor."""
    _, plus, int8 = found.recipe.partition("+")
    calibrated_on = found.calibration.asked if found.calibration is not None else None
    return (
        is_asked(found, spec)
        and (not plus or (int8 == int8_step.RECIPE and found.cpu_class == cpu.this()))
        and calibrated_on == calibrations.asked_for(spec.calibration_sentences)
    )


def _recipe(recipe: str, *, is_int8: bool) -> str:
    return f"{recipe}+{int8_step.RECIPE}" if is_int8 else recipe


def _format(selection: Selection, conversion: Conversion | None) -> str:
    if selection.recipe == FOR_TORCH:
        return "torch-fp32"
    return manifest.INT8_FORMAT if conversion is not None and conversion.gate == "Passed" else "onnx-fp32"
