//! Plots as SVG, small enough to lie in a repository.
//!
//! Drawn here and not by a plotting crate because a picture in a Markdown page stands on light and dark paper: the
//! colours are CSS classes that follow the reader's scheme ([`svg`]), which no crate's SVG backend gives. [`chart`] has
//! lines, dots and bars over two axes, [`matrix`] the confusion matrix.

pub mod chart;
pub mod matrix;
pub mod svg;

pub use self::chart::{Axis, Chart, Mark, Series};
pub use self::matrix::confusion_matrix;
