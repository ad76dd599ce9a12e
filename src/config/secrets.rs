//! The secrets. (being built)
