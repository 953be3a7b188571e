"""The ops of the step inside a network: they change what they should and nothing else."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sbn.augment.pipeline import parse
from sbn.config.errors import ConfigError
from sbn.data.pixels import normalise, pack
from sbn.models.network import no_tap
from sbn.nn import branches
from sbn.tasks import mixing, passes
from sbn.tasks.base import StageViews
from sbn.tasks.classification import divergence, make_classification
from sbn.train.state import stream_key
from tests.tasks.parts import averaged, batch_of, described

N, CLASSES = 8, 10
OP = "adversarial(8, 4, 3)"


def views_of(main="", aux="", *, weights=(0.5, 0.5), indices=(0, 1), draws=(0, 1)):
    ops = (parse(main), parse(aux))
    streams = tuple((stream,) * len(pipeline) for stream, pipeline in zip(draws, ops, strict=True))
    return StageViews(("main", "aux"), weights, indices, ops, streams)


def keys_at(step):
    return lambda stream: stream_key(0, stream, step)


def task_of(config):
    return make_classification(config, described(classes=CLASSES, size=(16, 16)))


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    pixels = pack(rng.integers(0, 256, (N, 2, 16, 16, 3), np.uint8))
    return batch_of(pixels, np.arange(N, dtype=np.int32))


@pytest.fixture(scope="module")
def task(tiny):
    return task_of(tiny())


@pytest.fixture(scope="module")
def variables(task, batch):
    """Their statistics and head are no longer those of the start."""
    made = task.init(stream_key(3, "init"))
    params, stats = made["params"], made["batch_stats"]
    gradient = jax.jit(jax.grad(loss_from(task, batch, views_of()), has_aux=True))
    for step in range(3):
        grads, (stats, _) = gradient(params, stats, step)
        params = jax.tree.map(lambda p, g: p - 0.1 * g, params, grads)
    return {"params": params, "batch_stats": stats}


@pytest.fixture(scope="module")
def clean(task, variables, batch):
    """(loss, metrics) without ops of the step, where the first view alone has a weight."""
    total, (_, metrics) = run(task, variables, batch, views_of(weights=(1.0, 0.0)))
    return float(total), metrics


def loss_from(task, batch, views, **objective):
    task = dataclasses.replace(task, **objective)

    def loss(params, stats, step=0):
        own = {"params": params, "batch_stats": stats}
        return averaged(task.loss(own, batch, views=views, numbers={}, keys=keys_at(step)))

    return loss


def run(task, variables, batch, views, **objective):
    return jax.jit(loss_from(task, batch, views, **objective))(variables["params"], variables["batch_stats"])


def mix(images, labels, views, step=0, points=()):
    return mixing.mix_views(
        images,
        labels,
        views=views,
        keys=keys_at(step),
        points=points,
        attack=None,
        std=(0.25,) * 3,
        strengths=(1.0,) * len(views.names),
    )


ONE_HOT = jnp.eye(N)


def random_images(seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(N, 2, 6, 6, 3)), jnp.float32)


def test_a_view_without_ops_of_the_step_is_left_as_it_is():
    x = random_images()
    got = mix(x, ONE_HOT, views_of(aux="mixup(1)"))
    np.testing.assert_array_equal(got.images[:, 0], x[:, 0])
    np.testing.assert_array_equal(got.targets[:, 0], ONE_HOT)
    assert (got.images[:, 1] != x[:, 1]).any()
    nothing = mix(x, ONE_HOT, views_of())
    np.testing.assert_array_equal(nothing.images, x)
    np.testing.assert_array_equal(nothing.targets, jnp.stack([ONE_HOT, ONE_HOT], axis=1))


def test_views_meet_partners_of_their_own_unless_they_share_draws():
    x = random_images()
    own = mix(x, ONE_HOT, views_of("mixup(1)", "mixup(1)")).targets
    shared = mix(x, ONE_HOT, views_of("mixup(1)", "mixup(1)", draws=(0, 0))).targets
    assert (own[:, 0] != own[:, 1]).any()
    np.testing.assert_array_equal(shared[:, 0], shared[:, 1])
    np.testing.assert_array_equal(own[:, 0], shared[:, 0])


def test_steps_and_repeated_ops_draw_anew():
    x = random_images()
    once, again = (mix(x, ONE_HOT, views_of("mixup(1)"), step).targets for step in (1, 2))
    twice = mix(x, ONE_HOT, views_of("mixup(1)|mixup(1)"), 1).targets
    assert (once != again).any()
    assert ((twice[:, 0] > 0).sum(-1) > 2).any()  # somebody met two partners: the second draw is not the first
    np.testing.assert_array_equal(once, mix(x, ONE_HOT, views_of("mixup(1)"), 1).targets)


@pytest.mark.parametrize(("kind", "place"), [("split", 0), ("split", 1), ("split", 2), ("shared", 1)])
def test_manifold_mixup_mixes_one_view_at_one_place(tiny, batch, kind, place):
    """Against the same network, its activations recorded, mixed in NumPy, and put back."""
    task = task_of(tiny({"norm.kind": kind}))
    points = task.model.network.mixing_points
    variables, views = task.init(stream_key(3, "init")), views_of(aux="manifold_mixup(1)")
    images = normalise(batch["inputs"]["image"], mean=task.mean, std=task.std)
    for step in range(40):  # the first step that draws this place
        got = mix(images, ONE_HOT, views, step, points)
        key = jax.random.fold_in(stream_key(0, "manifold_mixup/0", step), 1)
        if mixing.mix.draw_hidden_mix(views.ops[1][0], key, N).place == place:
            break
    else:
        pytest.fail(f"no step of 40 drew place {place}")
    np.testing.assert_array_equal(got.images, images)
    np.testing.assert_array_equal(got.targets[:, 0], ONE_HOT)
    targets = np.asarray(got.targets[:, 1], np.float64)
    off = np.where(np.eye(N, dtype=bool), 0, targets)
    partner = np.where(off.max(1) > 0, off.argmax(1), np.arange(N))
    assert (partner != np.arange(N)).any()

    def by_hand(name, x):
        if name != points[place]:
            return x
        both = np.array(x, np.float64).reshape(N, -1, *x.shape[1:])
        share = np.diag(targets).reshape(N, *(1,) * (both.ndim - 2))
        both[:, -1] = share * both[:, -1] + (1 - share) * both[partner, -1]
        return jnp.asarray(both.reshape(x.shape), jnp.float32)

    def apply(both, alone):
        """Both views as one batch through one branch, or the second alone through its own."""
        if kind == "shared":
            logits = task.model.apply(variables, branches.fold(images), train=False, through=(0,), tap=both)
            return logits.reshape(N, 2, -1)
        return jnp.stack(
            [
                task.model.apply(variables, images[:, k : k + 1], train=False, through=(k,), tap=tap)[:, 0]
                for k, tap in enumerate((no_tap, alone))
            ],
            axis=1,
        )

    second = mix(images[:, 1:], ONE_HOT, views.take((1,)), step, points).tap
    mixed, plain = apply(got.tap, second), apply(no_tap, no_tap)
    # float32 through ten layers
    np.testing.assert_allclose(mixed, apply(by_hand, by_hand), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(mixed[:, 0], plain[:, 0])
    assert jnp.abs(mixed[:, 1] - plain[:, 1]).max() > 1e-4


def test_soft_labels_weigh_the_loss_and_the_accuracy(task, variables, batch):
    """λ CE(y) + (1 - λ) CE(y of the partner), the papers' form, from logits that nothing mixed."""
    views = views_of(aux="mixup(1)")
    total, (_, metrics) = run(task, variables, batch, views)
    images = normalise(batch["inputs"]["image"], mean=task.mean, std=task.std)
    got = mix(images, jax.nn.one_hot(batch["targets"]["label"], CLASSES), views)
    train = jax.jit(lambda v, x: task.model.apply(v, x, train=True, mutable=["batch_stats"]))
    logits, _ = train(variables, got.images)
    log_p = np.asarray(jax.nn.log_softmax(logits[:, 1]), np.float64)
    targets = np.asarray(got.targets[:, 1], np.float64)
    expected = np.mean([-(t[t > 0] * lp[t > 0]).sum() for t, lp in zip(targets, log_p, strict=True)])
    assert float(metrics["aux/loss"]) == pytest.approx(expected, rel=1e-4)
    assert float(metrics["aux/accuracy"]) == pytest.approx(targets[np.arange(N), log_p.argmax(1)].mean(), rel=1e-5)
    assert float(total) == pytest.approx(float(metrics["main/loss"] + metrics["aux/loss"]) / 2, rel=1e-6)


