//! Who the record names where no person acted.

/// Who is named where X itself stops the posting.
pub const BY_X: &str = "X";

/// Who is named where the program itself decides.
pub const BY_THE_PROGRAM: &str = "pregonero";
