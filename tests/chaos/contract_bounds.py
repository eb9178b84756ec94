"""Whatever the aggregator accepts, every projection takes: events at the bounds of the contract, decided and applied.

Events are made from the JSON Schema of each kind: texts as long as they may be, of characters of all planes that no
compression makes shorter, numbers and days at their ends. Some are made wrong. They are decided by the aggregator's own
state; what it would write has to fit the topics, be read back by the state, and be applied by the projections of all
services to a database. A field or pattern that this file can't generate is an error.
"""

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from aiokafka import ConsumerRecord
from sqlalchemy import Connection, Engine, MetaData, func, select

from schemas.codec import read_fact
from schemas.facts import statement
from schemas.fields import DAY, EVENT_ID, TEXT
from schemas.registry import BY_TYPE, KINDS, PLAN_VERSION, Kind
from schemas.reports import PERIOD, PROGRAM, PrivatePartErased
from schemas.secret import Secret
from schemas.topics import LIMITS, TOPICS
from schemas.vocabulary import SUB_DIMENSIONS
from services.aggregator.api import projection as realization
from services.aggregator.worker.partition import _reject, _snapshot
from services.aggregator.worker.records import InputRecord as Input
from services.aggregator.worker.records import Message
from services.aggregator.worker.state import PartitionState
from services.evaluations import projection as evaluations
from services.kit.projection.databases import open_engine, reading, writing
from services.kit.projection.records import Place, Record, record_of
from services.programs import projection as programs
from services.programs.events.queries import find

Json = dict[str, Any]

CHUNK = 100  # events decided, and then applied, together
RECEIVED_MS = 1_798_000_000_000  # 2026
ORGANIZATIONS = ("a", "0" * 63, "dinas-" + "x" * 57)
SECRET = Secret("of the chaos tests, long enough")
MOST = {"programs": 40, "departments": 3}  # of a list; a whole plan version is large enough in other ways
LISTED = 6

CHARACTERS = 60_000  # of all planes, so that a text has 16 bits in each

# What a database, an index, a driver or a page might stumble over, beside characters of any plane.
AWKWARD = (
    "\\", "'", '"', "%", "\u00a0", "\u0301", "\u200b", "\u202e", "\u2028", "\ufeff", "\ufffd", "\ud7ff", "\ue000",
    "\U0001f468", "\U0001fffe", "\U0010ffff", "\u0130", "\u1e9e",
)  # fmt: skip


class DiffersError(Exception):
    """What was accepted is not taken, or not found again."""


class EventAtBounds(NamedTuple):
    """An event that was made, on its topic."""

    topic: str
    value: bytes


