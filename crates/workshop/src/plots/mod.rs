//! Plots as SVG, small enough to be kept in a repository.
//!
//! This module draws them itself because a picture in a Markdown page appears on light and on dark backgrounds: the
//! colours are CSS classes that follow the reader's scheme ([`svg`]), which no crate's SVG backend offers. [`chart`] draws
//! lines, dots and bars over two axes, [`matrix`] draws the confusion matrix.

pub mod chart;
pub mod matrix;
pub mod svg;

pub use self::chart::{Axis, Chart, Mark, Series, tick_label};
pub use self::matrix::confusion_matrix;
