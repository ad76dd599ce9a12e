//! What runs beside the loop and sees its state: the admin page. The daemon does not know it; the command that starts the
//! daemon brings it along.

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
pub struct Beside {
    /// Changes with every turn of the loop.
    pub view: watch::Receiver<Arc<View>>,
    /// Cancelled when the daemon stops.
    pub stop: CancellationToken,
}

/// Starts the companion; its future ends only when it is told to stop.
pub type Companion = Box<dyn FnOnce(Beside) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;
