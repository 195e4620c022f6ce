"""A POST is believed if it is signed with the secret and sent now."""

import pytest

from sheet_producer.signature import Unauthorised, check_signature, check_time, sign

SECRET = b"tulip-tulip-tulip"
NOW_MS = 1_700_000_000_000
BODY = '{"id":"ä"}'.encode()


# Made with: printf '1700000000000.{"id":"ä"}' | openssl dgst -sha256 -hmac tulip-tulip-tulip
def test_the_signature_is_the_one_that_openssl_makes() -> None:
    assert sign(SECRET, str(NOW_MS), BODY) == "136ce025492d039b2112e114b9167572621cf22b3cb3dee31a1f908ab14d0321"


@pytest.mark.parametrize("change", [str.lower, str.upper, lambda text: f" {text} "])
def test_a_right_signature_is_taken_in_either_case(change: object) -> None:
    assert callable(change)
    check_signature([b"old", SECRET], str(NOW_MS), change(sign(SECRET, str(NOW_MS), BODY)), BODY)


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        (None, "X-Tabstream-Signature is missing"),
        ("", "does not match"),
        ("zz", "does not match"),
        ("ä\udcff", "does not match"),
        (sign(b"other", str(NOW_MS), BODY), "does not match"),
        (sign(SECRET, str(NOW_MS + 1), BODY), "does not match"),
        (sign(SECRET, str(NOW_MS), BODY + b" "), "does not match"),
    ],
)
def test_another_signature_is_refused_without_being_shown_bad(signature: str | None, message: str) -> None:
    with pytest.raises(Unauthorised, match=message) as raised:
        check_signature([SECRET], str(NOW_MS), signature, BODY)
    assert not signature or signature not in str(raised.value)


@pytest.mark.parametrize("off_ms", [-300_000, -1, 0, 300_000])
def test_a_time_within_the_limit_is_taken(off_ms: int) -> None:
    assert check_time(str(NOW_MS + off_ms), NOW_MS, 300) == str(NOW_MS + off_ms)


@pytest.mark.parametrize(
    ("timestamp", "message"),
    [
        (None, "X-Tabstream-Timestamp is missing"),
        ("", "not milliseconds"),
        ("soon", "not milliseconds"),
        ("-1", "not milliseconds"),
        ("1e12", "not milliseconds"),
        ("١٢٣", "not milliseconds"),
        ("9" * 5000, "not milliseconds"),
        (str(NOW_MS - 301_000), "the time stamp is 301 s off; at most 300 s are allowed"),
        (str(NOW_MS + 301_000), "the time stamp is 301 s off"),
        (str(NOW_MS // 1000), "off; at most"),
    ],
)
def test_another_time_is_refused_bad(timestamp: str | None, message: str) -> None:
    with pytest.raises(Unauthorised, match=message):
        check_time(timestamp, NOW_MS, 300)
