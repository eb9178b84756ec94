"""The jars that Maven brings for a pom are those whose licences are listed."""

from pathlib import Path

from benchmarks.peers import kafka_streams
from deploy.licences import known, locked
from deploy.local import jars


def jars_in(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.jar"))


def listed(pom: str) -> list[str]:
    return sorted(key.replace(" ", "-") for key in known.table()["Java"][pom] if key != "pom")


def test_every_jar_of_kafka_is_listed() -> None:
    assert listed("deploy/local/kafka/pom.xml") == jars_in(jars.fetch())


def test_every_jar_of_the_competitor_is_listed() -> None:
    kafka_streams.build()
    assert listed("benchmarks/peers/streams/pom.xml") == jars_in(kafka_streams.folder() / "jars")


def test_there_is_no_other_pom() -> None:
    assert known.table()["Java"].keys() == locked.POMS.keys()
