"""
Fitting data on a Dask cluster
==============================

The table is in blocks on the workers of a cluster. The estimators of ``skxent.dask``
fit it there: each block returns sums over its rows, only these sums and the
coefficients are sent, and the model is the same as with all rows in memory.
"""

import matplotlib.pyplot as plt
import numpy as np

from skxent import CrossEntropyClassifier
from skxent.metrics import log_loss

try:
    import dask.array as da
    from dask.distributed import Client

    from skxent import dask as skd
except ImportError:
    raise SystemExit(
        "This needs dask: pip install 'dask[array,dataframe,distributed]'."
    ) from None

# %%
# A cluster
# ---------
# The cluster has two workers, which are threads of this process. For a running cluster
# pass its address, ``Client("scheduler:8786")``; everything else is the same.

client = Client(
    processes=False, n_workers=2, threads_per_worker=1, dashboard_address=":0"
)

# %%
# Data in blocks
# --------------
# The workers create the blocks and keep them.

N, D, BLOCK = 400_000, 20, 40_000
effect = np.random.default_rng(0).normal(size=D) / 2
rows = da.random.default_rng(0)
X = rows.normal(size=(N, D), chunks=(BLOCK, D))
y = (X @ effect - 3 + rows.logistic(size=N, chunks=BLOCK) > 0).astype(int)
X, y = client.persist([X, y])
fit, test = slice(0, N // 2), slice(N // 2, N)

# %%
# Fit, predict, score
# -------------------
# Predictions are dask arrays, which are computed where the rows are. A metric is one
# pass over them.

model = skd.CrossEntropyClassifier().fit(X[fit], y[fit])
proba = model.predict_proba(X[test])
print(f"predictions: {proba}")
print(f"log loss: {skd.metrics.log_loss(y[test], proba):.6f}\n")

# %%
# The same in memory
# ------------------

X_memory, y_memory = X.compute(), y.compute()
memory = CrossEntropyClassifier().fit(X_memory[fit], y_memory[fit])
loss = log_loss(y_memory[test], memory.predict_proba(X_memory[test]))
print(f"log loss in memory: {loss:.6f}")
difference = np.abs(model.coef_ - memory.coef_).max()
print(f"largest difference of a coefficient: {difference:.1e}")

# %%
# Results
# -------
# Both models are equal up to rounding, and close to the effects with which the rows
# were simulated. The workers only send sums over rows: with so few columns a Hessian at
# most, whatever the number of rows.

print(f"a Hessian: {8 * (D + 1) ** 2:,} bytes; the table: {X.nbytes:,} bytes")

figure, ax = plt.subplots(figsize=(6, 5), layout="constrained")
order = np.argsort(effect)
ax.plot(effect[order], "k_", markersize=16, label="true effects")
ax.plot(memory.coef_[0, order], "o", color="#D55E00", label="fitted in memory")
ax.plot(model.coef_[0, order], "wx", markersize=4, label="fitted to dask's rows")
ax.set(xlabel="columns, by their effect", ylabel="coefficient", xticks=[])
ax.legend(facecolor="0.8")
plt.show()
client.close()
