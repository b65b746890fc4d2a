"""The claims of docs/migration.md about other libraries, against these."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skxent import metrics
from skxent.losses import CrossEntropy, Focal, GeneralizedCrossEntropy

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(8, 3))
Y = np.array([0, 1, 2, 2, 1, 0, 0, 2])
W = np.array([1.0, 2.0, 0.5])
ONE_HOT = np.eye(3)[Y]
SOFT = RNG.dirichlet(np.ones(3), size=8)
MARGIN, ANSWER = Z[:, 0], (Y > 0).astype(int)
EPS = 0.1


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="pip install torch")


@pytest.fixture
def cross_entropy(torch):
    def evaluate(target, **keywords):
        tensors = {
            name: torch.tensor(value) if isinstance(value, np.ndarray) else value
            for name, value in keywords.items()
        }
        return torch.nn.functional.cross_entropy(
            torch.tensor(Z), torch.tensor(target), **tensors
        ).item()

    return evaluate


def test_torch_cross_entropy(cross_entropy):
    loss = CrossEntropy().loss
    assert_allclose(loss(Y, Z).mean(), cross_entropy(Y))
    assert_allclose(loss(SOFT, Z).mean(), cross_entropy(SOFT))
    assert_allclose(
        loss(Y, Z, label_smoothing=EPS).mean(), cross_entropy(Y, label_smoothing=EPS)
    )


def test_torch_class_weights(cross_entropy):
    loss = CrossEntropy().loss
    weighted = loss(Y, Z, class_weight=W)
    assert_allclose(weighted.sum() / W[Y].sum(), cross_entropy(Y, weight=W))
    assert_allclose(weighted.mean(), cross_entropy(ONE_HOT, weight=W))
    smoothed = loss(Y, Z, class_weight=W, label_smoothing=EPS, class_weight_on="target")
    assert_allclose(
        smoothed.sum() / W[Y].sum(), cross_entropy(Y, weight=W, label_smoothing=EPS)
    )
    other = loss(Y, Z, class_weight=W, label_smoothing=EPS)
    assert not np.allclose(other, smoothed)


def test_torch_ignores(cross_entropy):
    y = np.where(np.arange(8) == 1, -100, Y)
    assert_allclose(
        CrossEntropy().loss(y, Z, ignore_index=-100).sum() / 7, cross_entropy(y)
    )
    assert np.isnan(cross_entropy(np.full(8, -100)))
    with pytest.raises(ValueError, match="ignore_index"):
        metrics.cross_entropy(np.full(8, -100), Z, from_logits=True, ignore_index=-100)


def test_torch_binary(torch):
    def bce(z, y, **keywords):
        return torch.nn.functional.binary_cross_entropy_with_logits(
            torch.tensor(z), torch.tensor(y, dtype=torch.float64), **keywords
        ).item()

    loss = CrossEntropy().loss
    assert_allclose(loss(ANSWER, MARGIN).mean(), bce(MARGIN, ANSWER))
    assert_allclose(loss(ONE_HOT, Z, multilabel=True).mean() / 3, bce(Z, ONE_HOT))
    assert_allclose(
        loss(ANSWER, MARGIN, class_weight=[1, 3]).mean(),
        bce(MARGIN, ANSWER, pos_weight=torch.tensor(3.0)),
    )


def test_torch_kl_divergence(torch):
    functional = torch.nn.functional
    theirs = functional.kl_div(
        functional.log_softmax(torch.tensor(Z), 1),
        torch.tensor(SOFT),
        reduction="batchmean",
    )
    assert_allclose(metrics.kl_divergence(SOFT, Z, from_logits=True), theirs.item())


def test_torch_of_probabilities(torch):
    functional = torch.nn.functional
    log_p = torch.log_softmax(torch.tensor(Z), dim=1)
    assert_allclose(
        metrics.cross_entropy(Y, log_p.numpy(), from_logits=True),
        functional.nll_loss(log_p, torch.tensor(Y)).item(),
    )
    p, answer = torch.sigmoid(torch.tensor(MARGIN)), torch.tensor(ANSWER, dtype=float)
    assert_allclose(
        metrics.cross_entropy(ANSWER, p.numpy()),
        functional.binary_cross_entropy(p, answer).item(),
    )
    never, happened = torch.zeros(1), torch.ones(1)
    assert functional.binary_cross_entropy(never, happened).item() == 100
    eps = np.finfo(np.float64).eps
    assert_allclose(metrics.cross_entropy([1], [0.0], labels=[0, 1]), -np.log(eps))


def test_torchvision_focal_loss():
    torch = pytest.importorskip("torch", reason="pip install torch")
    ops = pytest.importorskip("torchvision", reason="pip install torchvision").ops
    theirs = ops.sigmoid_focal_loss(
        torch.tensor(MARGIN), torch.tensor(ANSWER * 1.0), alpha=0.25, gamma=2.0
    )
    ours = Focal(2.0).loss(ANSWER, MARGIN, class_weight=[0.75, 0.25])
    assert_allclose(ours, theirs.numpy())


@pytest.fixture(scope="module")
def keras():
    """Keras's losses on the backend that is installed."""
    pytest.importorskip("torch", reason="pip install torch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_BACKEND", "torch")
        return pytest.importorskip("keras", reason="pip install keras").losses


