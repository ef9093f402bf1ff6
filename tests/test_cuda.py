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


@pytest.mark.parametrize("name", ["hiscmcl-sim", "heclip-sim", "han-cars", "cell-drug-sim", "hpa-sim"])
def test_published_models_reproduce_their_test_vectors_on_cuda(name):
    from zoo import catalogue, verify

    checks = {check.what: check for check in verify.examine(catalogue.source_of(name).folder)}
    assert checks["test vectors, CUDA"].verdict == "PASS", checks["test vectors, CUDA"].detail


TRANSFORMS = {
    "clahe": {},
    "denoise": {},
    "percentile-scale": {"per": "image"},
    "channel-normalise": {"per": "image"},
    "resize": {"size": 48},
    "affine": {
        "degrees": 180,
        "translate": 0.15,
        "scale": (0.75, 1.25),
        "shear": 15,
        "flip": True,
        "elastic_alpha": 60,
    },
    "elastic": {},
    "erase": {"p": 1.0},
    "channel-jitter": {"brightness": 0.3, "contrast": 0.3, "gamma": 0.2},
    "blur": {"p": 1.0},
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_changes_a_batch_alike_on_cuda(name):
    from zoo.registry import Registry

    transform = Registry().find("transforms", name).load()(**TRANSFORMS[name])
    image = torch.rand(4, 5, 64, 64, generator=torch.Generator().manual_seed(0))
    found = {}
    for device in ("cpu", "cuda"):
        batch = {"image": image.to(device), "id": list("abcd")}
        found[device] = transform(batch, torch.Generator().manual_seed(1))["image"].cpu()
    # a rounding error moves a pixel to the next grey level, or a border by a pixel, for few pixels at most
    apart = (found["cpu"] - found["cuda"]).abs() > 1e-3
    assert apart.float().mean() < 0.01


def test_an_ensemble_on_cuda_reaches_the_weights_of_the_cpu_within_rounding(tiny, tmp_path):
    voters = "ensemble={members: [{encoder: {width: 4, dropout: 0.0}}, {encoder: {use: tiny-gated}}]}"
    settings = [*SETTINGS, voters]
    runs = [face.train(tiny, settings, out=tmp_path / device, device=device)[0] for device in ("cpu", "cuda")]
    one, other = (load_file(run.model_folder("holdout-seed0") / "model.safetensors") for run in runs)
    assert all(torch.allclose(one[name], other[name], atol=1e-4) for name in one)
