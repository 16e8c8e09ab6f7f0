"""One training loop, for networks, cloud halves, autoencoders and attackers alike."""

import contextlib
from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax

from hybrid_jax import mesh
from hybrid_jax.data.batches import batch_indices
from hybrid_jax.data.stream import GROUP, Stream
from hybrid_jax.optimizers import Averaged

# loss(params, model_state, data, indices, key) -> (scalar, (terms, new model_state)): gathers its own batch from `data`
# by `indices` [B] (`slice(None)` where `data` is the batch), so that what lies on the device (rows, say, where windows
# overlap) is the loss's own business.
Loss = Callable[..., tuple[jax.Array, tuple[dict[str, jax.Array], Any]]]


class State(flax.struct.PyTreeNode):
    """All that training changes."""

    step: jax.Array
    params: Any
    model_state: Any  # Flax collections other than params, such as batch_stats
    opt_state: optax.OptState

    @property
    def found(self) -> Any:
        """What training found: the mean of the parameters where the optimizer keeps one, else the parameters."""
        return self.opt_state.average if isinstance(self.opt_state, Averaged) else self.params

    @property
    def variables(self) -> dict[str, Any]:
        """A network's variables, with what training found."""
        return {"params": self.found, **self.model_state}


def init(params: Any, optimizer: optax.GradientTransformation, model_state: Any = None) -> State:
    """State at step 0. What is given is copied, because training donates its state."""
    params, model_state = jax.tree.map(jnp.array, (params, model_state or {}))
    return State(jnp.int32(0), params, model_state, optimizer.init(params))


def begin(variables: Mapping[str, Any], optimizer: optax.GradientTransformation) -> State:
    """`init` with the variables of a network: its parameters, and its other collections as model state."""
    others = {name: tree for name, tree in variables.items() if name != "params"}
    return init(variables["params"], optimizer, others)


def fit(
    loss: Loss,
    state: State,
    data: Any,
    indices: jax.Array,
    key: jax.Array,
    *,
    optimizer: optax.GradientTransformation,
    batch_size: int,
    num_steps: int,
    steps_per_call: int,
) -> Generator[tuple[State, dict[str, jax.Array]], None, None]:
    """Trains from `state` to step `num_steps`, a compiled call at a time.

    Stops fall on multiples of `steps_per_call` whatever step `state` starts from, and each batch, dropout mask and draw
    depends only on `key` and the step: going on from any state yielded gives the same result, bit for bit.

    Args:
        loss: see `Loss`; hashable, and the same object (or equal) over calls that should share one compilation.
        state: from `init`, or restored; its buffers are donated.
        data: any pytree of device arrays, handed to `loss`.
        indices: [N] int, the samples to train on.
        key: root of all randomness in this training.
        optimizer: the same object that made `state`.
        batch_size: samples a step, at most N.
        num_steps: where to stop.
        steps_per_call: steps between two yields.

    Yields:
        The state after each call, and the terms of the loss averaged over its steps.
    """
    if int(state.step) >= num_steps:
        return
    call = partial(_run, loss=loss, optimizer=optimizer, batch_size=batch_size)
    arguments = (data, indices, key)
    looped = _loops(partial(_run.lower, **call.keywords), state, *arguments)

    def run(state: State, step: int, stop: int):
        return _advance(call, state, arguments, step, stop, looped)

    yield from _calls(run, state, num_steps, steps_per_call)


