"""A CloudFormation template as the stacks that it makes, for tests of what these are."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cfnlint.api import lint_file  # type: ignore[import-untyped]  # publishes no types
from cfnlint.decode import decode  # type: ignore[import-untyped]  # likewise

_NOTHING: Final = {"Ref": "AWS::NoValue"}
_PSEUDO: Final = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "stack",
}
_NAME: Final = re.compile(r"\$\{([\w:.]+)\}")


def read_template(path: Path) -> dict[str, Any]:
    """Read a template, its short forms such as ``!Ref`` written out."""
    template, _ = decode(str(path))
    read: dict[str, Any] = json.loads(json.dumps(template))
    return read


def lint(path: Path) -> list[str]:
    """Return what cfn-lint finds in a template: errors and warnings, by their rules."""
    return [f"{match.rule.id}: {match.message}" for match in lint_file(path)]


class Stack:
    """What a template comes to with parameters.

    What only AWS knows stands as text: a reference to a resource as its name, an attribute as
    ``Name.Attribute``. Resources that wait for a condition are there all the same.
    """

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str]) -> None:
        self.template = template
        self.parameters = {**_PSEUDO, **parameters}
        self.resources: dict[str, Any] = self._resolved(template["Resources"])

    def __getitem__(self, name: str) -> Any:
        """Return a resource's properties."""
        return self.resources[name]["Properties"]

    def of_type(self, kind: str) -> list[Any]:
        """Return the properties of all resources of a type."""
        return [r["Properties"] for r in self.resources.values() if r["Type"] == kind]

    def _resolved(self, value: Any) -> Any:
        value = self._chosen(value)
        if isinstance(value, list):
            return [self._resolved(inner) for inner in value if self._is_there(inner)]
        if not isinstance(value, dict):
            return value
        functions: dict[str, Callable[[Any], Any]] = {
            "Ref": lambda name: self.parameters.get(name, name),
            "Fn::FindInMap": self._mapped,
            "Fn::GetAtt": ".".join,
            "Fn::Sub": self._text,
        }
        for name, argument in value.items():
            if name in functions:
                return functions[name](argument)
        return {k: self._resolved(inner) for k, inner in value.items() if self._is_there(inner)}

    def _is_there(self, value: Any) -> bool:
        return bool(self._chosen(value) != _NOTHING)

    def _chosen(self, value: Any) -> Any:
        while isinstance(value, dict) and "Fn::If" in value:
            name, yes, no = value["Fn::If"]
            value = yes if self._holds(self.template["Conditions"][name]) else no
        return value

    def _holds(self, condition: Mapping[str, Any]) -> bool:
        if "Fn::Not" in condition:
            return not self._holds(condition["Fn::Not"][0])
        one, other = map(self._resolved, condition["Fn::Equals"])
        return bool(one == other)

    def _mapped(self, names: Sequence[Any]) -> Any:
        mapping, first, second = map(self._resolved, names)
        return self.template["Mappings"][mapping][first][second]

    def _text(self, argument: Any) -> str:
        text, names = (argument, {}) if isinstance(argument, str) else argument
        known = {**self.parameters, **self._resolved(names)}
        return _NAME.sub(lambda found: str(known.get(found[1], found[1])), text)


def stacks_of(template: Mapping[str, Any], **more: str) -> Iterator[Stack]:
    """Give the stack of a template's defaults, and one for each other value that it allows.

    Args:
        template: Parameters without default get their own name.
        more: A further value of a parameter that allows any.
    """
    parameters: Mapping[str, Any] = template["Parameters"]
    usual = {name: str(options.get("Default", name)) for name, options in parameters.items()}
    yield Stack(template, usual)
    for name, options in parameters.items():
        for value in [*options.get("AllowedValues", ()), *([more[name]] if name in more else ())]:
            if value != usual[name]:
                yield Stack(template, usual | {name: value})
