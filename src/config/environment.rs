//! The only door to `std::env`. (being built)
