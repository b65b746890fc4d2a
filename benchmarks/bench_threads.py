"""Loss and gradient from logits on two threads, compared with one."""

from bench_kernels import ours, rows

from skxent.losses import CrossEntropy

THREADS = 2


def test_one_thread_beside_two(compare):
    """Cross-entropy on two threads, compared with one"""
    z, y = rows(1_000_000, 10, "float64")
    calls = {
        "skxent": ours(CrossEntropy(), z, y, n_threads=2),
        "one thread": ours(CrossEntropy(), z, y),
    }
    compare("1e6 x 10", calls, at_least={"one thread": 1.7})
