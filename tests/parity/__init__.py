"""Parity of `annstream concat` with `anndata.concat`."""
