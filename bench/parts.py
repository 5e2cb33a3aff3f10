"""What is measured. A part prepares a client and gives a list of operations; each operation checks its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.client import Client, Wrong, token_in

Operation = Callable[[], None]


@dataclass
class Scene:
    """What the fill told, and how far the candidates are."""

    port: int
    told: dict[str, Any]
    used: int = 0
    short_used: int = 0
    started: list[tuple[Client, dict[str, Any]]] = field(default_factory=list)
    handed_in: list[int] = field(default_factory=list)
    counter: int = 0
    tokens: dict[int, str] = field(default_factory=dict)

    def client(self, candidate: dict[str, Any]) -> Client:
        return Client(self.port, candidate["cookie"])

    def next_candidates(self, count: int) -> list[dict[str, Any]]:
        found = self.told["candidates"][self.used : self.used + count]
        self.used += len(found)
        return found


@dataclass(frozen=True)
class Part:
    name: str
    limit: float
    floor: str
    """Which floor it is compared with: select or insert."""
    count: int
    """Operations in a run; parts that use candidates up take as many as there are for a run."""
    operations: Callable[[Scene, int], list[Operation]]


def page(path: str, holds: str) -> Callable[[Scene, int], list[Operation]]:
    """The same page again and again, as two people signed in."""

    def operations(scene: Scene, count: int) -> list[Operation]:
        clients = [scene.client(one) for one in scene.told["candidates"][:2]]
        return [lambda c=clients[n % 2]: c.get(path, holds) and None for n in range(count)]  # type: ignore[misc]

    return operations


def sign_in(scene: Scene, count: int) -> list[Operation]:
    made = []
    for n in range(count):
        who = scene.told["candidates"][n % len(scene.told["candidates"])]
        client = Client(scene.port)
        token = token_in(client.get("/sign-in"))
        fields = {"csrf_token": token, "email": who["email"], "password": scene.told["password"]}
        made.append(lambda c=client, f=fields: c.form("/sign-in", f, 302) and None)
    return made  # type: ignore[return-value]


def start(scene: Scene, count: int) -> list[Operation]:
    made = []
    for who in scene.next_candidates(count):
        client = scene.client(who)
        token = token_in(client.get(f"/exams/sittings/{who['sitting']}/start"))
        scene.started.append((client, who))
        fields = {"csrf_token": token, "honour": "y"}
        made.append(lambda c=client, i=who["sitting"], f=fields: c.form(f"/exams/sittings/{i}/start", f, 302) and None)
    return made  # type: ignore[return-value]


def _begin(scene: Scene) -> None:
    """At least two candidates sit."""
    if not scene.started:
        for one in start(scene, 2):
            one()


def sitting_page(scene: Scene, count: int) -> list[Operation]:
    _begin(scene)
    made = []
    for n in range(count):
        client, who = scene.started[n % len(scene.started)]
        last = f'id="q{len(who["right"])}'
        made.append(lambda c=client, i=who["sitting"], h=last: c.get(f"/exams/sittings/{i}", h) and None)
    return made  # type: ignore[return-value]


def _open(scene: Scene, client: Client, who: dict[str, Any]) -> str:
    """The form token of the sitting; the first time the device is made the active one."""
    if who["sitting"] not in scene.tokens:
        token = token_in(client.get(f"/exams/sittings/{who['sitting']}"))
        client.json(
            f"/exams/sittings/{who['sitting']}/open", {"device": f"bench-device-{who['sitting']}", "token": token}
        )
        scene.tokens[who["sitting"]] = token
    return scene.tokens[who["sitting"]]


def saves(batch: int) -> Callable[[Scene, int], list[Operation]]:
    def operations(scene: Scene, count: int) -> list[Operation]:
        _begin(scene)
        return [_save(scene, *scene.started[n % len(scene.started)], batch, n) for n in range(count)]

    return operations


def _save(scene: Scene, client: Client, who: dict[str, Any], batch: int, n: int) -> Operation:
    token = _open(scene, client, who)
    places = sorted(who["right"], key=int)
    steps = []
    for k in range(batch):
        place = places[(n * batch + k) % len(places)]
        scene.counter += 1
        steps.append(
            {"question": int(place), "counter": scene.counter, "answer": who["right"][place], "at_ms": 1000 + n}
        )

    def save() -> None:
        reply = client.json(f"/exams/sittings/{who['sitting']}/answers", {"token": token, "epoch": 1, "steps": steps})
        for step in steps:
            if reply["saved"].get(str(step["question"]), 0) < step["counter"]:
                raise Wrong(f"a save was not taken: {reply}")

    return save


def looks(scene: Scene, count: int) -> list[Operation]:
    """A page that saves nothing asks whether there is news."""
    _begin(scene)
    made = []
    for n in range(count):
        client, who = scene.started[n % len(scene.started)]
        token, path = _open(scene, client, who), f"/exams/sittings/{who['sitting']}/answers"
        made.append(lambda c=client, p=path, t=token: _look(c, p, t))
    return made  # type: ignore[return-value]


def _look(client: Client, path: str, token: str) -> None:
    reply = client.json(path, {"token": token, "epoch": 1, "steps": []})
    if reply["state"] != "in_progress":
        raise Wrong(f"a look: {reply}")


def hand_in(scene: Scene, count: int) -> list[Operation]:
    while len(scene.started) < count and scene.used < len(scene.told["candidates"]):
        for one in start(scene, 1):
            one()
    return [_ready(scene, *scene.started.pop()) for _ in range(min(count, len(scene.started)))]


def hand_in_fifty(scene: Scene, count: int) -> list[Operation]:
    """The same with a paper of fifty questions, each begun for it."""
    chosen = scene.told["short"][scene.short_used : scene.short_used + count]
    scene.short_used += len(chosen)
    made = []
    for who in chosen:
        client, path = scene.client(who), f"/exams/sittings/{who['sitting']}/start"
        client.form(path, {"csrf_token": token_in(client.get(path)), "honour": "y"}, 302)
        made.append(_ready(scene, client, who))
    return made


def _ready(scene: Scene, client: Client, who: dict[str, Any]) -> Operation:
    """Everything answered and saved; what is left is the hand-in. Saved often enough that both processes know the sitting."""
    for _ in range(4):
        _save(scene, client, who, len(who["right"]), 0)()
    token = _open(scene, client, who)
    scene.handed_in.append(who["sitting"])
    return lambda: _hand_in(client, who["sitting"], token)


def _hand_in(client: Client, sitting: int, token: str) -> None:
    reply = client.json(f"/exams/sittings/{sitting}/hand-in", {"token": token, "epoch": 1, "steps": []})
    if reply["state"] not in ("submitted", "marked"):
        raise Wrong(f"hand-in: {reply}")


def verify_page(scene: Scene, count: int) -> list[Operation]:
    client = Client(scene.port)
    token = token_in(client.get("/verify"))
    fields = {"csrf_token": token, "number": scene.told["number"], "name": scene.told["name"]}
    return [lambda: client.form("/verify", fields, 200, scene.told["number"]) and None for _ in range(count)]  # type: ignore[misc]


def verify_json(scene: Scene, count: int) -> list[Operation]:
    client, body = Client(scene.port), {"number": scene.told["number"], "name": scene.told["name"]}

    def once() -> None:
        if client.json("/api/v1/verify", body)["state"] != "valid":
            raise Wrong("verification by JSON")

    return [once] * count


PARTS = (
    Part("home page", 7, "select", 40, page("/home", "考生")),
    Part("course page", 6, "select", 40, page("/training/courses/1", "学时")),
    Part("class list", 6, "select", 40, page("/training", "期初级班")),
    Part("sign-in", 4, "insert", 40, sign_in),
    Part("start a sitting", 5, "insert", 12, start),
    Part("sitting page", 7, "select", 40, sitting_page),
    Part("save one answer", 2, "insert", 120, saves(1)),
    Part("save ten answers", 3, "insert", 80, saves(10)),
    Part("save nothing: news", 1.5, "select", 120, looks),
    Part("hand in, 50 marked", 5, "insert", 12, hand_in_fifty),
    Part("hand in, 80 marked", 8, "insert", 12, hand_in),
    Part("verify, page", 2.5, "select", 60, verify_page),
    Part("verify, JSON", 1.8, "select", 60, verify_json),
)
