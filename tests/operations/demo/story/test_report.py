"""The story's result says which steps failed, and why."""

from rich.console import Console

from tabstream.operations.demo.story.playing import story
from tabstream.operations.demo.story.report import report
from tabstream.operations.demo.story.step import Outcome
from tabstream.operations.measuring.percentiles import Spread


def printed(outcomes: list[Outcome], planned: int) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(report(outcomes, planned))
    return capture.get()


def test_a_step_is_shown_with_its_times_and_calls() -> None:
    text = printed([Outcome("a step", 1.26, Spread(10, 87, 1310, 1400), None, 12)], 1)
    row = next(line for line in text.splitlines() if "a step" in line)
    assert [part.strip() for part in row.strip("│ ").split("│")] == ["a step", "ok", "1.3", "87 ms / 1.3 s of 10", "", "12"]
    assert "1 of 1 steps went well" in text


def test_a_failed_step_shows_its_first_differences() -> None:
    details = tuple(f"lead_id {n}, name: should hold 'x' [sic]" for n in range(30))
    text = printed([Outcome("a step", 60, None, None, 0, "tab and table differ", details)], 2)
    assert "failed" in text
    assert "a step: tab and table differ" in text
    assert "lead_id 19, name: should hold 'x' [sic]" in text
    assert "lead_id 20" not in text
    assert "and 10 more" in text
    assert "0 of 2 steps went well" in text


def test_the_story_has_no_two_steps_of_one_name() -> None:
    names = [step.name for step in story()]
    assert len(set(names)) == len(names)
