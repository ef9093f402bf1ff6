"""Encoders, head and loss of the image-expression family keep their contracts."""

import math

import pytest
import torch

from zoo.encoders.timm import Timm
from zoo_spatial.encoders.batch_transformer import BatchTransformer
from zoo_spatial.encoders.multilevel import Multilevel
from zoo_spatial.encoders.rescale import Rescale
from zoo_spatial.encoders.spot_expression import SpotExpression
from zoo_spatial.encoders.spot_transformer import SpotTransformer
from zoo_spatial.heads.clip import Clip
from zoo_spatial.losses.info_nce import InfoNCE

GENES = 12


def batch(size=6, seed=0, side=32):
    make = torch.Generator().manual_seed(seed)
    return {
        "id": [f"s{i}" for i in range(size)],
        "image": torch.rand(size, 3, side, side, generator=make),
        "neighbourhood": torch.rand(size, 3, side, side, generator=make),
        "overview": torch.rand(2, 3, side, side, generator=make),
        "overview_index": torch.arange(size) % 2,
        "expression": torch.rand(size, GENES, generator=make),
        "near_expression": torch.rand(size, 4, GENES, generator=make),
        "near_offset": torch.randn(size, 4, 2, generator=make),
        "position": torch.randint(0, 30, (size, 2), generator=make).float(),
    }


def rows(whole, chosen):
    return {
        name: value if name == "overview" else [value[i] for i in chosen] if name == "id" else value[chosen]
        for name, value in whole.items()
    }


def image_encoder():
    return Timm(model="test_resnet.r160_in1k", in_chans=3)


