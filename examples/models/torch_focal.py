"""
Calibrated probabilities of a network with focal loss
=====================================================

``LossModule`` turns any loss into a torch module that replaces ``CrossEntropyLoss``.
The network below is trained with focal loss. Its softmax is under-confident, as
focal loss always makes it. ``posterior`` corrects for this, without a parameter and
without held-out rows.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skxent.displays import ReliabilityDisplay
from skxent.losses import CrossEntropy, Focal
from skxent.metrics import expected_calibration_error, log_loss

try:
    import torch

    from skxent.torch import LossModule
except ImportError:
    raise SystemExit("This needs PyTorch: pip install torch.") from None

# %%
# Data
# ----
# The images are handwritten digits with noise, which makes some of them hard to read.
# The noise is drawn anew in every epoch.

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(
    torch.tensor(X, dtype=torch.float32) / 16,
    torch.tensor(y),
    test_size=0.3,
    stratify=y,
    random_state=0,
)


def noisy(images):
    return images + 0.3 * torch.randn_like(images)


# %%
# Training
# --------
# Only the criterion differs between the two networks.


def train(criterion, n_epochs=60, batch_size=64):
    torch.manual_seed(1)
    network = torch.nn.Sequential(
        torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10)
    )
    optimizer = torch.optim.Adam(network.parameters(), weight_decay=1e-4)
    steps = n_epochs * -(-len(X) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=steps)
    for _ in range(n_epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            optimizer.zero_grad()
            criterion(network(noisy(X[rows])), y[rows]).backward()
            optimizer.step()
            schedule.step()
    return network


criteria = {
    "cross-entropy": LossModule(CrossEntropy()),
    "focal": LossModule(Focal(gamma=2.0)),
}
networks = {name: train(criterion) for name, criterion in criteria.items()}

# %%
# Probabilities
# -------------
# Each test image is predicted with five draws of the noise.

torch.manual_seed(0)
images, truth = noisy(X_test.repeat(5, 1)), y_test.repeat(5).numpy()
predictions = {}
with torch.no_grad():
    for name, network in networks.items():
        logits = network(images)
        predictions[f"{name}, softmax"] = logits.softmax(1).numpy()
    predictions["focal, posterior"] = criteria["focal"].posterior(logits).numpy()

print(f"{'':<24}{'log loss':>9}{'calibration error':>19}{'accuracy':>10}")
for name, proba in predictions.items():
    accuracy = np.mean(proba.argmax(axis=1) == truth)
    error = expected_calibration_error(truth, proba)
    print(f"{name:<24}{log_loss(truth, proba):9.3f}{error:19.3f}{accuracy:10.3f}")

# %%
# Results
# -------
# The softmax of the focal network is under-confident by a tenth. Its posterior has the
# log loss and the calibration error of the network that was trained with cross-entropy,
# and the same decisions as its softmax.

figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), layout="constrained", sharey=True)
for ax, (name, proba) in zip(axes, predictions.items(), strict=True):
    ReliabilityDisplay.from_predictions(truth, proba, n_bins=10, name=name, ax=ax)
plt.show()
