//! Data sets: from files of every kind to a folder whose contents one can answer for.
//!
//! - [`row`]: one row of any file: named values, and where it is.
//! - [`names`]: the names that the columns of tweets have, whatever kind of file they come from.
//! - [`read`]: the one reader: rows of files of every kind, and a report of what was found and dropped.
//! - [`import`]: rows of any files on their way into a data set.
//! - [`folder`]: the folder of a data set: data files and the manifest that describes them.
//! - [`parquet_file`]: Parquet files, read and written as a stream.
//! - [`json_row`]: a row as a JSON object, and back.
//! - [`times`]: times as files of tweets write them, in one form.
//! - [`build`]: from files to a data set, as a spec says.
//! - [`groups`]: rows that belong together.
//! - [`label`]: labels by emoji and hashtags.
//! - [`similar`], [`near_duplicates`]: texts that say nearly the same.
//! - [`verify`], [`purge`], [`ids`]: what is done with a data set that is there.
//! - [`card`], [`croissant`]: descriptions of a data set, for people and for programs.
//! - [`trained_on`]: which data a model has seen.
//! - [`explore`]: what a page about a data set shows, counted in one pass.
//! - [`split`]: the parts to train and to test with.

pub mod build;
pub mod card;
pub mod croissant;
pub mod explore;
pub mod folder;
pub mod groups;
pub mod ids;
pub mod import;
pub mod json_row;
pub mod label;
pub mod names;
pub mod near_duplicates;
pub mod parquet_file;
pub mod purge;
pub mod read;
pub mod row;
pub mod similar;
pub mod split;
pub mod times;
pub mod trained_on;
pub mod verify;
