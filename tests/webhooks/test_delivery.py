"""What receivers get: every event, signed, in order; again after a failure; until they want no more."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from service.webhooks.rules import SCHEDULE, Rules
from service.webhooks.send import Message, headers, outcome_of
from service.webhooks.store import Subscription
from tests.servers import serving
from tests.webhooks.receivers import Answered, Received, Receiver, receiving
from tests.webhooks.service import Service, facts

if TYPE_CHECKING:
    from collections.abc import Iterator

FLAGS = ("--webhooks-allow-private", "--webhooks-schedule", "0,0.02,0.02,0.02")
TRIES = 4


@pytest.fixture(scope="module")
def service(shared_url: str) -> Iterator[Service]:
    """A service on each database in turn, that tries an event four times within a moment."""
    with serving(shared_url, *FLAGS, "--log-level", "DEBUG") as server:
        running = Service(server)
        running.open_issues()
        yield running


@pytest.fixture
def receiver(service: Service) -> Iterator[Receiver]:
    """A receiver of this test's own; nothing is sent to it afterwards."""
    with receiving() as running:
        yield running
        for each in service.ask("GET", "/v1/subscriptions").json()["items"]:
            service.ask("DELETE", f"/v1/subscriptions/{each['id']}")


def verified(secret: str, request: Received) -> bool:
    """Return whether the library of Standard Webhooks takes a request for genuine."""
    try:
        Webhook(secret).verify(request.body, request.headers)
    except WebhookVerificationError:
        return False
    return True


def test_events_come_complete_in_order_and_signed(service: Service, receiver: Receiver) -> None:
    """A subscriber gets every event recorded from then on, once, in position order, as a signed CloudEvent."""
    made = service.subscribe(receiver.url)
    sent = facts(400)
    positions = service.record(sent, size=7)
    requests = receiver.wait_for(len(sent))
    assert receiver.positions == positions
    assert [request.id for request in requests] == [event["id"] for event in sent]
    assert all(verified(made["secret"], request) for request in requests)
    assert {request.headers["content-type"] for request in requests} == {"application/cloudevents+json"}
    assert [json.loads(request.body)["data"]["item"] for request in requests] == [event["item"] for event in sent]
    assert service.until_read(made["id"])["position"] == positions[-1]


def test_a_forged_body_does_not_verify(service: Service, receiver: Receiver) -> None:
    """The signature is over the body: another body, or another secret, is refused by the library."""
    made = service.subscribe(receiver.url)
    service.record(facts(1))
    (request,) = receiver.wait_for(1)
    assert not verified(made["secret"], request._replace(body=request.body.replace(b"1.0", b"1.1")))
    assert not verified("whsec_" + "A" * 44, request)


def test_a_connection_is_used_again(service: Service, receiver: Receiver) -> None:
    """Many events go over one connection."""
    service.subscribe(receiver.url)
    service.record(facts(50))
    receiver.wait_for(50)
    assert receiver.connections == 1


def test_a_subscription_from_the_beginning_gets_the_whole_log(service: Service, receiver: Receiver) -> None:
    """With `after: 0` the subscriber gets what was recorded before it subscribed, then what follows."""
    head = service.record(facts(3))[-1]
    service.subscribe(receiver.url, after=0)
    receiver.wait_for(head)
    last = service.record(facts(2))[-1]
    receiver.wait_for(last)
    assert receiver.positions == list(range(1, last + 1))


def test_a_filtered_subscription_moves_past_the_rest(service: Service, receiver: Receiver) -> None:
    """Only events for which all conditions hold are sent; the position reaches the head all the same."""
    made = service.subscribe(receiver.url, type="restriction.eased", issue="load-one")
    assert (made["type"], made["issue"]) == ("restriction.eased", "load-one")
    sent = facts(120)
    positions = service.record(sent)
    query = f"type=restriction.eased&issue=load-one&after={positions[0] - 1}&limit=1000"
    wanted = [event["position"] for event in service.ask("GET", f"/v1/feed?{query}").json()["events"]]
    named = [
        position
        for position, event in zip(positions, sent, strict=True)
        if event["type"] == "restriction.eased" and "load-one" in event["issues"]
    ]
    assert service.until_read(made["id"])["position"] >= positions[-1]
    assert receiver.positions == wanted
    assert set(named) <= set(wanted) < set(positions)


