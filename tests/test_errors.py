"""A mistake is answered in one line that says what would be right."""

import pytest

from hybrid_jax.errors import UserError, unknown

LAYERS = ("conv_1", "conv_4", "fc_1", "fc_2")


def test_unknown_names_the_thing_the_value_and_everything_known():
    error = unknown("layer", "flatten", LAYERS)
    assert str(error) == "unknown layer 'flatten': known: conv_1, conv_4, fc_1, fc_2"


def test_unknown_puts_the_nearest_name_first():
    message = str(unknown("layer", "conv4", LAYERS))
    assert message.startswith("unknown layer 'conv4': did you mean 'conv_4'")
    assert message.endswith("known: conv_1, conv_4, fc_1, fc_2")


def test_unknown_keeps_the_order_given():
    assert str(unknown("size", "x", ["b", "c", "a"])).endswith("known: b, c, a")


@pytest.mark.parametrize("name", [7, None, "", ("a", "b")])
def test_unknown_takes_any_value_as_a_name(name):
    assert f"unknown count {str(name)!r}: " in str(unknown("count", name, [1, 2]))


def test_unknown_takes_an_iterator():
    assert str(unknown("method", "nosy", iter(["noisy", "simple"]))) == (
        "unknown method 'nosy': did you mean 'noisy'? known: noisy, simple"
    )


def test_message_is_one_line_whatever_the_user_typed():
    assert "\n" not in str(unknown("layer", "conv\n4", LAYERS))


def test_a_user_error_is_a_value_error_and_nothing_else_is_a_user_error():
    assert isinstance(unknown("layer", "x", LAYERS), UserError)
    assert issubclass(UserError, ValueError)
    with pytest.raises(ValueError, match="unknown layer"):
        raise unknown("layer", "x", LAYERS)
