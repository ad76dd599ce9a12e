//! What the tests stand on.

pub mod fake_engine;
pub mod fake_x;
pub mod page;
pub mod process;
pub mod record;
pub mod small_disk;
pub mod test_bot;
pub mod tiny_model;