class _Maker:
    """Values at the bounds of a JSON Schema, by chance."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        planes = ((0xA1, 0xD7FF), (0xE000, 0xFDCF), (0x10000, 0x1FFFF), (0x20000, 0x10FFFF))
        self._characters = [chr(chance.randint(*chance.choice(planes))) for _ in range(CHARACTERS)] + list(AWKWARD)
        self._patterns: dict[str, Callable[[int], str]] = {
            TEXT: lambda most: self.text(most, "\t\n\r\u0085"),
            EVENT_ID: self.text,
            DAY: lambda _: self.day(),
            PERIOD: lambda _: f"{self.day()[:4]}-{chance.choice(('01', '12', 'Q1', 'Q4'))}",
            PROGRAM: lambda _: self.code(),
            r"^[0-9a-f]{64}$": lambda _: f"{chance.getrandbits(256):064x}",
            r"^[0-9]{2}(\.[0-9]{2})?$": lambda _: chance.choice(("00", "99.99")),
            r"^2[01][0-9]{2}$": lambda _: chance.choice(("2000", "2026", "2199")),
        }

    def of(self, schema: Json, definitions: Json) -> Any:
        """A value of a schema."""
        if "$ref" in schema:
            return self.of(definitions[schema["$ref"].rpartition("/")[2]], definitions)
        if "anyOf" in schema:
            return self.of(self._chance.choice(schema["anyOf"]), definitions)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._chance.choice(schema["enum"])
        match schema["type"]:
            case "null":
                return None
            case "boolean":
                return self._chance.random() < 0.5
            case "integer" | "number":
                return self._number(schema)
            case "string":
                return self._string(schema)
            case "array":
                least: int = schema.get("minItems", 0)
                count = self._chance.choice((least, least + 1, LISTED))
                return [self.of(schema["items"], definitions) for _ in range(min(count, schema.get("maxItems", count)))]
            case "object":
                return self._object(schema, definitions)
        raise DiffersError(f"no generator for {schema}")

    def _object(self, schema: Json, definitions: Json) -> Json:
        if "properties" in schema:
            return {
                name: self.of(inner, definitions)
                for name, inner in schema["properties"].items()
                if name in schema.get("required", ()) or self._chance.random() < 0.7
            }
        of_names = {"type": "string", **schema.get("propertyNames", {})}
        patterns = schema.get("patternProperties")
        if patterns:
            ((pattern, inner),) = patterns.items()
            of_names["pattern"] = pattern
        else:
            inner = schema["additionalProperties"]
        return {self.of(of_names, definitions): self.of(inner, definitions) for _ in range(self._chance.randrange(4))}

    def _number(self, schema: Json) -> int:
        least, most = int(schema["minimum"]), int(schema["maximum"])
        return self._chance.choice((least, most, self._chance.randint(least, most)))

    def _string(self, schema: Json) -> str:
        most: int = schema.get("maxLength", 64)
        pattern: str | None = schema.get("pattern")
        if pattern is None:
            return self.text(most)
        if pattern in self._patterns:
            return self._patterns[pattern](most)
        if pattern.startswith("^https?"):
            return "https://" + self.text(most - 8).replace("\u2028", "x").replace("\u00a0", "x")
        if "council" in pattern:
            return f"/plans/{self._chance.choice(ORGANIZATIONS)}/council"  # corrected by the caller, who knows the plan
        if pattern.startswith("^[!#$&"):
            return "application/" + "x" * (most - 12)
        if pattern.startswith("^(?:[a-z0-9]"):
            return self._chance.choice(ORGANIZATIONS)
        if pattern.startswith("^(?:(?:0|[1-9]"):
            return self._chance.choice(("0", "0.01", "99.99", "100", "33.3"))
        raise DiffersError(f"no generator for a text of {pattern}")

    def text(self, most: int, also: str = "") -> str:
        """A text of up to so many characters that can't be made shorter."""
        length = self._chance.choice((1, min(most, 40), min(most, 40), min(most, 300), most))
        text = "".join(self._chance.choices(self._characters, k=length))
        return self._chance.choice(also) + text[1:] if also and self._chance.random() < 0.1 else text

    def day(self) -> str:
        """A day that has begun."""
        if self._chance.random() < 0.1:
            return self._chance.choice(("1000-01-01", "2000-02-29"))
        return (date(2015, 1, 1) + timedelta(days=self._chance.randrange(4_000))).isoformat()

    def code(self) -> str:
        """The code of a program."""
        return self._chance.choice(("A", "P" * 31 + str(self._chance.randrange(10)), f"P-{self._chance.randrange(60)}"))


