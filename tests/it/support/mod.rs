//! What the tests stand on.

pub mod fake_x;
pub mod tiny_model;
