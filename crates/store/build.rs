//! Nothing to build; the build-dependencies fix features.

fn main() {}
