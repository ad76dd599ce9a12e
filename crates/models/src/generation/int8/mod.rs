//! GPT-2 with int8 weights, for decoding on the CPU: a third of the time and a quarter of the memory of f32.
//!
//! [`image`] is what the weights look like in memory and in a file, [`network`] computes with them, [`quantisation`]
//! is what a folder says about how its weights were made and how much was lost. The arithmetic is in
//! `pregonero_kernels::int8`: a text depends on the weights alone, not on the processor.

mod image;
mod network;
mod quantisation;

pub(super) use image::Image;
pub(super) use network::Int8Gpt2;
pub use quantisation::{ALLOWED_LOSS, Check, Quantisation, Texts};
pub(super) use quantisation::{KEY, METHOD, of_folder};

#[cfg(test)]
mod tests;
