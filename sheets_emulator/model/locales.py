"""What a spreadsheet's locale changes: the decimal mark, and how dates are typed and shown.

A small table of common ones; an unknown locale behaves as its language does, an unknown language as en_US.
"""

from typing import NamedTuple


class Locale(NamedTuple):
    """`date_order` is `mdy`, `dmy` or `ymd`: what `1/2/2024` means. `date` is the pattern of an automatic date."""

    decimal: str
    group: str
    date_order: str
    date: str
    currency: str


_US = Locale(".", ",", "mdy", "M/d/yyyy", "$")
_GB = Locale(".", ",", "dmy", "dd/MM/yyyy", "£")
_DE = Locale(",", ".", "dmy", "dd.MM.yyyy", "€")
_FR = Locale(",", "\u202f", "dmy", "dd/MM/yyyy", "€")
_ES = Locale(",", ".", "dmy", "d/M/yyyy", "€")
_SE = Locale(",", "\u00a0", "ymd", "yyyy-MM-dd", "kr")
_JP = Locale(".", ",", "ymd", "yyyy/MM/dd", "¥")

_BY_NAME = {"en_US": _US, "en_CA": _US._replace(date_order="ymd", date="yyyy-MM-dd")}
_BY_LANGUAGE = {
    "de": _DE,
    "at": _DE,
    "fr": _FR,
    "es": _ES,
    "it": _ES._replace(date="dd/MM/yyyy"),
    "pt": _ES._replace(date="dd/MM/yyyy"),
    "nl": _ES._replace(date="d-M-yyyy"),
    "pl": _DE._replace(currency="zł", group="\u00a0"),
    "ru": _DE._replace(currency="₽", group="\u00a0"),
    "cs": _DE._replace(currency="Kč", group="\u00a0"),
    "da": _DE._replace(currency="kr"),
    "fi": _DE._replace(group="\u00a0"),
    "sv": _SE,
    "ja": _JP,
    "zh": _JP,
    "ko": _JP._replace(currency="₩"),
}


def locale_of(name: str) -> Locale:
    """The conventions of a locale such as `en_US` or `de`."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    language, _, country = name.partition("_")
    if language == "en":
        return _US if country in ("", "US") else _GB
    return _BY_LANGUAGE.get(language, _US)