def test_an_attack_stays_in_its_ball_and_raises_the_loss(task, variables, clean, batch):
    attacked, (_, before) = views_of(aux=OP), clean
    after = run(task, variables, batch, attacked)[1][1]
    assert float(after["aux/loss"]) > float(before["aux/loss"]) + 0.1
    assert float(after["main/loss"]) == pytest.approx(float(before["main/loss"]), rel=1e-5)
    images = normalise(batch["inputs"]["image"], mean=task.mean, std=task.std)
    new = adversarial_images(task, variables, images, attacked)
    moved = np.abs(np.asarray(new[:, 1] - images[:, 1])) * 255 * 0.25
    assert 1 < moved.max() <= 8 + 1e-4
    assert np.abs(np.asarray(new)).max() <= 2 + 1e-6  # 0 and 1 after normalisation


def adversarial_images(task, variables, images, views):
    attack = mixing.make_attack(
        passes.attacked(task.model, variables, views, branches=task.branches, keys=keys_at(0)),
        mean=task.mean,
        std=task.std,
    )
    labels = jnp.eye(CLASSES)[:N]
    rest = {"keys": keys_at(0), "points": (), "std": task.std, "strengths": (1.0, 1.0)}
    return jax.jit(lambda x: mixing.mix_views(x, labels, views=views, attack=attack, **rest).images)(images)


