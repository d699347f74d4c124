//! AnnData files: what stands in them, and every encoding read and written.
