"""Revisions behind kserve's server: loaded, watched, guarded, measured."""
