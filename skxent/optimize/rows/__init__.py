"""Rows: dense, sparse, wide, or in blocks elsewhere."""

from skxent.optimize.rows.dense import table_rows

__all__ = ["table_rows"]