@pytest.mark.slow
def test_the_attack_moves_no_statistics_and_lets_no_gradient_through(task, variables, batch):
    """Training on an attacked view is training on its images as constants."""
    views = views_of(aux=OP)
    images = normalise(batch["inputs"]["image"], mean=task.mean, std=task.std)
    frozen = adversarial_images(task, variables, images, views)

    def plain(params):
        own = {**variables, "params": params}
        logits, updates = task.model.apply(own, frozen, train=True, mutable=["batch_stats"])
        log_p = jax.nn.log_softmax(logits)[jnp.arange(N), :, batch["targets"]["label"]]
        return -log_p.mean(), updates["batch_stats"]

    grads, stats = jax.jit(jax.grad(plain, has_aux=True))(variables["params"])
    gradient = jax.jit(jax.grad(loss_from(task, batch, views), has_aux=True))
    got, (new, _) = gradient(variables["params"], variables["batch_stats"])
    for one, other in zip(jax.tree.leaves((got, new)), jax.tree.leaves((grads, stats)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)  # two programs, float32


@pytest.mark.parametrize(
    ("branch", "index", "statistics"),
    [
        ("own", 1, "batch"),
        ("main", 0, "running"),
        *(
            pytest.param(*words, marks=pytest.mark.slow)
            for words in [("aux", 1, "batch"), ("own", 1, "running"), ("main", 0, "batch"), ("aux", 1, "running")]
        ),
    ],
)
def test_an_attack_is_on_the_branch_it_names(tiny, task, variables, batch, branch, index, statistics):
    """Against a plain network of that one branch."""
    alone = task_of(tiny({"branches": ("main",)}))
    images = normalise(batch["inputs"]["image"], mean=task.mean, std=task.std)
    text = f"adversarial(8, 8, branch='{branch}', statistics='{statistics}', random_start=False)"
    new = adversarial_images(task, variables, images, views_of(aux=text))[:, 1]

    def loss(x):
        own = branches.select_branch(variables, index)
        logits = alone.model.apply(own, x[:, None], train=statistics == "batch", mutable=["batch_stats"])[0]
        return -jax.nn.log_softmax(logits[:, 0])[jnp.arange(N), batch["targets"]["label"]].sum()

    x = images[:, 1]
    expected = jnp.clip(x + 8 / 255 / 0.25 * jnp.sign(jax.jit(jax.grad(loss))(x)), -2, 2)
    # Gradients near 0 may have another sign in another program.
    assert (np.abs(new - expected) < 1e-5).mean() > 0.999


def test_consistency_is_the_jensen_shannon_divergence(task, variables, clean, batch):
    logits = np.random.default_rng(0).normal(size=(5, 3, 4))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = [sum((q * np.log(q / example.mean(0))).sum() for q in example) / 3 for example in p]
    np.testing.assert_allclose(divergence(jnp.asarray(logits)), expected, rtol=1e-5)
    # Two certain, contradicting predictions: log 2, the most there is for two
    np.testing.assert_allclose(divergence(jnp.asarray([[[60.0, 0.0], [0.0, 60.0]]])), np.log(2), rtol=1e-5)
    np.testing.assert_allclose(divergence(jnp.zeros((2, 3, 4))), 0, atol=1e-6)

    without, metrics = clean
    assert without == pytest.approx(float(metrics["main/loss"]), rel=1e-6)
    with_it, (_, metrics) = run(task, variables, batch, views_of(weights=(1.0, 0.0)), consistency=12.0)
    assert float(metrics["consistency"]) > 1e-4
    assert float(with_it) == pytest.approx(without + 12 * float(metrics["consistency"]), rel=1e-5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("manifold_mixup(1, 3)", ["views.aux.augment", "deepest", "0 to 2", "input, group1, group2"]),
        ("adversarial(branch='axu')", ["views.aux.augment", "'axu'", "own", "did you mean 'aux'"]),
    ],
)
def test_what_the_model_has_not_is_refused(task, text, words):
    with pytest.raises(ConfigError) as caught:
        task.check_views(views_of(aux=text))
    assert all(word in str(caught.value) for word in words)
