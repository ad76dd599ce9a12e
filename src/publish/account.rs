//! The account that the credentials belong to: X is asked for it once for each set of credentials, and it is compared with
//! `account.handle` before anything is posted or concluded from a timeline.
//!
//! One constraint: no call that posts is made with credentials of an account other than the configured one. The answer
//! is kept with a fingerprint of the credentials, because asking costs money.

use super::{Poster, PublishError, Publisher, WaitsFor, fingerprint, not_armed, reconcile, settlement};
use pregonero_store::{
    Account, CallDetail, Endpoint, Halt, NewRead, PostId, Postponement, ReadKind, ReadOutcome, StoreError, WaitCause,
};
use pregonero_x::{RefusalKind, TwitterError};

impl Publisher {
    /// Returns once the account that the credentials belong to is known to be `account.handle`.
    ///
    /// # Errors
    /// [`PublishError::Halted`] if it is another account, [`PublishError::Later`] if X cannot be asked now.
    pub(super) async fn require_account(&self, poster: &dyn Poster, post: PostId) -> Result<(), PublishError> {
        // A reload that took away the right to post also decides what happens to the post.
        if !self.in_force().live {
            return Ok(());
        }
        let known = self.known_account(poster).await.map_err(PublishError::NotRecorded)?;
        if known.is_some_and(|account| self.is_handle(&account.username)) {
            return Ok(());
        }
        if let Some(halt) = self.halts().await.map_err(PublishError::NotRecorded)?.into_iter().next() {
            return Err(PublishError::Halted { post, halt: Box::new(halt) });
        }
        if let Some(wait) = self.held_back(self.clock.now()).await.map_err(PublishError::NotRecorded)? {
            return Err(self.postponed(post, wait, WaitsFor::Budget, WaitCause::Rules).await);
        }
        self.ask_account(poster, post).await
    }

    /// Asks X whose account it is, even if that is known, and compares.
    ///
    /// # Errors
    /// As [`Self::require_account`].
    pub(super) async fn ask_account(&self, poster: &dyn Poster, post: PostId) -> Result<(), PublishError> {
        let asked = self.read_account(poster, post).await.map_err(PublishError::NotRecorded)?;
        let halt = match asked {
            Ok(account) => self.halt_on_another_account(poster, &account).await,
            Err(error) => match self.halt_on_refusal(poster, &error).await {
                Ok(None) => return Err(self.not_known(post, &error).await),
                halted => halted,
            },
        };
        match halt.map_err(PublishError::NotRecorded)? {
            Some(halt) => Err(PublishError::Halted { post, halt: Box::new(halt) }),
            None => Ok(()),
        }
    }

    /// Returns the account of the credentials in use if X has been asked with them.
    pub(super) async fn known_account(&self, poster: &dyn Poster) -> Result<Option<Account>, StoreError> {
        let account = self.store.account().await?;
        Ok(account.filter(|account| poster.fingerprint(&account.credentials.salt) == account.credentials.digest))
    }

    pub(super) fn is_handle(&self, username: &str) -> bool {
        self.in_force().rules.account.eq_ignore_ascii_case(username)
    }

    /// Asks X, and keeps the answer. If our clock is off, the answer corrects it, so X is asked once more.
    pub(super) async fn read_account(
        &self,
        poster: &dyn Poster,
        post: PostId,
    ) -> Result<Result<Account, TwitterError>, StoreError> {
        let mut answer = poster.me().await;
        if let Err(TwitterError::Refused { kind: RefusalKind::ClockSkew { .. }, .. }) = answer {
            answer = poster.me().await;
        }
        let user = match answer {
            Ok(user) => user,
            Err(error) => return Ok(Err(error)),
        };
        let account = Account { user_id: user.id, username: user.username, credentials: fingerprint(poster) };
        let price_micros = self.in_force().rules.budget.prices.of_user_read();
        let read = NewRead { outcome: ReadOutcome::Found, items: 1, price_micros, ..account_read(post) };
        self.store.record_account(&account, &read, self.clock.now()).await?;
        tracing::info!(account = account.username, "X identified the account of the credentials");
        Ok(Ok(account))
    }

    /// Stops all posting if the account is not `account.handle`; returns the halt.
    pub(super) async fn halt_on_another_account(
        &self,
        poster: &dyn Poster,
        account: &Account,
    ) -> Result<Option<Halt>, StoreError> {
        if self.is_handle(&account.username) {
            return Ok(None);
        }
        let wanted = self.in_force().rules.account;
        let halt =
            settlement::halt_of_another_account(&account.username, &wanted, &fingerprint(poster), self.clock.now());
        self.stop(halt).await.map(Some)
    }

    async fn halt_on_refusal(&self, poster: &dyn Poster, error: &TwitterError) -> Result<Option<Halt>, StoreError> {
        match error {
            TwitterError::Refused { kind, .. }
                if reconcile::stops_posting(*kind) || *kind == RefusalKind::Authentication =>
            {
                let halt = settlement::halt(*kind, error, &fingerprint(poster), self.clock.now());
                self.stop(halt).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn stop(&self, halt: Halt) -> Result<Halt, StoreError> {
        if self.store.record_refusal(&halt).await? {
            tracing::error!("{halt}");
        }
        Ok(halt)
    }

    /// Makes the post wait: the account could not be determined.
    async fn not_known(&self, post: PostId, error: &TwitterError) -> PublishError {
        let now = self.clock.now();
        let until = settlement::wait_of_reading(error, now);
        let mut windows = settlement::windows_of(Endpoint::Read, error);
        let waits_for = match error {
            TwitterError::RateLimited { window, .. } => {
                settlement::block(&mut windows, Endpoint::Read, *window, until);
                WaitsFor::RateLimit
            }
            TwitterError::NotSent { .. } => WaitsFor::Network,
            _ => WaitsFor::EarlierAttempt,
        };
        let read = NewRead { detail: settlement::detail_of(error), windows, ..account_read(post) };
        if let Err(error) = self.store.record_failed_read(&read, now).await {
            return PublishError::NotRecorded(error);
        }
        let reason = format!("X did not say whose account this is: {error}");
        self.postponed(post, Postponement { until, reason }, waits_for, WaitCause::X).await
    }

    async fn postponed(&self, post: PostId, wait: Postponement, waits_for: WaitsFor, cause: WaitCause) -> PublishError {
        match self.store.wait_unarmed(post, &wait, cause).await {
            Ok(()) => PublishError::Later { post, until: wait.until, waits_for, reason: wait.reason },
            Err(error) => not_armed(error),
        }
    }
}

/// Starts the record of a read of the account that yielded nothing; the caller fills in what it did yield.
fn account_read(post: PostId) -> NewRead {
    NewRead {
        what: ReadKind::Account,
        post: Some(post),
        outcome: ReadOutcome::Failed,
        items: 0,
        price_micros: 0,
        detail: CallDetail::default(),
        windows: Vec::new(),
    }
}
