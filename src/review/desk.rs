//! The desk: everything that a person can do with a post that waits, for the command line and the admin page alike.
//!
//! One constraint: no decision goes around the gates. An approval asks the near-duplicate gate about what was posted
//! meanwhile; a text that a person writes or takes from another candidate passes every gate again. A gate's `reject` is
//! final, its `review` is what the person is there for.

use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Serialize;

use super::input::{self, Checked, Reviewer};
use super::{KeepDisclosure, Requirement, ReviewError, Terms, after};
use pregonero_judging::gates::Recent;
use pregonero_judging::judge::Judge;
use pregonero_store::{
    Approval, CandidateRecord, Decision, DecisionLink, LinkId, PostId, PostRecord, PostState, ReviewAct, ReviewRecord,
    Revision, Store, StoreError, Unlike,
};
use pregonero_text::tweet_text::weighted_length;
use pregonero_tweet::{Candidate, GateVerdict, Judged, Verdict};

/// The gate whose verdicts say that a text can be checked.
const CLAIMS: &str = "claims";

/// The role of whoever decides by a one-time link.
const LINK: &str = "link";

/// Where the desk gets the judge from: loading one takes seconds, and only a new text needs it.
pub type JudgeSource = Arc<dyn Fn() -> anyhow::Result<Arc<Judge>> + Send + Sync>;

/// Returns a source that has its judge already.
#[must_use]
pub fn loaded(judge: &Arc<Judge>) -> JudgeSource {
    let judge = Arc::clone(judge);
    Arc::new(move || Ok(Arc::clone(&judge)))
}

/// A post with everything that a decision on it may depend on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waiting {
    #[serde(flatten)]
    pub post: PostRecord,
    /// SHA-256 of the text, by which a decision can be bound to it.
    pub text_sha256: String,
    /// The gates that asked for a person; empty if `review.mode` alone did.
    pub why: Vec<GateVerdict>,
    /// Whether it can be approved only with the facts checked.
    pub needs_fact_check: bool,
    /// All candidates of its round, in the order of the batch; their numbers for people are one more than their positions.
    pub candidates: Vec<CandidateRecord>,
    /// What people decided on it before, in order.
    pub reviews: Vec<ReviewRecord>,
}

impl Waiting {
    /// Returns the candidates that could be picked instead: not the post's own, none that a gate rejected, the best first.
    #[must_use]
    pub fn others(&self) -> Vec<&CandidateRecord> {
        let own = self.post.candidate_position;
        let mut others: Vec<&CandidateRecord> = self
            .candidates
            .iter()
            .filter(|one| one.position != own && one.judged.verdict() != Verdict::Reject)
            .collect();
        others.sort_by(|left, right| right.judged.compare_rank(&left.judged));
        others
    }
}

/// What a decision led to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decided {
    /// The post as it is now.
    pub post: PostRecord,
    /// The record of the decision.
    pub review: ReviewRecord,
}

/// Where decisions are taken.
pub struct Desk<'a> {
    store: &'a Store,
    judge: JudgeSource,
    terms: Terms,
    now: Timestamp,
    /// The SHA-256 of the text that the person saw, if that is known.
    seen: Option<String>,
}

impl std::fmt::Debug for Desk<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("terms", &self.terms).field("now", &self.now).finish_non_exhaustive()
    }
}

impl<'a> Desk<'a> {
    /// Creates a desk for decisions taken at `now`.
    #[must_use]
    pub fn new(store: &'a Store, judge: JudgeSource, terms: Terms, now: Timestamp) -> Self {
        Self { store, judge, terms, now, seen: None }
    }

    /// Returns the same desk for a person who saw the text with this SHA-256, in hexadecimal: it decides on no other one.
    #[must_use]
    pub fn for_text(self, sha256: &str) -> Self {
        Self { seen: Some(sha256.trim().to_lowercase()), ..self }
    }

