"""Every metric says what it is, in which unit, and what an operator does about it."""

import re

import pytest
from prometheus_client import REGISTRY

from tabstream import metrics
from tabstream.metrics import METRICS, Description


def test_no_name_stands_twice() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_described(metric: Description) -> None:
    assert re.fullmatch(r"(tabstream|kafka_consumergroup)_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert metric.name.endswith("_seconds") == (metric.unit == "seconds")
    assert metric.meaning
    assert metric.action


def test_prometheus_shows_the_described_metrics() -> None:
    shown = {family.name: family.type for family in REGISTRY.collect()}
    for metric in METRICS:
        assert shown[metric.name.removesuffix("_total")] == metric.kind


def test_labels_are_taken_in_the_described_order() -> None:
    metrics.CONSUMER_LAG.labels("tabstream-edits", "tabstream.edits", 3).set(7)
    labels = {"consumergroup": "tabstream-edits", "topic": "tabstream.edits", "partition": "3"}
    assert REGISTRY.get_sample_value("kafka_consumergroup_lag", labels) == 7
