"""Rows: dense, sparse, wide, or in blocks elsewhere."""

from skxent.optimize.rows.kinds import table_rows

__all__ = ["table_rows"]
