"""Text as a cell can hold it, and values as a person reads them in a reason.

Line ends are \\n in a cell and control characters other than \\n and tab are left out, on both paths: a text that only
differs in them is the same cell, and a person's edit of such a cell saves the text without them.
"""

import re

from tabstream.core.cells import MAX_CELL_CHARACTERS, CellValue, number
from tabstream.errors import NotAccepted

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CUT = re.compile(r"… \[cut by tabstream: [\d,]+ characters\]\s*$")
_SHOWN_IN_REASON = 60


def clean(text: str | None) -> str | None:
    """The text with \\n as its only line end and without control characters; None if nothing is left."""
    if not text:
        return None
    if not text.isprintable() and _CONTROL.search(text):  # most texts are printable, which is quickly said
        text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return text or None


def fitted(text: str | None) -> str | None:
    """The cleaned text, cut and marked if a cell can't hold it. Google counts UTF-16 units, as JavaScript does."""
    return fitted_clean(clean(text))


def fitted_clean(text: str | None) -> str | None:
    """The same of a text that is clean already."""
    if text is None or 2 * len(text) <= MAX_CELL_CHARACTERS or _units(text) <= MAX_CELL_CHARACTERS:
        return text
    mark = f"… [cut by tabstream: {len(text):,} characters]"
    room = 2 * (MAX_CELL_CHARACTERS - len(mark))
    return text.encode("utf-16-le")[:room].decode("utf-16-le", "ignore") + mark


def refuse_cut(text: str) -> None:
    """Raises NotAccepted for a text that `fitted` has cut: saving it would lose the rest."""
    if _CUT.search(text):
        raise NotAccepted("this text was too long for a cell and is cut, so it can't be changed in the sheet")


def plain_number(value: float) -> str:
    """A number as a person writes it: integral ones without a fraction, no exponent where digits will do."""
    value = number(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def in_words(value: CellValue) -> str:
    """A value as a reason names it: text in quotes and shortened, TRUE and FALSE as the sheet shows them."""
    if value is None:
        return "an empty cell"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= _SHOWN_IN_REASON else f'"{value[:_SHOWN_IN_REASON]}…"'
    return plain_number(value)


def quantised(value: float) -> float:
    """The number to 15 significant digits, which is what survives any way through a spreadsheet."""
    return number(float(f"{value:.15g}"))


def kept(value: CellValue) -> CellValue:
    """The canonical form of a cell whose content does not fit its column: it stays what it is."""
    if value is None or isinstance(value, bool | str):
        return cleaned(value)
    return quantised(value)


def cleaned(value: CellValue) -> CellValue:
    """The value, with its text cleaned if it is one; what is read again after that is read the same."""
    return clean(value) if isinstance(value, str) else value


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
