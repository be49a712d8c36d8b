"""Runs the examples of docs/reading-results.md on tables that the README's first command has made, and holds them against
what the page says of them and against each other.

Usage: python tests/reading/check.py TABLES. Needs duckdb, pandas, pyarrow, polars, and for Spark pyspark with a Java; without
pyspark that example is left out, and it says so.
"""

import ast
import re
import sys
from pathlib import Path

import duckdb

DOCUMENTED = "jobs/sample/tables"


def examples(page: str) -> dict[str, str]:
    """The first block of code below each heading."""
    return dict(re.findall(r"^## ([^\n]+)\n\n```\w+\n(.*?)```", page, re.S | re.M))


def value(code: str, name: str, known: dict | None = None):
    """Runs a block; the value of its last expression."""
    block = ast.parse(code)
    last = block.body.pop()
    known = known or {}
    exec(compile(block, name, "exec"), known)
    return eval(compile(ast.Expression(last.value), name, "eval"), known)


def spark(code: str):
    """The rows of the block for Spark, whose last call prints them; `None`: there is no Spark."""
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        return None
    quiet = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    block = ast.parse(code)
    shown = block.body[-1].value.func
    assert shown.attr == "show", code
    shown.attr = "collect"
    return value(ast.unparse(block), "Spark", {"spark": quiet.getOrCreate()})


def rows(of) -> list[tuple]:
    """Texts and rounded numbers, in order; NaN and null are the same absence."""
    def plain(x):
        if isinstance(x, float):
            return None if x != x else round(x, 9)
        return None if x is None else str(x)

    return sorted((tuple(plain(x) for x in row) for row in of), key=repr)


def main() -> int:
    page = (Path(__file__).parents[2] / "docs/reading-results.md").read_text()
    blocks = examples(page.replace(DOCUMENTED, sys.argv[1]))
    decisions = [row[:4] for row in duckdb.sql(blocks["DuckDB"]).fetchall()]
    said = re.findall(r"^\| (\w+) \| ([\d-]+) \| (\w+) \| (\w+) \|", page, re.M)
    assert len(said) == 3 and rows(decisions) == rows(said), (decisions, said)
    pandas = rows(value(blocks["pandas"], "pandas").itertuples(index=False))
    polars = rows(value(blocks["Polars"], "Polars").iter_rows())
    assert len(pandas) == 12 and pandas == polars, (pandas, polars)
    of_spark = spark(blocks["Spark"])
    if of_spark is None:
        print("DuckDB, pandas and Polars read what is documented; Spark was left out: there is no pyspark")
        return 0
    assert rows(of_spark) == pandas, (of_spark, pandas)
    print("DuckDB, pandas, Polars and Spark read what is documented")
    return 0


if __name__ == "__main__":
    sys.exit(main())
