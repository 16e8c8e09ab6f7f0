"""What reads a config: a mode of `launch.py` is a file here, with `setup` and `workdir` shared by all."""
