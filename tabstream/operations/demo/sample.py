"""The rows that the demo begins with: plausible, the same on every machine."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

_PEOPLE = (
    *("Amara Okafor", "Anna Lindqvist", "Arjun Mehta", "Beatriz Costa", "Carlos Jiménez", "Chloé Dubois", "Daniel Weiss"),
    *("Elif Yildiz", "Emma O'Brien", "Farah Haddad", "Felix Baumann", "Giulia Rossi", "Hana Suzuki", "Henrik Dahl"),
    *("Ines Ferreira", "Ivan Petrov", "Jakub Nowak", "James Whitfield", "Julia Schäfer", "Kofi Mensah", "Laura Brandt"),
    *("Liam Murphy", "Lucía Romero", "Magnus Berg", "Maria Papadopoulou", "Mei Chen", "Mikko Virtanen", "Nadia Rahman"),
    *("Noah de Vries", "Nora Hoffmann", "Olivia Grant", "Pavel Dvořák", "Priya Nair", "Rosa Marino", "Samuel Adeyemi"),
    *("Sofia Keller", "Tariq Aziz", "Thomas Moreau", "Yuki Tanaka", "Zoë Martens"),
)
_COMPANIES = (
    *("Northwind Optics", "Alder & Sons", "Helio Energie", "Brightwater Labs", "Kestrel Logistics", "Casa Verde"),
    *("Lumen Robotics", "Old Mill Bakery", "Fjord Shipping", "Papillon Studio", "Quarry Stone Works"),
)
_STATUSES = ("new", "contacted", "qualified", "contacted", "won", "new", "lost")
_NOTES = (
    *("met at the spring fair", None, "prefers e-mail", "asks for a quote in CHF", None, "call after 14:00"),
    *("renewal, 3rd year", None, "sent samples", '"urgent", says the colleague', None, "needs 2 licences; maybe 5"),
    "= not a formula, just a note",
)
_FIRST_DAY = date(2026, 9, 1)
_FOLD = str.maketrans("éíáóöäüøåłřčžšñëèçãâ", "eiaooauoalrczsneecaa")


def leads() -> Iterator[dict[str, Any]]:
    """Forty rows, by column; without the key, which the database gives."""
    for index, person in enumerate(_PEOPLE):
        company = _COMPANIES[index * 7 % len(_COMPANIES)]
        yield {
            "name": person,
            "email": address(person, company),
            "company": company,
            "status": _STATUSES[index % len(_STATUSES)],
            "amount": None if index % 9 == 4 else Decimal(125_00 + index * index * 37_85 % 48_000_00) / 100,
            "follow_up": None if index % 5 == 3 else _FIRST_DAY + timedelta(days=index * 11 % 90),
            "active": index % 6 != 5,
            "notes": _NOTES[index % len(_NOTES)],
        }


def address(person: str, company: str) -> str:
    """An e-mail address at a domain that nobody can own."""
    local = "".join(c for c in person.lower().translate(_FOLD).replace(" ", ".") if c.isascii() and (c.isalpha() or c == "."))
    return f"{local}@{company.split(maxsplit=1)[0].lower()}.example"
