//! The companion: a task that runs at the same time as the daemon's loop and sees its state. It is the admin page. The daemon
//! does not know that; the command that starts the daemon passes it in.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::status::DaemonStatus;
use crate::app::App;
use crate::config::ShownSetting;

/// The daemon's state after the last turn of its loop.
#[derive(Debug, Clone)]
pub struct View {
    /// The app with the settings in force.
    pub app: Arc<App>,
    pub status: DaemonStatus,
    /// Every key in effect with its origin.
    pub shown: Arc<Vec<ShownSetting>>,
}

/// What the companion receives.
#[derive(Debug, Clone)]
pub struct CompanionInput {
    /// Changes with every turn of the loop.
    pub view: watch::Receiver<Arc<View>>,
    /// Cancelled when the daemon stops.
    pub stop: CancellationToken,
}

/// Starts the companion. Its future ends only after `stop` is cancelled.
pub type Companion = Box<dyn FnOnce(CompanionInput) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;
