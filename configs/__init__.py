"""Experiments, one a file; `launch.py --config=configs/NAME.py[:ARG,key=value]`."""
