//! What can be wrong with a configuration. All faults are collected and told at once.

use std::path::PathBuf;

use pregonero_settings::Fault;

/// Why there are no settings. The program ends with exit code 78.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No file was named, and none lies where one is looked for.
    #[error("no configuration file: looked for {}; name one with --config FILE", listed(.searched))]
    NotFound {
        /// The places, in the order they were tried.
        searched: Vec<PathBuf>,
    },
    /// The file cannot be read, or a file that was named is not there.
    #[error("{}: cannot read the configuration: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What is written is wrong; every fault, in the order of the layers.
    #[error("{}", lines(.0))]
    Faults(Vec<Fault>),
}

impl ConfigError {
    /// The faults in what is written; none where there was no file to read.
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
