//! The daemon and what it needs of the machine: [`lock`] keeps a second instance out, [`notify`] talks to systemd,
//! [`signals`] hears what it is told.

pub mod lock;
pub mod notify;
pub mod signals;
