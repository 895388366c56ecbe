"""One TOML file a process, checked by pydantic; errors name file, key, what stood there and what was expected."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError


class Section(BaseModel):
    """A part of a configuration file. Unknown keys are errors: a typo must not silently become a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SettingsError(ValueError):
    """The file cannot be used; the message is meant for the person who wrote the file."""


S = TypeVar("S", bound=Section)


def load_settings(path: Path, model: type[S]) -> S:
    """Reads and checks a TOML file. Raises :class:`SettingsError` with one line a problem."""
    try:
        return parse_settings(path.read_text(encoding="utf-8"), path, model)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); give the path of a TOML file") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8") from error


def parse_settings(text: str, path: Path, model: type[S]) -> S:
    """Checks a text as if it stood in the file ``path``. Raises :class:`SettingsError`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: is not valid TOML: {error}") from error
    try:
        return model.model_validate(data, context={"folder": path.parent})
    except ValidationError as error:
        raise SettingsError("\n".join(_explain(path, problem, model) for problem in error.errors())) from error


def _explain(path: Path, problem: object, model: type[Section]) -> str:
    assert isinstance(problem, dict)
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _keys_beside(model, problem["loc"])
        near = get_close_matches(str(problem["loc"][-1]), known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(known))}"
        return f"{path}: {key}: no such key; {hint}"
    if problem["type"] == "missing":
        return f"{path}: {key}: is missing and has no default"
    return f"{path}: {key}: {problem['msg']}; found {problem['input']!r}"[:500]


def _keys_beside(model: type[Section], location: tuple[object, ...]) -> list[str]:
    """Names of the fields at the place where the unknown key stood, walking through lists and nested sections."""
    here: object = model
    for part in location[:-1]:
        if isinstance(part, int) or not (isinstance(here, type) and issubclass(here, BaseModel)):
            continue
        field = here.model_fields.get(str(part))
        here = _section_in(field.annotation) if field is not None else None
    return list(here.model_fields) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _section_in(annotation: object) -> object:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in getattr(annotation, "__args__", ()):
        found = _section_in(inner)
        if found is not None:
            return found
    return None
