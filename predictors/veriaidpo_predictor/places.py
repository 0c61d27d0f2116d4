"""Where published revisions are, seen from a directory that somebody names."""

from pathlib import Path

from veriaidpo_predictor.manifest import FILE_NAME, ManifestError


def below(directory: Path) -> list[Path]:
    """Give the published revisions that a directory is or holds: a revision, a model's folder, or a volume.

    Raises ManifestError when there is none.
    """
    places = (FILE_NAME, f"revisions/*/{FILE_NAME}", f"models/*/revisions/*/{FILE_NAME}")
    found = sorted(path.parent for place in places for path in directory.glob(place))
    if not found:
        raise ManifestError(f"{directory} holds no published revision.")
    return found


def find(directory: Path) -> Path:
    """Take a revision directory, or the only published revision below `ROOT/models/<name>`.

    Raises ManifestError when there is none or more than one to choose from.
    """
    if (directory / FILE_NAME).is_file() or not (directory / "revisions").is_dir():
        return directory
    published = [path.parent for path in sorted((directory / "revisions").glob(f"*/{FILE_NAME}"))]
    if len(published) != 1:
        raise ManifestError(f"{directory} has {len(published)} published revisions: name the one to serve.")
    return published[0]
