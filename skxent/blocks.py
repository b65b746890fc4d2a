"""Data sets that are larger than memory, as blocks of rows.

Estimators fit any object that has a method `row_blocks`. Memory-mapped arrays need no
blocks: estimators read them from their file.
"""

from skxent.inputs.blocks import ArrayBlocks, RowBlocks
from skxent.inputs.parquet import ParquetBlocks

__all__ = ["ArrayBlocks", "ParquetBlocks", "RowBlocks"]