    /// Returns the posts that wait for a person, the oldest first; none of them expired.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn waiting(&self) -> Result<Vec<Waiting>, ReviewError> {
        let mut waiting = Vec::new();
        for post in super::list(self.store, self.now).await? {
            waiting.push(self.with_its_round(post).await?);
        }
        Ok(waiting)
    }

    /// Returns one post in any state, with everything that a decision on it may depend on.
    ///
    /// # Errors
    /// [`ReviewError::NoPost`] if the round of this number led to none, or if the database cannot be read.
    pub async fn look(&self, post: PostId) -> Result<Waiting, ReviewError> {
        let post = self.post(post).await?;
        self.with_its_round(post).await
    }

    /// Approves a held post. The publisher then sends it, within `publish.stale_after` from now.
    ///
    /// # Errors
    /// [`ReviewError::NeedsFactCheck`], [`ReviewError::Refused`] if something like it went out meanwhile,
    /// [`ReviewError::NothingToDecide`], [`ReviewError::Expired`], [`ReviewError::BadInput`], or if the database cannot be
    /// written.
    pub async fn approve(&self, post: PostId, reviewer: &Reviewer, checked: &Checked) -> Result<Decided, ReviewError> {
        self.approve_by(post, reviewer, checked, None).await
    }

    /// Gives a held or approved post another text, written by a person without its disclosure. It waits for approval
    /// afterwards, and an approval that it had is void.
    ///
    /// # Errors
    /// [`ReviewError::Refused`] with every gate that rejects the text, and the same as [`Desk::approve`].
    pub async fn edit(
        &self,
        post: PostId,
        text: &str,
        reviewer: &Reviewer,
        checked: &Checked,
    ) -> Result<Decided, ReviewError> {
        let record = self.open_to_change(post).await?;
        let text = input::text(text)?;
        let body = self.terms.disclosure.body_of(&text).trim().to_owned();
        let judged = self.judge(&record, body.clone(), None, String::new()).await?;
        self.revise(&record, ReviewAct::Edit, body, judged, record.candidate_position, reviewer, checked).await
    }

    /// Gives a held or approved post the text of another candidate of its round, by the candidate's number from 1. It
    /// waits for approval afterwards, and an approval that it had is void.
    ///
    /// # Errors
    /// [`ReviewError::NoSuchCandidate`], [`ReviewError::Refused`] with every gate that rejects the text, and the same as
    /// [`Desk::approve`].
    pub async fn pick(
        &self,
        post: PostId,
        candidate: usize,
        reviewer: &Reviewer,
        checked: &Checked,
    ) -> Result<Decided, ReviewError> {
        let record = self.open_to_change(post).await?;
        let candidates = self.store.candidates(post.round()).await?;
        let count = candidates.len();
        let position = candidate.checked_sub(1).filter(|position| *position < count);
        let Some(position) = position else {
            return Err(ReviewError::NoSuchCandidate { post, number: candidate, count });
        };
        let picked = candidates[position].judged.candidate.clone();
        let prompt = self.store.round(post.round()).await?.seed_prompt.unwrap_or_default();
        let source = Arc::clone(&self.judge);
        let text = picked.text.clone();
        let body = blocking(move || Ok(source()?.strip(&text))).await?;
        let judged = self.judge(&record, body.clone(), Some(picked), prompt).await?;
        self.revise(&record, ReviewAct::Pick, body, judged, position, reviewer, checked).await
    }

    /// Stops a post: a held one becomes `rejected`, an approved one that is not under way `cancelled`. A reason that is given
    /// must have words.
    ///
    /// # Errors
    /// [`ReviewError::NothingToDecide`] if it is too late, [`ReviewError::NoPost`], [`ReviewError::BadInput`], or if the
    /// database cannot be written.
    pub async fn reject(
        &self,
        post: PostId,
        reviewer: &Reviewer,
        reason: Option<&str>,
    ) -> Result<Decided, ReviewError> {
        self.reject_by(post, reviewer, reason, None).await
    }

    /// Returns what a one-time link stands for, with its post, without changing anything; `None` if there is no such link.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn look_at_link(&self, token: &str) -> Result<Option<(DecisionLink, Waiting)>, ReviewError> {
        let Some(link) = self.store.look_at_decision_link(token, self.now).await? else { return Ok(None) };
        let waiting = self.look(link.post).await?;
        Ok(Some((link, waiting)))
    }

    /// Takes the decision that a one-time link stands for, under the same rules as any other, and uses the link up. `name`
    /// is what the person calls themselves, which goes on record with the link's number; `note` of `checked` is the reason of a rejection.
    ///
    /// # Errors
    /// [`ReviewError::DeadLink`], and the same as [`Desk::approve`]; a link of a decision that was refused can be used
    /// again.
    pub async fn redeem_link(
        &self,
        token: &str,
        name: Option<&str>,
        checked: &Checked,
    ) -> Result<Decided, ReviewError> {
        let link = self.store.look_at_decision_link(token, self.now).await?;
        let Some(link) = link else { return Err(ReviewError::DeadLink { why: "is not one of ours" }) };
        if let Some(why) = link.standing.objection() {
            return Err(ReviewError::DeadLink { why });
        }
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        // Nobody signed in: the record says that the name is only what the holder of the link wrote.
        let name = match name {
            Some(name) => input::of_link(name, link.id)?,
            None => format!("whoever holds link {}", link.id),
        };
        let reviewer = Reviewer { name, role: LINK.to_owned() };
        match link.act {
            ReviewAct::Reject => self.reject_by(link.post, &reviewer, checked.note.as_deref(), Some(link.id)).await,
            _ => self.approve_by(link.post, &reviewer, checked, Some(link.id)).await,
        }
    }

    async fn approve_by(
        &self,
        post: PostId,
        reviewer: &Reviewer,
        checked: &Checked,
        link: Option<LinkId>,
    ) -> Result<Decided, ReviewError> {
        let (reviewer, checked) = (input::reviewer(reviewer)?, input::checked(checked)?);
        let record = self.post(post).await?;
        self.require_seen(&record)?;
        // One that does not wait is refused by the record itself, which also knows how it ended.
        if record.state == PostState::Held
            && record.expires_at > self.now
            && let Some(claim) = self.unchecked_claim(&record, &checked)
        {
            return Err(ReviewError::NeedsFactCheck { post, claim });
        }
        let without = checked.facts && self.terms.keep_disclosure == KeepDisclosure::UnlessChecked;
        let text = if without { self.body(&record).to_owned() } else { record.text.clone() };
        // Compared inside the transaction: two people may approve two similar posts in the same instant.
        let body = self.body(&record);
        let objection = |bodies| Recent::new::<String>(bodies).objection(body, self.terms.near_duplicate);
        let earlier = self.terms.earlier(self.now, false, record.live != Some(true));
        let approval = Approval {
            seen: &record.text,
            text: &text,
            weighted_length: weighted_length(&text),
            expires_at: after(self.now, self.terms.stale_after),
            unlike: Some(Unlike { earlier, objection: &objection }),
        };
        let decision = decision(post, &reviewer, &checked, link);
        let approved = self.store.approve_held(&decision, &approval, self.now).await;
        self.explained(approved, post).await?;
        let decided = self.decided(post).await?;
        let what = decided.review.in_words();
        tracing::info!(%post, by = reviewer.name, role = reviewer.role, what, "post approved");
        Ok(decided)
    }

    async fn reject_by(
        &self,
        post: PostId,
        reviewer: &Reviewer,
        reason: Option<&str>,
        link: Option<LinkId>,
    ) -> Result<Decided, ReviewError> {
        let reviewer = input::reviewer(reviewer)?;
        let note = reason.map(input::reason_to_stop).transpose()?;
        let checked = Checked { note, ..Checked::default() };
        self.post(post).await?;
        let stopped = self.store.stop_post(&decision(post, &reviewer, &checked, link), self.now).await;
        let state = self.explained(stopped, post).await?;
        tracing::info!(%post, by = reviewer.name, role = reviewer.role, %state, "post stopped");
        self.decided(post).await
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one revision, which two acts share")]
    async fn revise(
        &self,
        record: &PostRecord,
        act: ReviewAct,
        body: String,
        judged: Judged,
        candidate: usize,
        reviewer: &Reviewer,
        checked: &Checked,
    ) -> Result<Decided, ReviewError> {
        let (reviewer, checked) = (input::reviewer(reviewer)?, input::checked(checked)?);
        let post = record.id;
        if judged.text == record.text && candidate == record.candidate_position {
            return Err(ReviewError::Unchanged { post });
        }
        let rejected: Vec<GateVerdict> =
            judged.gates.iter().filter(|gate| gate.verdict == Verdict::Reject).cloned().collect();
        if !rejected.is_empty() {
            return Err(ReviewError::Refused { post, act, verdicts: rejected });
        }
        let revision = Revision {
            act,
            seen: &record.text,
            text: &judged.text,
            body: &body,
            weighted_length: judged.weighted_length,
            candidate,
            gates: &judged.gates,
            sentiment: &judged.sentiment,
            expires_at: after(self.now, self.terms.expires_after),
        };
        let revised = self.store.revise_post(&decision(post, &reviewer, &checked, None), &revision, self.now).await;
        self.explained(revised, post).await?;
        tracing::info!(%post, by = reviewer.name, role = reviewer.role, %act, "the post has another text");
        self.decided(post).await
    }

    /// Refuses to decide on another text than the one that the person saw.
    fn require_seen(&self, record: &PostRecord) -> Result<(), ReviewError> {
        match &self.seen {
            Some(seen) if *seen != record.text_sha256() => Err(ReviewError::TextChanged { post: record.id }),
            _ => Ok(()),
        }
    }

    /// Returns the post if its text may still be changed.
    async fn open_to_change(&self, post: PostId) -> Result<PostRecord, ReviewError> {
        let record = self.post(post).await?;
        self.require_seen(&record)?;
        match record.state {
            PostState::Held | PostState::Approved if record.expires_at > self.now => Ok(record),
            PostState::Held | PostState::Approved | PostState::Expired => {
                Err(ReviewError::Expired { post, at: record.expires_at })
            }
            state => Err(ReviewError::NothingToDecide { post, state, by: record.decided_by, at: record.decided_at }),
        }
    }

    /// Lets every gate, the classifier and the critic judge a post's new text.
    async fn judge(
        &self,
        record: &PostRecord,
        body: String,
        candidate: Option<Candidate>,
        prompt: String,
    ) -> Result<Judged, ReviewError> {
        let earlier = self.terms.earlier(self.now, true, record.live != Some(true));
        let recent = Recent::new(self.store.posted_bodies(Some(record.id), &earlier).await?);
        let source = Arc::clone(&self.judge);
        blocking(move || source()?.judge_body(&body, candidate.as_ref(), &prompt, &recent)).await
    }

    /// Returns the text of a post without its disclosure, as a person edits it.
    #[must_use]
    pub fn body<'b>(&self, record: &'b PostRecord) -> &'b str {
        record.body.as_deref().unwrap_or_else(|| self.terms.disclosure.body_of(&record.text))
    }

    /// Returns what a post states if it may not go out unchecked.
    fn unchecked_claim(&self, record: &PostRecord, checked: &Checked) -> Option<String> {
        let required = self.terms.require == Requirement::FactCheck && !checked.facts;
        claim(record).filter(|_| required).map(|gate| format!("{}: {}", gate.gate, gate.reason))
    }

    async fn post(&self, post: PostId) -> Result<PostRecord, ReviewError> {
        match self.store.post(post).await {
            Err(StoreError::NoSuchPost { .. }) => {
                let round = self.store.round(post.round()).await?;
                Err(ReviewError::NoPost { round: round.id, outcome: round.outcome, reason: round.reason })
            }
            found => Ok(found?),
        }
    }

    async fn with_its_round(&self, post: PostRecord) -> Result<Waiting, ReviewError> {
        let why = post.gates.iter().filter(|gate| gate.verdict != Verdict::Pass).cloned().collect();
        let needs_fact_check = self.terms.require == Requirement::FactCheck && claim(&post).is_some();
        let (candidates, reviews) = (self.store.candidates(post.id.round()).await?, self.store.reviews(post.id).await?);
        let text_sha256 = post.text_sha256();
        Ok(Waiting { post, text_sha256, why, needs_fact_check, candidates, reviews })
    }

    /// Adds to a refusal of the record who decided before, and when.
    async fn explained<T>(&self, result: Result<T, StoreError>, post: PostId) -> Result<T, ReviewError> {
        match result.map_err(ReviewError::from) {
            Err(ReviewError::NothingToDecide { state, .. }) => {
                let record = self.store.post(post).await?;
                Err(ReviewError::NothingToDecide { post, state, by: record.decided_by, at: record.decided_at })
            }
            result => result,
        }
    }

    async fn decided(&self, post: PostId) -> Result<Decided, ReviewError> {
        let review = self.store.reviews(post).await?.pop();
        let review = review.ok_or(ReviewError::Store(StoreError::NoSuchPost { post }))?;
        Ok(Decided { post: self.store.post(post).await?, review })
    }
}

/// Returns the verdict that says what the post states.
fn claim(record: &PostRecord) -> Option<&GateVerdict> {
    record.gates.iter().find(|gate| gate.gate == CLAIMS && gate.verdict == Verdict::Review)
}

fn decision<'d>(post: PostId, reviewer: &'d Reviewer, checked: &'d Checked, link: Option<LinkId>) -> Decision<'d> {
    Decision {
        post,
        reviewer: &reviewer.name,
        role: &reviewer.role,
        facts_checked: checked.facts,
        sources: &checked.sources,
        note: checked.note.as_deref(),
        link,
    }
}

/// Runs CPU work away from the runtime's threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T, ReviewError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.context("judging the text panicked").flatten().map_err(ReviewError::Judging)
}
