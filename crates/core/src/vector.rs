//! Loops at the speed of the processor at hand.

/// Runs a loop compiled for the widest instructions that this processor has; the binary runs on all of them. What is
/// called in it has to be inlined to gain. Results do not depend on it: nothing is reordered or fused.
#[inline]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}
