//! What can be wrong with a configuration. All faults are collected and reported at once.

use std::path::PathBuf;

use pregonero_settings::Fault;

/// Why there are no settings. The program ends with exit code 78.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No file was named, and there is none in the places that are searched.
    #[error("no configuration file: searched for {}; name one with --config FILE", listed(.searched))]
    NotFound {
        /// The places, in the order they were tried.
        searched: Vec<PathBuf>,
    },
    /// The file cannot be read, or a file that was named does not exist.
    #[error("{}: cannot read the configuration: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error that the system returned.
        source: std::io::Error,
    },
    /// The configuration has faults: all of them, in the order of the layers.
    #[error("{}", lines(.0))]
    Faults(Vec<Fault>),
}

impl ConfigError {
    /// Returns the faults of the configuration; none if there was no file to read.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        match self {
            Self::Faults(faults) => faults,
            Self::NotFound { .. } | Self::Unreadable { .. } => &[],
        }
    }
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", then ")
}

fn lines(faults: &[Fault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