class Events:
    """Events for some plans. The same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._make = _Maker(self._chance)
        self._plans = [f"kota-{number}" for number in range(10)] + ["z" * 63, "9"]
        self._versions = dict.fromkeys(self._plans, 0)
        self._sent: dict[str, list[Json]] = {plan: [] for plan in self._plans}
        self._kinds = [kind for kind in KINDS if kind is not PLAN_VERSION]
        self._schemas = {kind: kind.data.model_json_schema() for kind in KINDS}

    def take(self, count: int) -> Iterator[EventAtBounds]:
        """So many events, of all kinds; first a version of each plan."""
        for plan in self._plans[:count]:
            yield self._sent_of(PLAN_VERSION, self._event(PLAN_VERSION, plan))
        for _ in range(count - len(self._plans)):
            plan, draw = self._chance.choice(self._plans), self._chance.random()
            kind = PLAN_VERSION if draw < 0.002 else self._chance.choice(self._kinds)
            event = self._event(kind, plan)
            if 0.90 < draw < 0.93 and self._sent[plan]:  # once more, or the same name for something else
                event = self._chance.choice(self._sent[plan])
                if draw > 0.92:
                    event = event | {"time": "2020-01-01T00:00:00Z"}
                kind = BY_TYPE[event["type"]]
            yield self._wrong(self._sent_of(kind, event)) if draw > 0.93 else self._sent_of(kind, event)

    def _sent_of(self, kind: Kind, event: Json) -> EventAtBounds:
        return EventAtBounds(kind.topic, json.dumps(event, ensure_ascii=self._chance.random() < 0.5).encode())

    def _wrong(self, sent: EventAtBounds) -> EventAtBounds:
        """Something is wrong with it, of what a database could stumble over."""
        event = json.loads(sent.value)
        text = self._chance.choice(("\x00", "\ud800", "x" * 5_000, "\udfff\x00", "\U0010ffff" * 300))
        match self._chance.randrange(5):
            case 0:
                event["id"] += text
            case 1:
                event["source"] += text
            case 2:
                event["data"][text] = text
            case 3:
                return sent._replace(value=sent.value[: self._chance.randrange(len(sent.value))])
            case _:
                event["type"] += text
        return sent._replace(value=json.dumps(event).encode())

    def _event(self, kind: Kind, plan: str) -> Json:
        schema = self._schemas[kind]
        data = self._make.of(schema, schema.get("$defs", {}))
        self._agree(kind.name, plan, data)
        who = self._chance.choice(kind.senders)
        event = {
            "specversion": "1.0",
            "id": self._make.text(256),
            "source": f"/plans/{plan}/council" if who == "council" else f"/plans/{plan}/{who}/{self._organization()}",
            "type": kind.event_type,
            "time": self._make.day() + "T23:59:59.999999Z",
            "data": data,
        }
        if kind.attested == "must":
            event = _attested(event)
        if len(json.dumps(event)) < LIMITS[kind.topic] // 2:
            self._sent[plan] = [*self._sent[plan][-200:], event]
        return event

    def _organization(self) -> str:
        return self._chance.choice(ORGANIZATIONS)

    def _agree(self, kind: str, plan: str, data: Json) -> None:
        """What a schema can't say: fields that have to agree with one another."""
        match kind:
            case "report":
                if data["status"] == "realized":
                    data["physical"] = 100
                data.setdefault("effective_on", self._make.day())
                data["effective_on"] = data["effective_on"] or self._make.day()
            case "retraction" | "erasure":
                of = self._chance.choice(self._sent[plan]) if self._sent[plan] else {"id": "x"}
                data |= {"source": of.get("source", f"/plans/{plan}/council"), "id": of["id"]}
            case "visit":
                data["programs"] = list({seen["program"]: seen for seen in data["programs"]}.values())
            case "plan-version":
                self._agree_in_a_plan(plan, data)

    def _agree_in_a_plan(self, plan: str, data: Json) -> None:
        version = self._versions[plan] + 1
        if version > 3:
            version = 100_000  # as if all between had been there
        self._versions[plan] = version
        data |= {"version": version, "expects": version - 1 or None, "start_year": 2000, "end_year": 2100}
        data["time_zone"] = "Asia/Pontianak"
        name = {"id": self._make.text(300), "en": self._make.text(300)}
        data["departments"] = [{"key": key, "name": name} for key in ORGANIZATIONS]
        schema = self._schemas[PLAN_VERSION]
        definitions = schema["$defs"]
        found = {}
        for _ in range(self._chance.choice((0, MOST["programs"]))):
            program = self._make.of(definitions["Program"], definitions)
            program["sub_dimension"], dimension = self._chance.choice(list(SUB_DIMENSIONS.items()))
            program |= {"dimension": dimension.value, "start_year": 2000, "department": self._organization()}
            found[program["code"]] = program
        data["programs"] = list(found.values())
        for targets in (data.get("targets", {}), *data.get("dimension_targets", {}).values()):
            targets.update(dict(zip(sorted(targets), ("0", "50", "99.99", "100"), strict=False)))


def _attested(event: Json) -> Json:
    """The event as intake sends it on for the administrator."""
    claim = PrivatePartErased.model_validate_json(json.dumps(event | {"attestedrole": "administrator"}))
    return claim.model_dump(mode="json", exclude={"data_base64"}) | {"attestation": SECRET.mark(statement(claim))}


class _Follower:
    """A service's projection on a database: its tables, and how it applies records."""

    def __init__(
        self,
        engine: Engine,
        tables: MetaData,
        topics: Sequence[str],
        apply: Callable[[Connection, Sequence[Record]], None],
    ) -> None:
        self._engine, self._topics, self._apply = engine, topics, apply
        tables.create_all(engine)

    def take(self, records: Sequence[Record]) -> None:
        with writing(self._engine) as connection:
            self._apply(connection, [record for record in records if record.topic in self._topics])


