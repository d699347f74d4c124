//! Nothing is built here: the build-dependency on `cc` fixes its features (see Cargo.toml).

fn main() {}
