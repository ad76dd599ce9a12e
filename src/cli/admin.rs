//! `pregonero admin`: who may use the admin page.

use std::io::{BufRead as _, IsTerminal as _};

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::output::counted;
use super::review::Decision;
use super::session::Session;
use crate::admin::password;
use crate::daemon::whereabouts::Purpose;
use pregonero_store::{Role, Store};
use pregonero_system::clock::shown_in;

/// What to do.
#[derive(Debug, Subcommand)]
pub enum AdminCommand {
    /// Add, change, list and remove the users of the page
    #[command(subcommand)]
    User(UserCommand),
    /// End a user's sessions
    #[command(subcommand)]
    Sessions(SessionsCommand),
}

/// What to do with users.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Roles: a reader sees the record; a reviewer also decides on posts and can pause; an admin also resumes, sees the
configuration and manages the users. The page is served at admin.listen as long as there is a user.

Examples:
  pregonero admin user add ana --role admin
  pregonero admin user add berta --role reviewer --password-stdin < password.txt
  pregonero admin user password ana        a new password; all sessions of ana end")]
pub enum UserCommand {
    /// Add a user; asks for the password, which needs at least 12 characters
    Add {
        /// The name to sign in with: letters, digits, dots, hyphens, underscores, @
        name: String,
        /// What the user may do
        #[arg(long)]
        role: RoleName,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        decision: Decision,
    },
    /// List the users
    List,
    /// Give a user another role
    Role {
        name: String,
        role: RoleName,
        #[command(flatten)]
        decision: Decision,
    },
    /// Give a user another password; all sessions of the user end
    Password {
        name: String,
        #[command(flatten)]
        password: PasswordSource,
        #[command(flatten)]
        decision: Decision,
    },
    /// Stop a user from signing in; all sessions of the user end
    Disable {
        name: String,
        #[command(flatten)]
        decision: Decision,
    },
    /// Let a disabled user sign in again
    Enable {
        name: String,
        #[command(flatten)]
        decision: Decision,
    },
    /// Remove a user; what the user decided stays on record
    Remove {
        name: String,
        #[command(flatten)]
        decision: Decision,
    },
}

/// What to do with sessions.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// End all sessions of a user
    End {
        name: String,
        #[command(flatten)]
        decision: Decision,
    },
}

/// A role as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleName {
    /// Sees the record
    Reader,
    /// Also decides on posts, and pauses
    Reviewer,
    /// Also resumes, sees the configuration, manages the users
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Reader => Self::Reader,
            RoleName::Reviewer => Self::Reviewer,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// Where the password comes from.
#[derive(Debug, Args)]
pub struct PasswordSource {
    /// Read the password from the first line of standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordSource {
    /// Returns the hash of a new password for a user.
    fn hash(&self, name: &str) -> Result<String> {
        let new = if self.password_stdin { first_line()? } else { ask()? };
        password::check_new(&new, name)?;
        Ok(password::hash(&new))
    }
}

fn first_line() -> Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the password from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Asks twice, without showing what is typed.
fn ask() -> Result<String> {
    if !std::io::stdin().is_terminal() {
        bail!("there is no terminal to ask for the password: give --password-stdin and write it to standard input");
    }
    let new = rpassword::prompt_password("password: ").context("cannot read the password")?;
    let again = rpassword::prompt_password("the same again: ").context("cannot read the password")?;
    ensure!(new == again, "the two passwords differ; nothing was changed");
    Ok(new)
}

impl UserCommand {
    /// Returns who changes a user, if the command does.
    fn decision(&self) -> Option<&Decision> {
        match self {
            Self::List => None,
            Self::Add { decision, .. }
            | Self::Role { decision, .. }
            | Self::Password { decision, .. }
            | Self::Disable { decision, .. }
            | Self::Enable { decision, .. }
            | Self::Remove { decision, .. } => Some(decision),
        }
    }
}

/// Runs `admin`.
///
/// # Errors
/// If there is no record, no such user, or the password cannot be used.
pub async fn run(command: AdminCommand, session: &Session) -> Result<()> {
    match command {
        AdminCommand::User(UserCommand::List) => list(session).await,
        AdminCommand::User(command) => change(command, session).await,
        AdminCommand::Sessions(SessionsCommand::End { name, decision }) => {
            let store = Store::open_existing(&session.ground(Purpose::Act).await?.store).await?;
            let ended = store.end_sessions_of(&name, None, &decision.name(session)?, session.now()).await?;
            store.close().await;
            let words = || format!("{} ended", counted(ended, "session", "sessions"));
            session.output.object(words, || json!({"user": name, "ended": ended}))
        }
    }
}

async fn list(session: &Session) -> Result<()> {
    let ground = session.ground(Purpose::Look).await?;
    let zone = ground.zone();
    let store = Store::open_read_only(&ground.store).await?;
    let users = store.users().await?;
    store.close().await;
    if users.is_empty() {
        session
            .output
            .note("no users: the admin page is not served; `pregonero admin user add NAME --role admin` adds one");
    }
    session.output.rows(&["NAME", "ROLE", "STATE", "ADDED", "BY", "SESSIONS", "LAST SEEN"], &users, |user| {
        let state = if user.disabled_at.is_some() { "disabled" } else { "active" };
        vec![
            user.name.clone(),
            user.role.to_string(),
            state.to_owned(),
            shown_in(user.created_at, &zone),
            user.created_by.clone(),
            user.sessions.to_string(),
            user.last_seen_at.map(|at| shown_in(at, &zone)).unwrap_or_default(),
        ]
    })
}

async fn change(command: UserCommand, session: &Session) -> Result<()> {
    let store = Store::open_existing(&session.ground(Purpose::Act).await?.store).await?;
    let now = session.now();
    let Some(decision) = command.decision() else { return Ok(()) };
    let by = decision.name(session)?;
    let (name, done) = match &command {
        UserCommand::List => return Ok(()),
        UserCommand::Add { name, role, password, .. } => {
            store.add_user(name, (*role).into(), &password.hash(name)?, &by, now).await?;
            (name, "added")
        }
        UserCommand::Role { name, role, .. } => {
            store.set_role(name, (*role).into(), &by, now).await?;
            (name, "role changed")
        }
        UserCommand::Password { name, password, .. } => {
            store.set_password(name, &password.hash(name)?, &by, now).await?;
            (name, "password changed")
        }
        UserCommand::Disable { name, .. } => {
            store.set_disabled(name, true, &by, now).await?;
            (name, "disabled")
        }
        UserCommand::Enable { name, .. } => {
            store.set_disabled(name, false, &by, now).await?;
            (name, "enabled")
        }
        UserCommand::Remove { name, .. } => {
            store.remove_user(name, &by, now).await?;
            (name, "removed")
        }
    };
    store.close().await;
    session.output.object(|| format!("{name}: {done} by {by}"), || json!({"user": name, "done": done, "by": by}))
}