ENCODERS = {
    "timm": image_encoder,
    "multilevel": lambda: Multilevel(base=image_encoder()),
    "rescale": lambda: Rescale(base=image_encoder(), scales=[32, 48]),
    "spot-transformer": lambda: SpotTransformer(num_genes=GENES, dim=16, heads=4),
    "batch-transformer": lambda: BatchTransformer(num_genes=GENES, heads=2, head_dim=8, positions=32),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_gives_as_many_features_as_it_declares_and_every_weight_learns(name):
    torch.manual_seed(0)
    encoder = ENCODERS[name]().train()
    features = encoder(batch())
    assert features.shape == (6, encoder.out_features)
    (features * torch.randn_like(features)).sum().backward()
    still = [n for n, p in encoder.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert still == []


@pytest.mark.parametrize("name", [name for name in ENCODERS if name != "batch-transformer"])
def test_in_evaluation_the_features_of_a_spot_do_not_depend_on_which_spots_share_its_batch(name):
    torch.manual_seed(0)
    encoder = ENCODERS[name]().eval()
    whole = batch()
    together = encoder(whole)
    alone = torch.cat([encoder(rows(whole, [i])) for i in range(6)])
    shuffled = encoder(rows(whole, [3, 1, 5]))
    assert torch.allclose(together, alone, atol=1e-5)
    assert torch.allclose(together[[3, 1, 5]], shuffled, atol=1e-5)


def test_the_published_spot_encoder_does_depend_on_its_batch_which_is_why_ours_differs():
    torch.manual_seed(0)
    encoder = ENCODERS["batch-transformer"]().eval()
    whole = batch()
    assert not torch.allclose(encoder(whole)[:1], encoder(rows(whole, [0])), atol=1e-3)


def test_the_spot_transformer_reads_neighbours_and_where_they_lie_but_not_where_the_section_lay():
    torch.manual_seed(0)
    encoder, one = SpotTransformer(num_genes=GENES, dim=16, heads=4).eval(), batch()
    moved = {**one, "position": one["position"] + 500}
    other = {**one, "near_expression": one["near_expression"].flip(0)}
    turned = {**one, "near_offset": -one["near_offset"]}
    assert torch.equal(encoder(one), encoder(moved))
    assert not torch.allclose(encoder(one), encoder(other), atol=1e-4)
    assert not torch.allclose(encoder(one), encoder(turned), atol=1e-4)


def test_each_level_changes_what_the_multilevel_encoder_sees_and_a_level_left_out_does_not():
    torch.manual_seed(0)
    encoder, one = Multilevel(base=image_encoder(), levels=["spot", "global"]).eval(), batch()
    assert encoder.reads == ("image", "overview")
    features = encoder(one)
    for name, changes in (("image", True), ("overview", True), ("neighbourhood", False)):
        changed = encoder({**one, name: one[name].flip(-1)})
        assert torch.allclose(features, changed, atol=1e-6) is not changes, name


@pytest.mark.parametrize("levels", [[], ["spot", "spot"]])
def test_levels_that_make_no_sense_are_refused(levels):
    with pytest.raises(ValueError, match="at most once and at least one"):
        Multilevel(base=image_encoder(), levels=levels)


def test_timm_takes_any_number_of_channels_and_refuses_a_model_it_does_not_know_with_near_names():
    five = Timm(model="test_vit.r160_in1k", in_chans=5)
    assert five({"image": torch.rand(2, 5, 160, 160)}).shape == (2, five.out_features)
    with pytest.raises(ValueError, match="timm has no model 'resnet17'; near it: resnet1"):
        Timm(model="resnet17", in_chans=3)


def test_the_head_leaves_out_the_spot_where_there_is_no_expression():
    head = Clip(in_features=7, spot=SpotTransformer(num_genes=GENES, dim=16, heads=4), dim=5)
    labelled = batch()
    assert {n: tuple(v.shape) for n, v in head(torch.rand(6, 7), labelled).items()} == {
        "image": (6, 5),
        "features": (6, 7),
        "spot": (6, 5),
    }
    assert set(head(torch.rand(6, 7), {"image": labelled["image"]})) == {"image", "features"}


def test_without_dimensions_of_its_own_the_joint_space_is_gene_space_and_the_spot_is_its_measured_expression():
    head = Clip(in_features=7, spot=SpotExpression(num_genes=GENES), dim=None)
    labelled = batch()
    outputs = head(torch.rand(6, 7), labelled)
    assert outputs["image"].shape == (6, GENES)
    assert torch.equal(outputs["spot"], labelled["expression"])
    assert {name.split(".")[0] for name, _ in head.named_parameters()} == {"project_image"}


def test_a_joint_space_needs_a_dimension_at_least():
    with pytest.raises(ValueError, match="dim is a number of dimensions of at least 1, not 0; null takes those of"):
        Clip(in_features=7, spot=SpotExpression(num_genes=GENES), dim=0)


def test_info_nce_is_the_mean_of_both_cross_entropies_against_the_diagonal():
    torch.manual_seed(0)
    image, spot = torch.randn(5, 4), torch.randn(5, 4)
    loss = InfoNCE(temperature=0.5)({"image": image, "spot": spot}, {})
    similarity = spot @ image.T / 0.5
    by_row = torch.stack([similarity[i, i] - similarity[i].logsumexp(0) for i in range(5)])
    by_column = torch.stack([similarity[i, i] - similarity[:, i].logsumexp(0) for i in range(5)])
    assert float(loss) == pytest.approx(float(-(by_row.mean() + by_column.mean()) / 2), abs=1e-5)


def test_normalised_info_nce_does_not_depend_on_the_length_of_embeddings_and_learns_its_temperature_on_demand():
    torch.manual_seed(0)
    outputs = {"image": torch.randn(5, 4), "spot": torch.randn(5, 4)}
    loss = InfoNCE(temperature=0.1, normalise=True, learn=True)
    longer = {name: value * 7 for name, value in outputs.items()}
    assert torch.allclose(loss(outputs, {}), loss(longer, {}), atol=1e-5)
    loss(outputs, {}).backward()
    assert loss.log_scale.grad is not None
    assert float(loss.log_scale.detach()) == pytest.approx(-math.log(0.1))
    assert not any(parameter.requires_grad for parameter in InfoNCE().parameters())


def test_perfect_pairs_have_a_loss_near_zero():
    eye = torch.eye(6) * 40
    assert float(InfoNCE()({"image": eye, "spot": eye}, {})) < 1e-4