def test_an_event_that_failed_comes_again_under_the_same_id(service: Service, receiver: Receiver) -> None:
    """A receiver that fails twice gets the same `webhook-id` a third time, and only then the next event."""
    receiver.answer = lambda number, _request: Answered(500 if number < 2 else 200)
    made = service.subscribe(receiver.url)
    first, second = service.record(facts(2))
    requests = receiver.wait_for(4)
    assert receiver.positions == [first, first, first, second]
    assert len({request.id for request in requests[:3]}) == 1
    assert all(verified(made["secret"], request) for request in requests)
    assert service.until_read(made["id"])["failures"] == 0
    tried = [(each["position"], each["attempt"], each["status"]) for each in service.deliveries(made["id"])]
    assert tried == [(first, 1, 500), (first, 2, 500), (first, 3, 200), (second, 1, 200)]


def test_the_log_of_deliveries_names_event_and_fault(service: Service, receiver: Receiver) -> None:
    """Each try is logged with the event's id, when, how long, what was answered and what was wrong; newest first."""
    receiver.answer = lambda number, _request: Answered(404 if number == 0 else 202)
    made = service.subscribe(receiver.url)
    (event,) = facts(1)
    service.record([event])
    receiver.wait_for(2)
    service.until_read(made["id"])
    page = service.ask("GET", f"/v1/subscriptions/{made['id']}/deliveries?limit=1").json()
    (newest,) = page["items"]
    assert (newest["event"], newest["attempt"], newest["status"], newest["detail"]) == (event["id"], 2, 202, None)
    rest = service.ask("GET", f"/v1/subscriptions/{made['id']}/deliveries?limit=1&cursor={page['next']}").json()
    assert [(each["attempt"], each["detail"]) for each in rest["items"]] == [(1, "answered 404")]
    assert rest["next"] is None


def test_a_receiver_that_is_gone_is_left_alone(service: Service, receiver: Receiver) -> None:
    """410 disables at once, without another try."""
    receiver.answer = lambda _number, _request: Answered(410)
    made = service.subscribe(receiver.url)
    position = service.record(facts(2))[0]
    found = service.until_state(made["id"], "disabled")
    assert "410" in found["reason"]
    assert receiver.positions == [position]
    assert found["position"] == position - 1


def test_a_redirect_is_a_failure_and_is_not_followed(service: Service, receiver: Receiver) -> None:
    """3xx counts as a failed try; where it points to is never asked."""
    with receiving() as elsewhere:
        receiver.answer = lambda _number, _request: Answered(307, (("Location", elsewhere.url),))
        made = service.subscribe(receiver.url)
        service.record(facts(1))
        found = service.until_state(made["id"], "disabled")
        assert "redirect" in found["reason"]
        assert [each["status"] for each in service.deliveries(made["id"])] == [307] * TRIES
        assert elsewhere.connections == 0


def test_when_every_try_has_failed_it_is_disabled_until_made_active(service: Service, receiver: Receiver) -> None:
    """After the last try of the schedule the subscription is disabled with a reason; made active it begins again."""
    receiver.answer = lambda number, _request: Answered(503 if number < TRIES else 204)
    made = service.subscribe(receiver.url)
    first, second = service.record(facts(2))
    found = service.until_state(made["id"], "disabled")
    assert receiver.positions == [first] * TRIES
    assert (found["failures"], found["reason"]) == (TRIES, f"{TRIES} tries failed: answered 503")
    assert service.ask("PATCH", f"/v1/subscriptions/{made['id']}", {"state": "active"}).json()["failures"] == 0
    receiver.wait_for(TRIES + 2)
    assert receiver.positions[TRIES:] == [first, second]


def test_nobody_there_is_a_failure(service: Service) -> None:
    """A port on which nobody listens is tried as often as any other, and logged without a status."""
    with receiving() as gone:
        url = gone.url
    made = service.subscribe(url)
    service.record(facts(1))
    service.until_state(made["id"], "disabled")
    tried = service.deliveries(made["id"])
    assert [(each["status"], "ConnectError" in each["detail"]) for each in tried] == [(None, True)] * TRIES
    service.ask("DELETE", f"/v1/subscriptions/{made['id']}")


