//! What people did with the posts: when it is read, what is kept, and what forbids it.

use super::*;
use pregonero_store::Engagement;
use pregonero_x::Metrics;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn daily() -> Rules {
    let every = Some(Duration::from_secs(24 * 3600));
    Rules { engagement: EngagementSettings { every, ..generous().engagement }, ..generous() }
}

impl Bench {
    /// Publishes posts, an hour apart.
    async fn posted(&self, posts: usize) -> Vec<PostId> {
        let mut numbers = Vec::new();
        for number in 0..posts {
            self.poster.push(tweet(&(FIRST_ID + number).to_string()));
            let (post, posted) = self.publish(&format!("Feria {number}.")).await;
            posted.unwrap();
            numbers.push(post);
            self.clock.advance(SignedDuration::from_hours(1));
        }
        numbers
    }

    fn people_like(&self, place: usize, likes: u64) {
        let metrics = Metrics { likes, reposts: 2, replies: 1, quotes: 0, views: Some(likes * 10) };
        self.poster.with(|state| state.tweets[place].0.metrics = Some(metrics));
    }

    async fn measured(&self) -> Option<Measurement> {
        match self.publisher.must_measure().await.unwrap() {
            true => self.publisher.measure().await.unwrap(),
            false => None,
        }
    }

    fn timelines_read(&self) -> usize {
        self.poster.with(|state| state.spans.len())
    }
}

#[tokio::test]
async fn the_numbers_of_recent_posts_are_read_when_it_is_time_at_the_price_of_own_posts() {
    let bench = Bench::with(daily()).await;
    assert_eq!(bench.measured().await, None, "there is nothing to measure yet");
    let posts = bench.posted(2).await;
    bench.people_like(0, 5);
    bench.people_like(1, 7);
    assert_eq!(bench.measured().await, Some(Measurement { measured: 2, gone: Vec::new() }));
    let series = bench.test.store.engagement(posts[0]).await.unwrap();
    let counts = Engagement { likes: 5, reposts: 2, replies: 1, quotes: 0, views: Some(50) };
    assert_eq!(series.iter().map(|one| one.counts).collect::<Vec<_>>(), [counts]);
    let charges = bench.test.store.charges(Timestamp::MIN).await.unwrap();
    let last = charges.last().unwrap();
    assert_eq!((last.is_post, last.items, last.price_micros), (false, 2, 2_000));

    bench.clock.advance(DAY - SignedDuration::from_secs(1));
    assert_eq!(bench.measured().await, None, "not yet");
    bench.clock.advance(SignedDuration::from_secs(1));
    bench.people_like(1, 9);
    assert_eq!(bench.measured().await.unwrap().measured, 2);
    assert_eq!(bench.test.store.engagement(posts[0]).await.unwrap().len(), 1, "nothing changed");
    assert_eq!(bench.test.store.engagement(posts[1]).await.unwrap().len(), 2);
    bench.clock.advance(DAY * 14);
    assert_eq!((bench.measured().await, bench.timelines_read()), (None, 2), "they are too old");
}

#[tokio::test]
async fn a_post_that_the_timeline_no_longer_shows_was_deleted_and_an_empty_timeline_proves_nothing() {
    let bench = Bench::with(daily()).await;
    let posts = bench.posted(2).await;
    bench.people_like(1, 7);
    let first = bench.poster.with(|state| state.tweets.remove(0));
    let measured = bench.measured().await.unwrap();
    assert_eq!((measured.measured, measured.gone), (1, vec![posts[0]]));
    let second = bench.poster.with(|state| state.tweets.remove(0));
    bench.clock.advance(DAY);
    assert_eq!(bench.measured().await, Some(Measurement::default()));
    bench.poster.with(|state| state.tweets.extend([first, second]));
    bench.people_like(0, 1);
    bench.clock.advance(DAY);
    assert_eq!(bench.measured().await.unwrap().measured, 2);
    let listed = bench.test.store.history(10).await.unwrap();
    assert!(listed.iter().all(|entry| entry.gone_at.is_none()), "they are shown again");
}

#[tokio::test]
async fn nothing_is_read_while_posting_is_stopped_or_the_dollars_are_used_up_or_in_a_dry_run() {
    let bench = Bench::with(daily()).await;
    bench.posted(2).await;
    bench.test.store.pause("ana", "elections", bench.clock.now()).await.unwrap();
    assert_eq!(bench.measured().await, None);
    bench.test.store.resume("ana", bench.clock.now()).await.unwrap();
    let dear = Rules { budget: BudgetSettings { usd_per_month: 0.041, ..generous().budget }, ..daily() };
    let publisher = bench.publisher.replaced(bench.publisher.outlet.clone(), dear);
    assert!(!publisher.must_measure().await.unwrap(), "0.04 are spent, and 0.002 more do not fit");
    let dry = bench.publisher.replaced(Outlet::DryRun, daily());
    assert!(!dry.must_measure().await.unwrap());
    assert_eq!((dry.measure().await.unwrap(), bench.timelines_read()), (None, 0));
    let off = bench.publisher.replaced(bench.publisher.outlet.clone(), generous());
    assert!(!off.must_measure().await.unwrap());
}

#[tokio::test]
async fn a_reading_that_fails_waits_for_its_next_turn_and_a_limit_closes_the_window() {
    let bench = Bench::with(daily()).await;
    bench.posted(1).await;
    bench.poster.with(|state| state.readings.push_back(unknown()));
    assert_eq!((bench.measured().await, bench.measured().await, bench.timelines_read()), (None, None, 1));
    bench.clock.advance(DAY);
    let until = bench.clock.now() + DAY * 2;
    let error = TwitterError::RateLimited { window: LimitWindow::Day, until: Some(until), answer: answer(429) };
    bench.poster.with(|state| state.readings.push_back(error));
    assert_eq!((bench.measured().await, bench.timelines_read()), (None, 2));
    bench.clock.advance(DAY);
    assert!(!bench.publisher.must_measure().await.unwrap(), "X's limit for reads is used up");
    bench.clock.set(until + SignedDuration::from_secs(1));
    bench.people_like(0, 1);
    assert_eq!(bench.measured().await.unwrap().measured, 1);
    bench.poster.with(|state| state.readings.push_back(refused(403, RefusalKind::Suspended)));
    bench.clock.advance(DAY);
    assert_eq!(bench.measured().await, None);
    assert_eq!(bench.test.store.halts().await.unwrap().len(), 1, "what holds for reads holds for posts");
}
