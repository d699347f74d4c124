"""The Python package against anndata and scanpy."""
