//! What did the operator set?
#[cfg(test)]
pub(crate) mod case;
