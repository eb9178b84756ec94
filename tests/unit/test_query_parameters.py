"""Dates, moments and `seq`s in questions: RFC 3339 or a number, and nothing that could be taken for either."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from services.aggregator.api.changes.models import ChangesQuestion
from services.aggregator.api.history.models import HistoryQuestion
from services.aggregator.api.parameters import PlanQuestion
from services.aggregator.api.plans.models import PlansQuestion


@pytest.mark.parametrize(
    "text", ["0", "1609372800", "20201231", "2020-W53-4", "2020-1-1", "2020-13-01", "２０２０-12-31", ""]
)
def test_what_is_no_date_of_rfc_3339_is_refused(text: str) -> None:
    for question, name in (
        (PlanQuestion, "as_of"),
        (PlansQuestion, "as_of"),
        (HistoryQuestion, "from"),
        (HistoryQuestion, "to"),
    ):
        with pytest.raises(ValidationError):
            question.model_validate({name: text})


@pytest.mark.parametrize(
    "text", ["20201231", "20210108", "-1", "1e3", "2020-12-31T", "2020-W53-4", "²", "1_2", "9" * 20]
)
def test_a_number_that_may_be_a_date_is_no_seq(text: str) -> None:
    with pytest.raises(ValidationError):
        ChangesQuestion.model_validate({"since": text})
    with pytest.raises(ValidationError):
        PlanQuestion.model_validate({"known_at": text})


def test_dates_moments_and_seqs_are_taken() -> None:
    assert ChangesQuestion.model_validate({"since": "2020-12-31"}).since == date(2020, 12, 31)
    assert ChangesQuestion.model_validate({"since": "8123"}).since == 8123
    assert PlanQuestion.model_validate({"known_at": "8123"}).known_at == 8123
    moment = datetime(2026, 11, 23, 13, 41, 7, tzinfo=UTC)
    assert PlanQuestion.model_validate({"known_at": "2026-11-23t20:41:07+07:00"}).known_at == moment
    assert PlanQuestion.model_validate({"as_of": "2020-12-31"}).as_of == date(2020, 12, 31)
