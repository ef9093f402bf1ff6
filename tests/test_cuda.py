"""CUDA and the CPU agree; skipped where there is no device."""

import pytest
import torch
from safetensors.torch import load_file

import zoo as face

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
SETTINGS = ["encoder.dropout=0.0", "transforms.train=[]", "train.precision=fp32", "train.epochs=2"]


def test_training_on_cuda_reaches_the_weights_of_the_cpu_within_rounding(tiny, tmp_path):
    runs = [face.train(tiny, SETTINGS, out=tmp_path / device, device=device)[0] for device in ("cpu", "cuda")]
    one, other = (load_file(run.model_folder("holdout-seed0") / "model.safetensors") for run in runs)
    assert all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)


def test_bf16_is_what_auto_means_on_cuda(tiny, tmp_path):
    _, metrics = face.train(tiny, ["train.precision=auto"], out=tmp_path / "auto", device="cuda")
    assert metrics["scores"]["r2"]["mean"] is not None


@pytest.mark.parametrize("name", ["hiscmcl-sim", "heclip-sim", "han-cars"])
def test_published_models_reproduce_their_test_vectors_on_cuda(name):
    from zoo import catalogue, verify

    checks = {check.what: check for check in verify.examine(catalogue.source_of(name).folder)}
    assert checks["test vectors, CUDA"].verdict == "PASS", checks["test vectors, CUDA"].detail