def test_a_receiver_is_waited_for_as_long_as_it_asks(service: Service, receiver: Receiver) -> None:
    """Where 429 names a second by Retry-After, the next try is not made before, whatever the schedule says."""
    receiver.answer = lambda number, _request: Answered(429, (("Retry-After", "1"),)) if number == 0 else Answered()
    made = service.subscribe(receiver.url)
    service.record(facts(1))
    receiver.wait_for(2)
    service.until_read(made["id"])
    first, second = (datetime.fromisoformat(each["at"]) for each in service.deliveries(made["id"]))
    assert second - first >= timedelta(seconds=1)


def test_a_replay_sends_the_log_again(service: Service, receiver: Receiver) -> None:
    """A replay sends the events after its position again, under the same ids, then what follows."""
    made = service.subscribe(receiver.url)
    positions = service.record(facts(40))
    receiver.wait_for(40)
    answer = service.ask("POST", f"/v1/subscriptions/{made['id']}/replay", {"after": positions[9]})
    assert answer.json()["position"] == positions[9]
    receiver.wait_for(70)
    positions += service.record(facts(1))
    requests = receiver.wait_for(71)
    assert receiver.positions[40:] == positions[10:]
    assert [request.id for request in requests[40:70]] == [request.id for request in requests[10:40]]


def test_after_a_rotation_both_secrets_verify(service: Service, receiver: Receiver) -> None:
    """The new secret signs at once, and the old one along with it."""
    made = service.subscribe(receiver.url)
    rotated = service.ask("POST", f"/v1/subscriptions/{made['id']}/secret", {}).json()
    assert rotated["secret"] != made["secret"]
    service.record(facts(1))
    (request,) = receiver.wait_for(1)
    assert len(request.headers["webhook-signature"].split(" ")) == 2
    assert verified(rotated["secret"], request)
    assert verified(made["secret"], request)


def test_a_day_after_a_rotation_only_the_new_secret_signs() -> None:
    """Until its end the old secret signs along; from then on it does not."""
    new, old = "whsec_" + "A" * 32, "whsec_" + "B" * 32
    row = Subscription("a", "", "{}", new, old, 5_000_000, 0, "active", "", 0, 0, 0, "", 0, 0)
    message = Message(1, "0197a2f0-3c50-7a10-8f00-000000000001", b"{}")
    counts = [dict(headers(row, message, now))[b"webhook-signature"].count(b"v1,") for now in (4_999_999, 5_000_000)]
    assert counts == [2, 1]


def test_a_given_secret_signs(service: Service, receiver: Receiver) -> None:
    """A secret that the subscriber brings along is the one that signs."""
    secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC2FVsBQIhrs="  # noqa: S105 - of this test
    assert service.subscribe(receiver.url, secret=secret)["secret"] == secret
    service.record(facts(1))
    (request,) = receiver.wait_for(1)
    assert verified(secret, request)


def test_secrets_are_shown_once(service: Service, receiver: Receiver) -> None:
    """No answer after the first, and no line of the log, has a secret."""
    receiver.answer = lambda number, _request: Answered(500 if number == 0 else 204)
    made = service.subscribe(receiver.url)
    path = f"/v1/subscriptions/{made['id']}"
    rotated = service.ask("POST", f"{path}/secret", {}).json()
    service.record(facts(1))
    receiver.wait_for(2)
    asked: list[tuple[str, str, object]]
    asked = [("GET", path, None), ("GET", "/v1/subscriptions", None), ("GET", f"{path}/deliveries", None)]
    asked += [("PATCH", path, {"state": "paused"}), ("POST", f"{path}/replay", {"after": 0})]
    texts = [service.ask(*each).text for each in asked] + [service.server.log()]
    for secret in (made["secret"], rotated["secret"]):
        assert not any(secret.removeprefix("whsec_") in text for text in texts)


