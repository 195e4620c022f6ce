"""What an error of the database means for an edit that met it."""

import psycopg
import pytest

from tabstream.postgres.failures import Failure, failure_of


@pytest.mark.parametrize(
    ("condition", "failure"),
    [
        ("query_canceled", Failure.BUSY),  # statement_timeout
        ("25P04", Failure.BUSY),  # transaction_timeout
        ("25P03", Failure.UNAVAILABLE),  # idle_in_transaction_session_timeout
        ("check_violation", Failure.REFUSED),
    ],
)
def test_a_timeout_is_not_the_value_s_fault(database_url: str, condition: str, failure: Failure) -> None:
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.Error) as met:
        connection.execute(f"DO $$BEGIN RAISE EXCEPTION USING ERRCODE = '{condition}'; END$$".encode())
    assert failure_of(met.value) is failure
