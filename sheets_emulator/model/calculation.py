"""Computes formulas: references, numbers, texts, + - * / ^ &, comparisons, and the functions in `_FUNCTIONS`.

What else Google knows gives #NAME?, as an unknown name does there. A circle gives #REF!.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from sheets_emulator.model.entry import read_entry
from sheets_emulator.model.formats import general
from sheets_emulator.model.formulas import Reference, parts
from sheets_emulator.model.rows import Row
from sheets_emulator.model.values import ErrorValue, Formula, Result, Value, same
from sheets_emulator.model.workbook import Sheet, Workbook


class Failed(Exception):
    """The formula gives an error value."""

    def __init__(self, error: ErrorValue) -> None:
        super().__init__(error.message)
        self.error = error


def recalculated(workbook: Workbook) -> Workbook:
    """The workbook with every formula computed anew. Rows whose results stay are shared with the old one."""
    calculator = Calculator(workbook)
    for sheet in workbook.sheets:
        rows = sheet.rows
        for index, row in list(rows.formula_rows()):
            changed = _computed_row(calculator, sheet, index, row)
            if not all(map(same, changed, row.values)):
                rows = rows.spliced(index, index + 1, [row._replace(values=changed)])
        if rows is not sheet.rows:
            workbook = workbook.with_sheet(replace(sheet, rows=rows))
    return workbook


def _computed_row(calculator: "Calculator", sheet: Sheet, index: int, row: Row) -> tuple[Value, ...]:
    return tuple(
        Formula(value.text, calculator.result(sheet, index, column)) if isinstance(value, Formula) else value
        for column, value in enumerate(row.values)
    )


class Calculator:
    """Results of formulas against one workbook, each computed once."""

    def __init__(self, workbook: Workbook) -> None:
        self._workbook = workbook
        self._done: dict[tuple[int, int, int], Result] = {}
        self._open: set[tuple[int, int, int]] = set()

    def result(self, sheet: Sheet, row: int, column: int) -> Result:
        """The effective value of a cell."""
        value = sheet.cell(row, column).value
        if not isinstance(value, Formula):
            return value
        place = (sheet.id, row, column)
        if place in self._done:
            return self._done[place]
        if place in self._open:
            return ErrorValue("REF", "Circular dependency detected.")
        self._open.add(place)
        try:
            self._done[place] = _Parser(value.text, sheet, self).run()
        except RecursionError:
            self._done[place] = ErrorValue("ERROR", "The formula depends on too many others.")
        finally:
            self._open.discard(place)
        return self._done[place]

    def cells(self, home: Sheet, reference: Reference) -> list[Result]:
        """The effective values of a range, row by row."""
        sheet = home if reference.title is None else self._workbook.titled(reference.title)
        if sheet is None:
            raise Failed(ErrorValue("REF", f"Unresolved sheet name '{reference.title}'."))
        area = reference.rect.clipped(sheet.row_count, sheet.column_count)
        if area.is_empty:
            raise Failed(ErrorValue("REF", "Reference does not exist."))
        return list(self._values(sheet, area.start_row, area.end_row, area.start_column, area.end_column))

    def _values(self, sheet: Sheet, top: int, bottom: int, left: int, right: int) -> Iterator[Result]:
        for offset, row in enumerate(sheet.rows.between(top, bottom)):
            for column in range(left, right):
                value = row.values[column] if column < len(row.values) else None
                yield self.result(sheet, top + offset, column) if isinstance(value, Formula) else value


class _Parser:
    """A recursive descent over the tokens of one formula, which computes as it reads."""

    def __init__(self, text: str, home: Sheet, calculator: Calculator) -> None:
        tokens = [token for token in parts(text[1:]) if isinstance(token, Reference) or token.strip()]
        self._tokens = tokens
        self._at = 0
        self._home = home
        self._calculator = calculator

    def run(self) -> Result:
        try:
            found = self._comparison()
            if self._at < len(self._tokens):
                return _parse_error()
            return 0.0 if found is None else found
        except Failed as failed:
            return failed.error

    def _take(self, *wanted: str) -> str | None:
        token = self._peek()
        if isinstance(token, str) and token in wanted:
            self._at += 1
            return token
        return None

    def _peek(self) -> str | Reference | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _comparison(self) -> Result:
        left = self._joined()
        while (sign := self._take("=", "<", ">")) is not None:
            second = self._take("=", ">") if sign in "<>" else None
            left = _compare(sign + (second or ""), left, self._joined())
        return left

    def _joined(self) -> Result:
        left = self._sum()
        while self._take("&"):
            left = _text(left) + _text(self._sum())
        return left

    def _sum(self) -> Result:
        left = self._product()
        while (sign := self._take("+", "-")) is not None:
            right = _numeric(self._product())
            left = _numeric(left) + (right if sign == "+" else -right)
        return left

    def _product(self) -> Result:
        left = self._power()
        while (sign := self._take("*", "/")) is not None:
            right = _numeric(self._power())
            left = _numeric(left) * right if sign == "*" else _divide(_numeric(left), right)
        return left

    def _power(self) -> Result:
        left = self._signed()
        while self._take("^"):
            left = _numeric(left) ** _numeric(self._signed())
        return left

    def _signed(self) -> Result:
        sign = self._take("+", "-")
        if sign is None:
            found = self._single()
            return _numeric(found) / 100 if self._take("%") else found
        number = _numeric(self._signed())
        return -number if sign == "-" else number

    def _single(self) -> Result:
        token = self._peek()
        if token is None:
            raise Failed(_parse_error())
        self._at += 1
        if isinstance(token, Reference):
            return _checked(self._calculator.cells(self._home, token)[0])
        if token == "(":
            found = self._comparison()
            self._expect(")")
            return found
        return self._literal(token)

    def _literal(self, token: str) -> Result:
        if token[0] == '"':
            return token[1:-1].replace('""', '"')
        if token[0].isdigit():
            return float(token)
        if token == "#":
            raise Failed(ErrorValue("REF", "Reference does not exist."))
        name = token.upper()
        if name in ("TRUE", "FALSE") and self._peek() != "(":
            return name == "TRUE"
        if self._take("("):
            return self._call(name)
        if not (token[0].isalpha() or token[0] == "_"):
            raise Failed(_parse_error())
        raise Failed(ErrorValue("NAME", f"Unknown range name: '{name}'."))

    def _call(self, name: str) -> Result:
        if name in _LAZY:
            return _LAZY[name](self._lazy_arguments())
        arguments: list[list[Result]] = []
        if not self._take(")"):
            arguments.append(self._argument())
            while self._take(",", ";"):
                arguments.append(self._argument())
            self._expect(")")
        if name not in _FUNCTIONS:
            raise Failed(ErrorValue("NAME", f"Unknown function: '{name}'."))
        return _FUNCTIONS[name](arguments)

    def _argument(self) -> list[Result]:
        token = self._peek()
        if isinstance(token, Reference) and self._after() in (",", ";", ")"):
            self._at += 1
            return self._calculator.cells(self._home, token)
        return [self._comparison()]

    def _after(self) -> str | Reference | None:
        return self._tokens[self._at + 1] if self._at + 1 < len(self._tokens) else None

    def _lazy_arguments(self) -> list[Result]:
        # An error in one branch must not fail the other, so it is kept as a value.
        found = [self._kept()]
        while self._take(",", ";"):
            found.append(self._kept())
        self._expect(")")
        return found

    def _kept(self) -> Result:
        begin = self._at
        try:
            return self._comparison()
        except Failed as failed:
            self._skip_argument(begin)
            return failed.error

    def _skip_argument(self, begin: int) -> None:
        self._at, depth = begin, 0
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if depth == 0 and token in (",", ";", ")"):
                return
            depth += {"(": 1, ")": -1}.get(token, 0) if isinstance(token, str) else 0
            self._at += 1

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise Failed(_parse_error())


def _parse_error() -> ErrorValue:
    return ErrorValue("ERROR", "Formula parse error.")


def _checked(value: Result) -> Result:
    if isinstance(value, ErrorValue):
        raise Failed(value)
    return value


def _numeric(value: Result) -> float:
    value = _checked(value)
    if value is None:
        return 0.0
    if isinstance(value, bool | float):
        return float(value)
    entered = read_entry(str(value), "en_US").value
    if isinstance(entered, float):
        return entered
    raise Failed(ErrorValue("VALUE", f"'{value}' is a text and cannot be coerced to a number."))


def _text(value: Result) -> str:
    value = _checked(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return general(value) if isinstance(value, float) else str(value)


def _divide(left: float, right: float) -> float:
    if right == 0:
        raise Failed(ErrorValue("DIVIDE_BY_ZERO", "Function DIVIDE parameter 2 cannot be zero."))
    return left / right


def _compare(sign: str, left: Result, right: Result) -> bool:
    first, second = _rank(left, right), _rank(right, left)
    outcomes = {"=": first == second, "<": first < second, ">": first > second}
    if sign in outcomes:
        return outcomes[sign]
    return {"<>": first != second, "<=": first <= second, ">=": first >= second}.get(sign, False)


def _rank(value: Result, other: Result) -> tuple[int, float, str]:
    # Numbers come before texts before booleans; a blank is whatever it is compared with.
    value = _checked(value)
    if value is None:
        value = "" if isinstance(other, str) else False if isinstance(other, bool) else 0.0
    if isinstance(value, bool):
        return 2, float(value), ""
    return (0, value, "") if isinstance(value, float) else (1, 0.0, str(value).casefold())


def _numbers(arguments: list[list[Result]]) -> list[float]:
    found: list[float] = []
    for argument in arguments:
        if len(argument) == 1:
            found.append(_numeric(argument[0]))
        else:
            found.extend(v for v in map(_checked, argument) if isinstance(v, float))
    return found


def _average(arguments: list[list[Result]]) -> float:
    numbers = _numbers(arguments)
    return _divide(sum(numbers), float(len(numbers)))


def _only(arguments: list[list[Result]]) -> Result:
    if len(arguments) != 1:
        raise Failed(ErrorValue("N_A", "Wrong number of arguments."))
    return arguments[0][0]


def _if(arguments: list[Result]) -> Result:
    if len(arguments) not in (2, 3):
        raise Failed(ErrorValue("N_A", "Wrong number of arguments to IF."))
    if _numeric(arguments[0]):
        return _checked(arguments[1])
    return _checked(arguments[2]) if len(arguments) == 3 else False


def _if_error(arguments: list[Result]) -> Result:
    if not isinstance(arguments[0], ErrorValue):
        return arguments[0]
    return _checked(arguments[1]) if len(arguments) > 1 else None


_LAZY: Mapping[str, Callable[[list[Result]], Result]] = {"IF": _if, "IFERROR": _if_error}
_FUNCTIONS: Mapping[str, Callable[[list[list[Result]]], Result]] = {
    "SUM": lambda arguments: float(sum(_numbers(arguments))),
    "AVERAGE": _average,
    "MIN": lambda arguments: min(_numbers(arguments), default=0.0),
    "MAX": lambda arguments: max(_numbers(arguments), default=0.0),
    "COUNT": lambda arguments: float(sum(isinstance(v, float) for argument in arguments for v in argument)),
    "COUNTA": lambda arguments: float(sum(v is not None for argument in arguments for v in argument)),
    "ABS": lambda arguments: abs(_numeric(_only(arguments))),
    "UPPER": lambda arguments: _text(_only(arguments)).upper(),
    "LOWER": lambda arguments: _text(_only(arguments)).lower(),
    "TRIM": lambda arguments: " ".join(_text(_only(arguments)).split()),
    "LEN": lambda arguments: float(len(_text(_only(arguments)))),
    "NOT": lambda arguments: not _numeric(_only(arguments)),
    "AND": lambda arguments: all(_numeric(v) for argument in arguments for v in argument),
    "OR": lambda arguments: any(_numeric(v) for argument in arguments for v in argument),
    "CONCATENATE": lambda arguments: "".join(_text(v) for argument in arguments for v in argument),
    "ISBLANK": lambda arguments: _only(arguments) is None,
}
