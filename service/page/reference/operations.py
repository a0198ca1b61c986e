"""The operations of the document as the page shows them: parameters, body, answers, problems, and a request to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from service.page.reference.requests import ApiRequest, json_text
from service.page.reference.shapes import Shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.page.markup import Markup
    from service.page.reference.shapes import ReferenceMember

    Node = Mapping[str, Any]

PROBLEM = "application/problem+json"
_LINES = 24
"""A longer example is folded."""


class Example(NamedTuple):
    """An example with its name, as text."""

    name: str
    text: str

    @property
    def is_long(self) -> bool:
        """Return whether it is better folded."""
        return self.text.count("\n") > _LINES


class Content(NamedTuple):
    """One form of a body or an answer: its media type, what it is, its members and examples."""

    media_type: str
    takes: Markup
    members: list[ReferenceMember]
    examples: list[Example]


class ApiAnswerShape(NamedTuple):
    """An answer that is no problem: its status, what it says, its headers by name with what they mean, its forms."""

    status: str
    description: str
    headers: dict[str, str]
    contents: list[Content]


class ApiOperation(NamedTuple):
    """An operation, whole. `parameters` are by place: path, query, header. `problems` are the examples of each kind."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    parameters: dict[str, list[ReferenceMember]]
    body: list[Content]
    answers: list[ApiAnswerShape]
    problems: list[Node]
    request: ApiRequest

    @property
    def url(self) -> str:
        """Return the path of its page."""
        return f"/schema/operations/{self.id}"


class ApiDocument:
    """An OpenAPI document, read for people."""

    def __init__(self, doc: Node) -> None:
        """Read every operation."""
        self._doc = doc
        self.info: Node = doc["info"]
        self.shapes = Shapes(doc["components"]["schemas"])
        self.operations = {
            node["operationId"]: self._operation(path, method, node)
            for path, item in doc["paths"].items()
            for method, node in item.items()
        }
        self.tags: dict[str, str] = {tag["name"]: tag["description"] for tag in doc.get("tags", ())}

    def of_tag(self, tag: str) -> list[ApiOperation]:
        """Return the operations of a tag."""
        return [each for each in self.operations.values() if each.tag == tag]

    def _operation(self, path: str, method: str, node: Node) -> ApiOperation:
        parameters = [self._resolved(each) for each in node.get("parameters", ())]
        answers = {status: self._resolved(each) for status, each in node["responses"].items()}
        good = {status: each for status, each in answers.items() if PROBLEM not in each.get("content", {})}
        bad = [each["content"][PROBLEM] for status, each in answers.items() if status not in good]
        return ApiOperation(
            node["operationId"],
            method.upper(),
            path,
            node["tags"][0],
            node["summary"],
            node["description"],
            {place: self._members(parameters, place) for place in ("path", "query", "header")},
            self._contents(node.get("requestBody", {}).get("content", {})),
            [self._answer(status, each) for status, each in good.items()],
            [example["value"] for each in bad for example in each["examples"].values()],
            self._request(method.upper(), path, parameters, node),
        )

    def _members(self, parameters: list[Node], place: str) -> list[ReferenceMember]:
        found = [
            self.shapes.member(
                each["name"], each["schema"], required=each["required"], description=each.get("description", "")
            )
            for each in parameters
            if each["in"] == place
        ]
        return sorted(found, key=lambda each: not each.required)

    def _contents(self, content: Node) -> list[Content]:
        return [
            Content(
                name, self.shapes.takes(media["schema"]), self.shapes.members(media["schema"]), _examples(media, name)
            )
            for name, media in content.items()
        ]

    def _answer(self, status: str, answer: Node) -> ApiAnswerShape:
        headers = {name: self._resolved(each)["description"] for name, each in answer.get("headers", {}).items()}
        return ApiAnswerShape(status, answer["description"], headers, self._contents(answer.get("content", {})))

    def _request(self, method: str, path: str, parameters: list[Node], node: Node) -> ApiRequest:
        query = {each["name"]: each["example"] for each in parameters if "example" in each and each["in"] == "query"}
        for each in parameters:
            if each["in"] == "path":
                path = path.replace(f"{{{each['name']}}}", str(self.shapes.resolved(each["schema"])["examples"][0]))
        media = node.get("requestBody", {}).get("content", {}).get("application/json", {})
        bodies = [each["value"] for each in media.get("examples", {}).values()]
        streams = "text/event-stream" in self._resolved(node["responses"].get("200", {})).get("content", {})
        return ApiRequest(method, path, query, bodies[0] if bodies else None, streams=streams)

    def _resolved(self, node: Node) -> Node:
        if "$ref" not in node:
            return node
        found: Node = self._doc
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return found


def _examples(media: Node, media_type: str) -> list[Example]:
    found = [(name, each["value"]) for name, each in media.get("examples", {}).items()]
    found += [("Example", media["example"])] if "example" in media else []
    return [Example(name, as_text(value, media_type)) for name, value in found]


def as_text(value: object, media_type: str = "application/json") -> str:
    """Return an example as it is sent: JSON is indented."""
    if isinstance(value, str) and not media_type.endswith("json"):
        return value
    return json_text(value)
