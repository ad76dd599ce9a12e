//! Data sets: from files of every kind to a folder whose contents one can answer for.
//!
//! - [`row`]: one row of any file: named values, and where it stands.
//! - [`names`]: the names that the columns of tweets have, whatever kind of file they come from.
//! - [`json_row`]: a row as a JSON object, and back.
//! - [`folder`]: the folder of a data set: data files and the manifest that describes them.

pub mod folder;
pub mod json_row;
pub mod names;
pub mod row;