def keras_mean(loss, y, z, **keywords):
    value = loss(np.asarray(y, np.float32), np.asarray(z, np.float32), **keywords)
    return float(value)


def close(ours, theirs):
    assert_allclose(ours, theirs, rtol=1e-5)


def test_keras_categorical(keras):
    smoothed = keras.CategoricalCrossentropy(from_logits=True, label_smoothing=EPS)
    close(
        CrossEntropy().loss(Y, Z, label_smoothing=EPS).mean(),
        keras_mean(smoothed, ONE_HOT, Z),
    )
    plain = keras.CategoricalCrossentropy(from_logits=True)
    weights = np.arange(8.0)
    close(
        (weights * CrossEntropy().loss(Y, Z)).mean(),
        keras_mean(plain, ONE_HOT, Z, sample_weight=weights),
    )
    sparse = keras.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    y = np.where(np.arange(8) == 1, -1, Y)
    ours = CrossEntropy().loss(y, Z, ignore_index=-1)
    close(ours.sum() / 7, float(sparse(y, Z.astype(np.float32))))


def test_keras_focal(keras):
    categorical = keras.CategoricalFocalCrossentropy
    close(
        0.25 * Focal(2.0).loss(Y, Z).mean(),
        keras_mean(categorical(from_logits=True), ONE_HOT, Z),
    )
    vector = categorical(from_logits=True, alpha=W.tolist(), gamma=1.0)
    close(Focal(1.0).loss(Y, Z, class_weight=W).mean(), keras_mean(vector, ONE_HOT, Z))
    column = ANSWER[:, None], MARGIN[:, None]
    binary = keras.BinaryFocalCrossentropy
    close(
        Focal(2.0).loss(ANSWER, MARGIN).mean(),
        keras_mean(binary(from_logits=True), *column),
    )
    balanced = binary(from_logits=True, apply_class_balancing=True, alpha=0.25)
    close(
        Focal(2.0).loss(ANSWER, MARGIN, class_weight=[0.75, 0.25]).mean(),
        keras_mean(balanced, *column),
    )


def test_keras_of_probabilities(keras):
    p = CrossEntropy().predict_proba(Z)
    generalized = keras.CategoricalGeneralizedCrossEntropy(q=0.7)
    close(
        GeneralizedCrossEntropy(0.7).loss(Y, Z).mean(),
        keras_mean(generalized, Y.astype("float64"), p),
    )
    close(metrics.kl_divergence(SOFT, p), keras_mean(keras.KLDivergence(), SOFT, p))


def test_keras_clips_and_interpolates(keras):
    """Where the page says that they differ they do."""
    hopeless = np.array([[-30.0, 0.0, 0.0]])
    clipped = keras.CategoricalFocalCrossentropy(from_logits=True, alpha=1.0)
    assert 16 < keras_mean(clipped, [[1, 0, 0]], hopeless) < 16.2
    assert_allclose(Focal(2.0).loss([0], hopeless), 30.693, atol=1e-3)
    smoothed = keras.BinaryFocalCrossentropy(from_logits=True, label_smoothing=EPS)
    theirs = keras_mean(smoothed, ANSWER[:, None], MARGIN[:, None])
    assert abs(Focal(2.0).loss(ANSWER, MARGIN, label_smoothing=EPS).mean() - theirs) > (
        0.01
    )
