"""The demo's page is served to this machine only, and says what was wrong with an action."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tabstream.operations.demo.person import Person
from tabstream.operations.demo.serving import application


@pytest.fixture
def page() -> Iterator[TestClient]:
    """The page of a demo whose parts are all away."""
    person = Person("http://127.0.0.1:9/person/v1", "nowhere", "Leads")
    try:
        # without `with`, nothing is watched
        yield TestClient(application(person, "postgresql://127.0.0.1:9/none"), base_url="http://127.0.0.1")
    finally:
        person.close()


def test_the_page_needs_nothing_from_elsewhere(page: TestClient) -> None:
    html = page.get("/").text
    assert "app.js" in html
    assert "style.css" in html
    for path in ("/", "/app.js", "/style.css"):
        answer = page.get(path)
        assert answer.status_code == 200
        assert "http://" not in answer.text
        assert "https://" not in answer.text


def test_other_host_names_are_refused(page: TestClient) -> None:
    assert page.get("/", headers={"host": "evil.example"}).status_code == 400


def test_a_form_of_another_site_is_refused(page: TestClient) -> None:
    assert page.post("/tab/undo", data={"a": "b"}).status_code == 415


BAD: list[tuple[str, object, str]] = [
    ("/tab/type", {"cell": "A1"}, "text"),
    ("/tab/insert", {"row": "x"}, "'x'"),
    ("/table/set", {"key": "1", "column": "nonsense", "text": ""}, "no column 'nonsense'"),
    ("/table/delete", [], "indices"),
]


@pytest.mark.parametrize(("path", "body", "reason"), BAD)
def test_an_action_that_makes_no_sense_is_refused_with_a_reason(
    page: TestClient, path: str, body: object, reason: str
) -> None:
    answer = page.post(path, json=body)
    assert answer.status_code == 400
    assert reason in answer.json()["reason"]


@pytest.mark.parametrize(("path", "body"), [("/tab/undo", {}), ("/table/insert", {})])
def test_a_part_that_is_away_is_told(page: TestClient, path: str, body: object) -> None:
    answer = page.post(path, json=body)
    assert answer.status_code == 400
    assert "refused" in answer.json()["reason"].lower() or "connect" in answer.json()["reason"].lower()
