"""Networks by name, each made for a task by `make(tasks, **settings)`."""

from hybrid_jax.models.mtcnn import mtcnn

MODELS = {"mtcnn": mtcnn}
