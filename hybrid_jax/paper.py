"""What the paper printed, and the words in which it and we say things."""

from collections.abc import Iterable

LAYER_NAMES = {
    "conv_4": "Conv-4",
    "fc_1": "FC-1",
    "fc_2": "FC-2",
    "conv5_1": "Conv5-1",
    "conv5_2": "Conv5-2",
    "conv5_3": "Conv5-3",
}
METHOD_NAMES = {
    "simple": "Simple",
    "reduced": "Reduced",
    "siamese": "Siamese",
    "reduced_siamese": "Red. Siam.",
    "noisy": "Noisy",
    "noisy_reduced": "Noisy reduced",
    "advanced": "Advanced",
    "on_premise": "On-premise",
}

# Table 1, accuracy in percent: gender on LFW (VGG-16), activity on MotionSense (MTCNN).
_TABLE_1 = {
    "gender": {
        "simple": {"conv5_1": 94.0, "conv5_2": 94.0, "conv5_3": 94.0},
        "reduced": {"conv5_1": 89.7, "conv5_2": 87.0, "conv5_3": 94.0},
        "siamese": {"conv5_1": 92.7, "conv5_2": 92.7, "conv5_3": 93.5},
        "reduced_siamese": {"conv5_1": 91.3, "conv5_2": 92.9, "conv5_3": 93.3},
    },
    "activity": {
        "simple": {"conv_4": 93.0, "fc_1": 92.7, "fc_2": 93.2},
        "reduced": {"conv_4": 85.3, "fc_1": 92.5, "fc_2": 93.1},
        "siamese": {"conv_4": 93.2, "fc_1": 93.3, "fc_2": 94.2},
        "reduced_siamese": {"conv_4": 90.1, "fc_1": 92.8, "fc_2": 94.2},
    },
}

_GALLERY_NAMES = {
    "self": "queries (the paper's)",
    "leave_one_out": "leave one out",
    "leave_group_out": "leave group out",
    "held_out": "held-out data",
}
_ATTACKER_DATA_NAMES = {
    "network_train": "training data",
    "unseen": "unseen data",
    "both": "training and unseen data",
}


def table_1(task: str, layer: str, method: str) -> float | None:
    """Accuracy in percent that Table 1 gives, None where it gives none."""
    return _TABLE_1.get(task, {}).get(method, {}).get(layer)


def layer_name(layer: str) -> str:
    """A layer as the paper writes it; any other layer as it is."""
    return LAYER_NAMES.get(layer, layer)


def method_name(method: str) -> str:
    """A method as the paper writes it; any other, such as another defence, as it is."""
    return METHOD_NAMES.get(method, method)


def in_order(methods: Iterable[str]) -> list[str]:
    """Each method once, in the paper's order, then those that are not in it.

    >>> in_order(["LDP", "advanced", "simple", "LDP"])
    ['simple', 'advanced', 'LDP']
    """
    found = list(dict.fromkeys(methods))
    known = [method for method in METHOD_NAMES if method in found]
    return known + [method for method in found if method not in METHOD_NAMES]


def method_words(method: str) -> str:
    """A method within a sentence.

    >>> method_words("noisy_reduced"), method_words("LDP")
    ('noisy reduced', 'LDP')
    """
    return METHOD_NAMES[method].lower() if method in METHOD_NAMES else method


def reduction_words(reduction: str | None) -> list[str]:
    """The reduction, to be joined to a name; nothing of PCA, the paper's, and of none, which the method tells."""
    return [] if reduction in (None, "none", "pca") else [reduction]


def embedding_name(layer: str, method: str, reduction: str | None) -> str:
    """An embedding, as the rows of tables are called.

    >>> embedding_name("fc_1", "advanced", "pca"), embedding_name("fc_1", "reduced", "autoencoder")
    ('FC-1, advanced', 'FC-1, reduced, autoencoder')
    """
    return ", ".join([layer_name(layer), method_words(method), *reduction_words(reduction)])


def adversary_name(gallery: str, attacker_data: str | None) -> str:
    """What the adversary holds, in words."""
    if attacker_data in _ATTACKER_DATA_NAMES:
        return _ATTACKER_DATA_NAMES[attacker_data]
    return _GALLERY_NAMES.get(gallery, gallery)
