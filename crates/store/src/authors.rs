//! Names in the record for actions that no person took.

/// The name used if X itself stops posting.
pub const BY_X: &str = "X";

/// The name used if the program itself decides.
pub const BY_THE_PROGRAM: &str = "pregonero";
