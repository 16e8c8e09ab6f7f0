"""Which operating point to ship. Without imports: launch.py reads the criteria before anything is loaded."""
