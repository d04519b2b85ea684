"""COPY in binary: the fastest way of many rows into PostgreSQL. It wants the type of each column said."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from sqlalchemy import BigInteger, Boolean, Integer, Table
from sqlalchemy.types import TypeEngine

from src.store.tables import UtcDateTime

PostgresConnection = psycopg.Connection[tuple[Any, ...]]


def copy_rows(
    connection: PostgresConnection, statement: str, types: Sequence[str], rows: Iterable[tuple[object, ...]]
) -> None:
    """Copy rows, with columns of these types, by a `COPY … FROM STDIN (FORMAT BINARY)`."""
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)


def binary_types(table: Table, columns: Sequence[str]) -> list[str]:
    """Return the types of a table's columns."""
    return [_binary_type(table.c[name].type) for name in columns]


def _binary_type(type_: TypeEngine[Any]) -> str:
    if isinstance(type_, UtcDateTime):
        return "timestamptz"
    if isinstance(type_, Boolean):
        return "bool"
    if isinstance(type_, BigInteger):
        return "int8"
    return "int4" if isinstance(type_, Integer) else "text"  # JSON travels as text
