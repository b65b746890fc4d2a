"""Rows that are read block by block, where the table is larger than memory.

Any object with a method `row_blocks` can be fitted to. Arrays that are memory-mapped
need none of this: estimators read them from their file.
"""

from skxent.inputs.blocks import (
    ArrayBlocks,
    ParquetBlocks,
    RowBlocks,
)

__all__ = [
    "ArrayBlocks",
    "ParquetBlocks",
    "RowBlocks",
]
