//! The public test-suite every backend passes.
