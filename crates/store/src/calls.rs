//! What every call to X leaves on record, whether it posted ([`super::attempts`]) or only read ([`super::reads`]).

use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// What is known of an answer. Contains no secret.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CallDetail {
    pub http_status: Option<u16>,
    /// The program's own classification: the kind of refusal, or the limit's window.
    pub kind: Option<String>,
    /// X's problem type.
    pub problem: Option<String>,
    /// X's own words, or why no answer came.
    pub detail: Option<String>,
    pub transaction_id: Option<String>,
}

impl CallDetail {
    /// Reads it from the five columns that `attempts` and `reads` have in common.
    pub(super) fn of_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            http_status: row.try_get("http_status")?,
            kind: row.try_get("kind")?,
            problem: row.try_get("problem")?,
            detail: row.try_get("detail")?,
            transaction_id: row.try_get("transaction_id")?,
        })
    }
}
