"""Compiled modules, threads, views of arrays and the form of errors."""