def test_a_paused_subscription_keeps_its_place(service: Service, receiver: Receiver) -> None:
    """While paused nothing is sent; made active again it goes on where it was."""
    made = service.subscribe(receiver.url)
    path = f"/v1/subscriptions/{made['id']}"
    positions = service.record(facts(1))
    receiver.wait_for(1)
    service.until_read(made["id"])
    assert service.ask("PATCH", path, {"state": "paused"}).json()["state"] == "paused"
    positions += service.record(facts(2))
    with receiving() as other:  # by the time that another one has got them, this one would have
        also = service.subscribe(other.url, after=positions[0])
        other.wait_for(2)
        service.ask("DELETE", f"/v1/subscriptions/{also['id']}")
    assert receiver.positions == positions[:1]
    service.ask("PATCH", path, {"state": "active"})
    receiver.wait_for(3)
    assert receiver.positions == positions


def test_a_subscription_moves_to_another_receiver(service: Service, receiver: Receiver) -> None:
    """With another URL and filter it goes on from its place, there."""
    made = service.subscribe(receiver.url)
    service.record(facts(1))
    receiver.wait_for(1)
    service.until_read(made["id"])
    with receiving() as other:
        change = {"url": other.url, "filter": {"type": "restriction.tightened"}}
        changed = service.ask("PATCH", f"/v1/subscriptions/{made['id']}", change).json()
        assert (changed["url"], changed["type"]) == (other.url, "restriction.tightened")
        sent = facts(60)
        positions = service.record(sent)
        wanted = [at for at, event in zip(positions, sent, strict=True) if event["type"] == "restriction.tightened"]
        other.wait_for(len(wanted))
        assert other.positions == wanted != []
        assert len(receiver.requests) == 1
        service.ask("DELETE", f"/v1/subscriptions/{made['id']}")


def test_two_subscriptions_do_not_wait_for_each_other(service: Service, receiver: Receiver) -> None:
    """One that fails holds up nobody else."""
    receiver.answer = lambda _number, _request: Answered(500, (("Retry-After", "3600"),))
    service.subscribe(receiver.url)
    with receiving() as other:
        also = service.subscribe(other.url)
        positions = service.record(facts(20))
        other.wait_for(20)
        assert other.positions == positions
        service.ask("DELETE", f"/v1/subscriptions/{also['id']}")


@pytest.mark.slow
def test_old_deliveries_are_dropped(service: Service, receiver: Receiver) -> None:
    """About a thousand tries of a subscription are kept, the newest ones."""
    made = service.subscribe(receiver.url)
    positions = service.record(facts(1_600))
    receiver.wait_for(1_600)
    service.until_read(made["id"])
    kept = [each["position"] for each in service.deliveries(made["id"])]
    assert 1_000 <= len(kept) < 1_300
    assert kept == positions[-len(kept) :]


def test_the_schedule_is_that_of_standard_webhooks() -> None:
    """Ten tries over some three days, each wait a tenth longer or shorter by chance, then no more."""
    rules = Rules()
    waits = [rules.wait(failures, 0.5) for failures in range(1, 11)]
    assert waits == [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400, None]
    assert len(SCHEDULE) == 10
    assert rules.wait(1, 0.0) == pytest.approx(4.5)
    assert rules.wait(1, 0.999_999) == pytest.approx(5.5)


@pytest.mark.parametrize(
    ("status", "retry_after", "wait"),
    [
        (429, "120", 120.0),
        (503, "Thu, 01 Jan 1970 00:02:00 GMT", 60.0),
        (503, "Thu, 01 Jan 1970 00:00:10 GMT", 0.0),
        (503, "soon", 0.0),
        (503, "Thu, 01 Jan 0001 00:00:10 +9999", 0.0),
        (503, "Thu, 01 Jan 1970 00:00:10 +99999999999999999999", 0.0),
        (503, "Thu, 99 Jan 1970 00:00:10 GMT", 0.0),
        (429, "99999999999", 86_400.0),
        (500, "120", 0.0),
        (503, None, 0.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(status: int, retry_after: str | None, wait: float) -> None:
    """429 and 503 may ask for a wait, a day at most; what cannot be read, or comes with another status, is no wait."""
    now = int(datetime(1970, 1, 1, 0, 1, tzinfo=UTC).timestamp()) * 1_000_000
    assert outcome_of(status, retry_after, now).wait == wait