def fit_stream(
    loss: Loss,
    state: State,
    data: Mapping[str, Any],
    stream: Stream,
    key: jax.Array,
    *,
    optimizer: optax.GradientTransformation,
    num_steps: int,
    steps_per_call: int,
) -> Generator[tuple[State, dict[str, jax.Array]], None, None]:
    """`fit` on data that does not fit the device: the same steps on the same batches, equal to rounding.

    Also from one stop on as without it, bit for bit.

    Args:
        loss: see `Loss`; it is given `data` with the batch's arrays, and `slice(None)` for indices.
        state: see `fit`.
        data: what all batches have in common.
        stream: of the batches; afterwards it tells how long training waited for them.
        key: see `fit`.
        optimizer: see `fit`.
        num_steps: see `fit`.
        steps_per_call: see `fit`.

    Yields:
        As `fit`.
    """
    begin = int(state.step)
    if begin >= num_steps:
        return
    call = partial(_run_group, loss=loss, optimizer=optimizer)
    with contextlib.closing(stream.groups(_order(key), begin, num_steps)) as groups:
        group = next(groups)
        looped = _loops(partial(_run_group.lower, **call.keywords), state, data, group, key)

        def run(state: State, step: int, stop: int):
            nonlocal group
            sums = before = None
            while step < stop:
                if step % GROUP == 0 and step != begin:
                    group = next(groups)
                end = min((step // GROUP + 1) * GROUP, stop)
                state, more = _advance(call, state, (data, group, key), step, end, looped)
                # One group runs and one is ready to: with more, the device would fill with groups.
                jax.block_until_ready(before)
                sums, before = _sum(sums, more), more
                step = end
            return state, sums

        yield from _calls(run, state, num_steps, steps_per_call)


def _calls(run: Callable, state: State, num_steps: int, steps_per_call: int):
    while (step := int(state.step)) < num_steps:
        stop = min((step // steps_per_call + 1) * steps_per_call, num_steps)
        state, sums = run(state, step, stop)
        yield state, {name: value / (stop - step) for name, value in sums.items()}


def _loops(lower: Callable, state: State, *arguments: Any) -> bool:
    """Whether steps are looped over by the compiled program, not by Python.

    On a CPU the gradient of a convolution's kernel, as JAX derives it, takes many times as long inside a loop
    (3x3: 14 to 52 times with the rest of a pass, `benchmarks/convolutions.py`). It is a convolution whose batch is the
    input's features.
    """
    if jax.default_backend() != "cpu":
        return True
    return "dim_numbers = [f, " not in lower(state, *arguments, jnp.int32(0)).as_text()


def _advance(call: Callable, state: State, arguments: tuple, step: int, stop: int, looped: bool):
    """The state at `stop`, and the sums of the terms over the steps to it."""
    if looped:
        return call(state, *arguments, jnp.int32(stop))
    sums = None
    for _ in range(step, stop):
        state, terms = call(state, *arguments)
        sums = _sum(sums, terms)
    return state, sums


def _sum(sums: dict[str, jax.Array] | None, terms: dict[str, jax.Array]) -> dict[str, jax.Array]:
    return terms if sums is None else jax.tree.map(jnp.add, sums, terms)


def _order(key: jax.Array) -> jax.Array:
    """The seed of `batch_indices`."""
    return jax.random.bits(jax.random.fold_in(key, 0), (), jnp.uint32)


@partial(jax.jit, static_argnames=("loss", "optimizer", "batch_size"), donate_argnums=0)
def _run(state: State, data, indices, key, stop=None, *, loss: Loss, optimizer, batch_size: int):
    order = _order(key)

    def batch(step: jax.Array):
        chosen = batch_indices(order, step, size=indices.shape[0], batch_size=batch_size)
        return data, mesh.split(indices[chosen])

    return _steps(state, batch, key, stop, loss, optimizer)


@partial(jax.jit, static_argnames=("loss", "optimizer"), donate_argnums=0)
def _run_group(state: State, data, group, key, stop=None, *, loss: Loss, optimizer):
    def batch(step: jax.Array):
        own = jax.tree.map(lambda a: a[step % jnp.int32(GROUP)], group)
        return {**data, **mesh.split(own)}, slice(None)

    return _steps(state, batch, key, stop, loss, optimizer)


def _steps(state: State, batch: Callable, key, stop, loss: Loss, optimizer):
    steps_key = jax.random.fold_in(key, 1)

    @partial(jax.jit, inline=True)  # traced once, for the shapes of its terms and for the loop
    def step(state: State) -> tuple[State, dict[str, jax.Array]]:
        data, chosen = batch(state.step)
        compute = jax.value_and_grad(loss, has_aux=True)
        step_key = jax.random.fold_in(steps_key, state.step)
        (total, (terms, model_state)), gradients = compute(
            state.params, state.model_state, data, chosen, step_key
        )
        updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
        params = optax.apply_updates(state.params, updates)
        new = State(state.step + 1, params, model_state, opt_state)
        return mesh.whole((new, {"loss": total, **terms}))

    if stop is None:
        return step(state)

    def body(carry):
        state, sums = carry
        state, terms = step(state)
        return state, jax.tree.map(jnp.add, sums, terms)

    zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), jax.eval_shape(step, state)[1])
    return jax.lax.while_loop(lambda carry: carry[0].step < stop, body, (state, zeros))
