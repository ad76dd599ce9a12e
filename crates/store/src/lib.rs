//! SQLite: rounds, all their candidates, the posts they led to and the calls made for them.
//!
//! One constraint: every write goes through one connection, in a transaction that takes the write lock at its start
//! (`BEGIN IMMEDIATE`), so that a read followed by a write can never lose the race in between. Each file contains the
//! queries of one subject; outside this crate only tests use SQL. A post changes its state only through
//! [`PostState::may_become`].

mod adoption;
mod alerts;
mod attempts;
mod authors;
mod backup;
mod calls;
mod candidates;
mod check;
mod checkpoints;
mod columns;
mod connection;
mod engagement;
mod erasure;
mod error;
mod filter;
mod fingerprint;
mod halts;
mod history;
mod identity;
mod ids;
mod lease;
mod ledger;
mod links;
mod log_check;
mod log_reads;
mod mark;
mod metrics;
mod open;
mod paths;
mod posts;
mod reads;
mod restore;
mod retention;
mod reviews;
mod rounds;
mod schema;
mod sessions;
mod sign_ins;
mod space;
mod spending;
mod state;
mod stats;
mod tallies;
pub mod testing;
mod transitions;
mod unknown;
mod users;
mod watch;
mod windows;

pub use alerts::{AlertChanges, AlertChannel, AlertKind, AlertRecord, Condition, Notice, NoticeStatus};
pub use attempts::AttemptRecord;
pub use attempts::{ArmRefusal, Armed, CallEnd, Draft, Postponement, Settlement, Stop, WaitCause};
pub use authors::{BY_THE_PROGRAM, BY_X};
pub use backup::{Backup, backup, dated_name, prune};
pub use calls::CallDetail;
pub use candidates::CandidateRecord;
pub use check::{Finding, check, try_write};
pub use checkpoints::{Anchor, AnchorChannel, CheckpointKey, StoredCheckpoint};
pub use engagement::{Engagement, Measured, Reading};
pub use erasure::{Erased, ErasedMark, Erasure};
pub use error::StoreError;
pub use filter::HistoryFilter;
pub use fingerprint::Fingerprint;
pub use halts::{Halt, OTHER_ACCOUNT, Resumed};
pub use history::{Charge, HistoryEntry, HistoryRecord};
pub use ids::{AttemptId, PostId, RoundId, SlotId};
pub use ledger::{LedgerRecord, NOT_COVERED, TreeHead};
pub use links::{DecisionLink, LinkId, LinkStanding};
pub use log_check::{KeyMark, LogFault, LogReport, RestoreMark};
pub use metrics::MeasuredRound;
pub use open::Store;
pub use posts::PostRecord;
pub use posts::{Earlier, NewPost, Origin, Unlike};
pub use reads::ReadRecord;
pub use reads::{Account, NewRead, ReadKind};
pub use restore::{Restored, UnsettledPost, restore};
pub use retention::Pruned;
pub use reviews::{Approval, Decision, ReviewRecord, Revision};
pub use rounds::{NewRound, RoundRecord, SinceLastPost, StandInRecord, StandInWriter};
pub use sessions::{NewSession, SessionLimits, SessionUser};
pub use sign_ins::{SignInTry, SignInWait};
pub use space::{LEAST_FREE_BYTES, free_bytes};
pub use spending::{Spent, SpentSince};
pub use state::HistoryState;
pub use state::{
    AttemptOutcome, Endpoint, HaltCause, PostState, ReadOutcome, RecordKind, ReviewAct, Role, RoundOutcome, WindowName,
};
pub use stats::{GateCounts, OfScores, StatsBy, StatsQuery, StatsRow, Stopped};
pub use unknown::{Absence, MayHavePosted, UnknownPost};
pub use users::{UserError, UserRecord};
pub use watch::RecordWatch;
pub use windows::LONGEST_WINDOW;
pub use windows::Window;
