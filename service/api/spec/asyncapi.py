"""The AsyncAPI 3 document: what is sent by event stream, by webhook and over JetStream.

The events have no schema of their own here: messages refer to the OpenAPI document, which lies beside this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.api.spec.examples import ANSWER_CHANGED, CLOUD_EVENT, ISSUE, RECORDED
from service.domain.vocabulary.events import FACTS, RECORDS
from service.domain.vocabulary.kinds import KINDS
from service.feed.cloudevents import MEDIA_TYPE

if TYPE_CHECKING:
    from service.api.spec.json_schema import Schema

JSON = "application/json"
DELIVERED_HEADERS = {
    "webhook-id": "The event's id, the same at every try.",
    "webhook-timestamp": "When this try was made, in seconds since 1970.",
    "webhook-signature": "Signatures over id, timestamp and body (Standard Webhooks), with spaces between.",
}
PUBLISHED_HEADERS = {
    "Nats-Msg-Id": "The event's id.",
    "Nats-Expected-Last-Msg-Id": "The id of the event before it; absent from the first.",
    "Parley-Position": "The event's position.",
}
JSON_SCHEMA = "application/schema+json;version=draft-07"
"""The newest that readers of AsyncAPI know; what the events' schemas use means the same in 2020-12."""
TAGS = [{"name": "feed"}]


def document(*, title: str, version: str, description: str) -> dict[str, Any]:
    """Describe every channel on which the service sends."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": title,
            "version": version,
            "description": description,
            "license": {"name": "Apache License 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": TAGS,
        },
        "defaultContentType": MEDIA_TYPE,
        "servers": {
            "http": _server("http", "127.0.0.1:8000", "The service itself."),
            "receiver": _server("https", "receiver.example", "Whoever has subscribed."),
            "nats": _server("nats", "127.0.0.1:4222", "The NATS cluster that the relay publishes to."),
        },
        "channels": {"stream": _stream(), "webhook": _webhook(), "watch": _watch(), "jetstream": _jetstream()},
        "operations": {
            "sendStream": _send("stream", "recorded", "Send to followers of the stream", _over_http("GET")),
            "sendWebhook": _send("webhook", "delivered", "Deliver to a subscriber", _over_http("POST")),
            "sendChange": _send("watch", "changed", "Deliver a changed answer", _over_http("POST")),
            "publishJetstream": _send("jetstream", "published", "Publish to JetStream", {}),
        },
        "components": {
            "messages": {
                "recorded": _message("recorded", "A recorded event", JSON, "RecordedEvent", RECORDED),
                "delivered": _cloud_event("delivered", DELIVERED_HEADERS),
                "changed": _cloud_event(
                    "changed", DELIVERED_HEADERS, "A changed answer as a CloudEvent", "AnswerChanged", ANSWER_CHANGED
                ),
                "published": _cloud_event("published", PUBLISHED_HEADERS),
            }
        },
    }


def _server(protocol: str, default: str, description: str) -> Schema:
    return {
        "host": "{host}",
        "protocol": protocol,
        "description": description,
        "variables": {"host": {"default": default, "description": "Host and port."}},
    }


def _channel(address: str | None, server: str, message: str, summary: str, description: str) -> Schema:
    return {
        "address": address,
        "title": summary,
        "summary": summary,
        "description": description,
        "servers": [{"$ref": f"#/servers/{server}"}],
        "messages": {message: {"$ref": f"#/components/messages/{message}"}},
    }


def _stream() -> Schema:
    return _channel(
        "/v1/feed/stream", "http", "recorded", "The feed, live",
        "Server-sent events in position order; `id` is the position (the place, with `ids=place`). The stream goes on "
        "after `Last-Event-ID` (or `after`); `type`, `issue`, `party` and `good` choose the events. The headers name "
        "the ledger and its epoch. See the OpenAPI document.",
    )  # fmt: skip


def _webhook() -> Schema:
    return _channel(
        None, "receiver", "delivered", "Webhooks",
        "One POST an event to the URL of each subscription, in position order, at least once; see "
        "`/v1/subscriptions` of the OpenAPI document.",
    )  # fmt: skip


def _watch() -> Schema:
    return _channel(
        None, "receiver", "changed", "Watches",
        "One POST a changed answer to the URL of the subscription that a watch names, in order, at least once; see "
        "`/v1/watches` of the OpenAPI document.",
    )  # fmt: skip


def _jetstream() -> Schema:
    changes = sorted({name.partition(".")[2] for name in (*FACTS, *RECORDS)})
    return _channel(
        "parley.v1.{kind}.{change}.{issue}", "nats", "published", "JetStream",
        "The stream PARLEY: each event once, in position order; the sequence of the stream is the position.",
    ) | {
        "parameters": {
            "kind": {"enum": [*KINDS, "record"], "description": "The kind of the event's type."},
            "change": {"enum": changes, "description": "The change of the event's type."},
            "issue": {"description": "The first of the event's issues.", "examples": [ISSUE]},
        },
    }  # fmt: skip


def _over_http(method: str) -> Schema:
    return {"bindings": {"http": {"method": method, "bindingVersion": "0.3.0"}}}


def _send(channel: str, message: str, summary: str, bindings: Schema) -> Schema:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "description": f"{summary}: one message an event.",
        "tags": TAGS,
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
        **bindings,
    }


def _message(name: str, summary: str, media_type: str, schema: str, example: Schema) -> Schema:
    return {
        "name": name,
        "title": summary,
        "summary": summary,
        "contentType": media_type,
        "payload": {"schemaFormat": JSON_SCHEMA, "schema": {"$ref": f"openapi.json#/components/schemas/{schema}"}},
        "examples": [{"name": name, "payload": example}],
    }


def _cloud_event(
    name: str,
    headers: dict[str, str],
    summary: str = "A recorded event as a CloudEvent",
    schema: str = "CloudEvent",
    example: Schema = CLOUD_EVENT,
) -> Schema:
    """Describe a message that is a CloudEvent, with the descriptions of its headers."""
    properties = {header: {"type": "string", "description": text} for header, text in headers.items()}
    message = _message(name, summary, MEDIA_TYPE, schema, example)
    return message | {"headers": {"type": "object", "properties": properties}}
