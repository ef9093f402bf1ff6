"""The losses of the image-expression family are their papers' formulas, written out here pair by pair."""

import math

import pytest
import torch

from zoo_spatial.losses.image_centric import ImageCentric
from zoo_spatial.losses.info_nce import InfoNCE


def pairs(size=5, dim=4, seed=0, scale=1.0):
    make = torch.Generator().manual_seed(seed)
    image = torch.randn(size, dim, generator=make, dtype=torch.float64) * scale
    return {"image": image, "spot": torch.randn(size, dim, generator=make, dtype=torch.float64) * scale}


def softmax(values):
    top = max(values)
    exps = [math.exp(value - top) for value in values]
    return [e / sum(exps) for e in exps]


def dot(one, other):
    return sum(float(a) * float(b) for a, b in zip(one, other, strict=True))


def image_centric_by_hand(outputs, temperature, *, transposed):
    """seeds.md section 3, pair by pair: logits = S I^T, targets = softmax over rows of I I^T, image to spot only."""
    images, spots = outputs["image"], outputs["spot"]
    target = [softmax([dot(one, other) / temperature for other in images]) for one in images]
    total = 0.0
    for j, image in enumerate(images):
        logs = [math.log(p) for p in softmax([dot(spot, image) / temperature for spot in spots])]
        share = [target[i][j] if transposed else target[j][i] for i in range(len(images))]
        total -= sum(t * log for t, log in zip(share, logs, strict=True))
    return total / len(images)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("targets", ["row-normalised", "published"])
def test_image_centric_is_its_formula(targets, temperature):
    outputs = pairs()
    loss = ImageCentric(temperature=temperature, targets=targets)(outputs, {})
    by_hand = image_centric_by_hand(outputs, temperature, transposed=targets == "published")
    assert float(loss) == pytest.approx(by_hand, rel=1e-9)


def test_published_targets_are_another_loss_and_weigh_images_by_how_many_resemble_them():
    outputs = pairs()
    ours, published = (float(ImageCentric(targets=t)(outputs, {})) for t in ("row-normalised", "published"))
    assert abs(ours - published) > 1e-3
    alike = (outputs["image"] @ outputs["image"].T).softmax(dim=1)
    assert alike.sum(dim=1).tolist() == pytest.approx([1.0] * 5)
    assert alike.T.sum(dim=1).tolist() != pytest.approx([1.0] * 5, abs=0.1)


def test_unnormalised_products_of_many_genes_saturate_the_targets_which_is_why_the_recipe_takes_unit_vectors():
    outputs = pairs(size=16, dim=2000)
    published = (outputs["image"] @ outputs["image"].T).softmax(dim=1)
    assert published.diagonal().min() > 1 - 1e-9
    unit = torch.nn.functional.normalize(outputs["image"], dim=1)
    assert (unit @ unit.T / 0.1).softmax(dim=1).diagonal().max() < 1 - 1e-4


def test_image_centric_with_unit_vectors_does_not_depend_on_lengths_and_its_gradient_passes_through_the_targets():
    outputs = pairs()
    loss = ImageCentric(temperature=0.2, normalise=True)
    longer = {name: value * 9 for name, value in outputs.items()}
    assert float(loss(outputs, {})) == pytest.approx(float(loss(longer, {})), rel=1e-9)
    image = outputs["image"].clone().requires_grad_()
    ImageCentric()({**outputs, "image": image}, {}).backward()
    fixed = outputs["image"].clone().requires_grad_()
    target = (outputs["image"] @ outputs["image"].T).softmax(dim=1)
    torch.nn.functional.cross_entropy(fixed @ outputs["spot"].T, target).backward()
    assert not torch.allclose(image.grad, fixed.grad)


def test_bleep_is_both_directions_against_the_mean_similarity_of_images_and_of_spots():
    outputs = pairs()
    image, spot = outputs["image"], outputs["spot"]
    target = [softmax([(dot(a, b) + dot(s, t)) / 2 for b, t in zip(image, spot, strict=True)])
              for a, s in zip(image, spot, strict=True)]  # fmt: skip
    total = 0.0
    for i in range(5):
        from_spot = [math.log(p) for p in softmax([dot(spot[i], other) for other in image])]
        from_image = [math.log(p) for p in softmax([dot(image[i], other) for other in spot])]
        total -= sum(target[i][j] * from_spot[j] + target[j][i] * from_image[j] for j in range(5))
    loss = InfoNCE(targets="embeddings")(outputs, {})
    assert float(loss) == pytest.approx(total / 10, rel=1e-6)


@pytest.mark.parametrize("loss", [ImageCentric, InfoNCE])
def test_a_temperature_of_nothing_is_refused(loss):
    with pytest.raises(ValueError, match="temperature is greater than 0, not 0"):
        loss(temperature=0)