class ContractBounds:
    """The aggregator's state of one partition, and all projections of what it writes, on each database."""

    def __init__(self, databases: Sequence[str]) -> None:
        self._engines = [open_engine(database) for database in databases]
        tables = realization.Tables()
        self._followers = [
            follower
            for engine in self._engines
            for follower in (
                _Follower(engine, programs.tables, programs.TOPICS, programs.apply),
                _Follower(engine, evaluations.tables, evaluations.TOPICS, evaluations.apply),
                _Follower(engine, tables.metadata, realization.TOPICS, tables.apply),
            )
        ]
        self._state, self._restored = (PartitionState(0, 1, SECRET) for _ in range(2))
        self._ends: Counter[str] = Counter()
        self._limits = {topic.name: int(topic.config["max.message.bytes"]) for topic in TOPICS}
        self.accepted: Counter[str] = Counter()  # by kind
        self.rejected: Counter[str] = Counter()  # by reason
        self._names: list[tuple[str, str]] = []

    def play(self, sent: Sequence[EventAtBounds]) -> None:
        """Decide events and apply what is written of them. Raises whatever is raised."""
        for topic in LIMITS:
            inputs = [Input(self._next(topic), RECEIVED_MS, None, one.value, ()) for one in sent if one.topic == topic]
            if inputs:
                self._write(topic, inputs)

    def _write(self, topic: str, inputs: list[Input]) -> None:
        folded = self._state.fold(topic, inputs)
        self.rejected.update(refused.why.reason.value for refused in folded.refused)
        records = [self._written("facts", message) for message in folded.facts]
        records += [self._written("facts-private", message) for message in folded.private]
        records += [self._written("rejected", _reject(topic, 0, refused)) for refused in folded.refused]
        changed = list(self._state.changed)
        self._state.changed.clear()
        records += [self._written("realization", _snapshot(self._state.snapshot(plan))) for plan in changed]
        for follower in self._followers:
            follower.take(records)
        for message in folded.facts:
            assert message.value is not None
            self._restored.restore(read_fact(message.value), message.value)
            event = json.loads(message.value)["event"]
            self.accepted[event["type"]] += 1
            self._names.append((event["source"], event["id"]))

    def _written(self, topic: str, message: Message) -> Record:
        """A message as a projection reads it, if the broker takes it."""
        size = len(message.key or b"") + len(message.value or b"")
        size += sum(len(name) + len(value or b"") for name, value in message.headers)
        if size + 200 > self._limits[topic]:  # with what a batch adds
            raise DiffersError(f"a record of {size} bytes does not fit {topic}: {message.key!r}")
        fetched = ConsumerRecord(
            topic=topic,
            partition=0,
            offset=self._next(topic),
            timestamp=RECEIVED_MS,
            timestamp_type=1,  # LogAppendTime
            key=message.key,
            value=message.value,
            checksum=None,
            serialized_key_size=len(message.key or b""),
            serialized_value_size=len(message.value or b""),
            headers=message.headers,
        )
        return record_of(Place(topic, 0), fetched)

    def _next(self, topic: str) -> int:
        self._ends[topic] += 1
        return self._ends[topic] - 1

    def check(self, chance: random.Random) -> None:
        """Every kind was accepted, every fact is in the tables, and is found by its name."""
        missing = BY_TYPE.keys() - self.accepted.keys()
        if missing:
            raise DiffersError(f"none was accepted of {missing}; rejected: {self.rejected}")
        for engine in self._engines:
            with reading(engine) as connection:
                kept = sum(
                    connection.execute(select(func.count()).select_from(table)).scalar_one()
                    for table in (programs.REPORTS, programs.OTHERS)
                )
                if kept != self.accepted.total():
                    raise DiffersError(
                        f"{self.accepted.total()} were accepted, {kept} are in the tables of {engine.url}"
                    )
                for source, event_id in chance.sample(self._names, min(len(self._names), 300)):
                    found = find(connection, source, event_id)
                    if found is None or found["outcome"] != "accepted":
                        raise DiffersError(f"{event_id!r} of {source} is not found again on {engine.url}: {found}")

    def close(self) -> None:
        """Release the databases."""
        for engine in self._engines:
            engine.dispose()


def play(seed: int, events: int, databases: Sequence[str]) -> ContractBounds:
    """Make events, decide them, apply what is written, and look for it again. Raises when something is not taken."""
    played = ContractBounds(databases)
    try:
        made = Events(seed).take(events)
        while chunk := list(itertools.islice(made, CHUNK)):
            played.play(chunk)
        played.check(random.Random(seed))
    finally:
        played.close()
    return played
