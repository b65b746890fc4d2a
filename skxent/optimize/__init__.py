"""Objectives of the linear models and the solvers that minimise them."""
