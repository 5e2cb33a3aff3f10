"""Reading an OpenAPI 3.0 description: bodies it allows, bodies it does not, and whether an answer is what it says.

Only what our description uses is known here; a keyword beyond that is an error, so that nothing is passed over in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from hypothesis import strategies as st

KNOWN = {
    "type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "minLength", "maxLength", "enum",
    "format", "nullable", "description", "example", "$ref",
}  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


class Description:
    """An OpenAPI document with its references."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    def resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in part:
            at: Any = self.document
            for step in part["$ref"].removeprefix("#/").split("/"):
                at = at[step]
            part = at
        return part

    def operations(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        for path, ways in self.document["paths"].items():
            for way, operation in ways.items():
                yield way.upper(), path, operation

    def body(self, operation: Mapping[str, Any]) -> Mapping[str, Any]:
        return operation["requestBody"]["content"]["application/json"]["schema"]

    # Bodies

    def good(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        """What the schema allows."""
        schema = self._known(schema)
        match schema.get("type"):
            case "string":
                texts = st.text(min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 30))
                return texts | st.just(schema["example"]) if "example" in schema else texts
            case "array":
                return st.lists(
                    self.good(schema["items"]), min_size=schema.get("minItems", 0), max_size=min(schema.get("maxItems", 4), 4)
                )  # fmt: skip
            case "object":
                return st.fixed_dictionaries({name: self.good(one) for name, one in schema["properties"].items()})
        raise AssertionError(f"no body is made of {schema}")

    def bad(self, schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
        """What the schema does not allow: another type, too short, too long, a member missing, one too many, one of them bad."""
        schema = self._known(schema)
        other = JSON.filter(lambda value: next(self.faults(schema, value), None) is not None)
        match schema.get("type"):
            case "string":
                ways = [other]
                if schema.get("minLength"):
                    ways.append(st.just(""))
                if "maxLength" in schema:
                    ways.append(st.integers(1, 400).map(lambda n: "长" * (schema["maxLength"] + n)))
                return st.one_of(ways)
            case "array":
                most = schema.get("maxItems", 4)
                many = self.good(schema["items"]).map(lambda one: [one] * (most + 1))
                return st.one_of(other, st.just([]), many, self.bad(schema["items"]).map(lambda one: [one]))
            case "object":
                return st.one_of(other, *self._bad_members(schema))
        raise AssertionError(f"no body is made of {schema}")

    def _bad_members(self, schema: Mapping[str, Any]) -> Iterator[st.SearchStrategy[Any]]:
        good = self.good(schema)
        for name in schema.get("required", ()):
            yield good.map(lambda value, name=name: {k: v for k, v in value.items() if k != name})
        for name, one in schema["properties"].items():
            yield st.tuples(good, self.bad(one)).map(lambda pair, name=name: pair[0] | {name: pair[1]})
        if schema.get("additionalProperties") is False:
            yield st.tuples(good, JSON).map(lambda pair: pair[0] | {"one_too_many": pair[1]})

    # Answers

    def answer_faults(self, operation: Mapping[str, Any], status: int, content_type: str, value: Any) -> list[str]:
        """What does not fit in an answer: its status is not described, its content type, or its body."""
        responses = operation["responses"]
        told = self.resolved(responses.get(str(status), responses["default"]))
        kind = content_type.partition(";")[0]
        if kind not in told["content"]:
            return [f"{status} comes as {kind}"]
        return list(self.faults(told["content"][kind]["schema"], value))

    def faults(self, schema: Mapping[str, Any], value: Any, place: str = "$") -> Iterator[str]:
        schema = self._known(schema)
        if value is None:
            if not schema.get("nullable"):
                yield f"{place}: null"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{place}: {value!r} is none of the words"
        kind = schema.get("type")
        if kind is not None and not _is(kind, value):
            yield f"{place}: no {kind}"
        elif kind == "string":
            yield from _text_faults(schema, value, place)
        elif kind == "array":
            if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
                yield f"{place}: {len(value)} items"
            for n, one in enumerate(value):
                yield from self.faults(schema["items"], one, f"{place}[{n}]")
        elif kind == "object":
            yield from self._object_faults(schema, value, place)

    def _object_faults(self, schema: Mapping[str, Any], value: Mapping[str, Any], place: str) -> Iterator[str]:
        known = schema.get("properties", {})
        yield from (f"{place}.{name}: missing" for name in schema.get("required", ()) if name not in value)
        if schema.get("additionalProperties") is False:
            yield from (f"{place}.{name}: not described" for name in value if name not in known)
        for name, one in value.items():
            if name in known:
                yield from self.faults(known[name], one, f"{place}.{name}")

    def _known(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        schema = self.resolved(schema)
        assert set(schema) <= KNOWN, f"keywords not known here: {set(schema) - KNOWN}"
        return schema


TYPES: dict[str, Any] = {
    "string": str,
    "array": list,
    "object": dict,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def _is(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])


def _text_faults(schema: Mapping[str, Any], value: str, place: str) -> Iterator[str]:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        yield f"{place}: {len(value)} characters"
    form = schema.get("format")
    assert form in FORMATS, f"format not known here: {form}"
    if not FORMATS[form](value):
        yield f"{place}: no {form}"


def _day(value: str) -> bool:
    try:
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\d", value) and date.fromisoformat(value))
    except ValueError:
        return False


def _instant(value: str) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


FORMATS: dict[str | None, Any] = {None: lambda value: True, "date": _day, "date-time": _instant}
