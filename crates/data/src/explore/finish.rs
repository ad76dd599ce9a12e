//! Turns what was counted into the numbers of the page.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::accounts::{Burst, days};
use super::log_odds::{WordCount, distinctive};
use super::numbers::{
    Accounts, ActiveAccount, Bounds, Bubble, Bursts, DistinctiveWord, Group, Grouping, Lengths, Named, Numbers,
    Sentiment, SentimentThen, Span,
};
use super::sample::{Sample, SampledPost};
use super::time::date;
use super::{Explorer, LENGTH_STEP, numbers};

/// How long the lists are.
const ACCOUNTS: usize = 20;
const BURSTS: usize = 15;
const DISTINCTIVE_WORDS: usize = 20;
const DISTINCTIVE_HASHTAGS: usize = 12;
const TOP_WORDS: usize = 40;
const TOP_HASHTAGS: usize = 30;
const REPEATED: usize = 12;
const LANGUAGES: usize = 12;
/// The most bubbles of a picture, those of the most posts.
const BUBBLES: usize = 1_500;
/// Posts of this many days or fewer are shown by day instead of by month.
const DAYS_BY_DAY: u64 = 62;
/// The hours between 2 and 7 in the morning, as bits.
const NIGHT: u32 = 0b111_1100;

/// How accounts are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// As the data name them, with an `@`.
    Shown,
    /// By this word and the place in the order of activity: `account 3`.
    Numbered(String),
}

/// Everything that was counted, before it is put in order.
#[derive(Debug)]
pub struct Explored {
    counted: Explorer,
    sample: Vec<SampledPost>,
    /// The days of the first and the last post.
    ends: Option<(i32, i32)>,
}

impl Explored {
    pub(super) fn new(mut counted: Explorer) -> Self {
        let sample = std::mem::replace(&mut counted.sample, Sample::new(0)).into_posts();
        let all_days = || counted.cells.cells.iter().flat_map(|cell| cell.days.keys().copied());
        let ends = all_days().min().zip(all_days().max());
        Self { sample, ends, counted }
    }

    /// Returns the sampled posts, in random order.
    #[must_use]
    pub fn sample(&self) -> &[SampledPost] {
        &self.sample
    }

    /// Returns all numbers that need no model.
    #[must_use]
    pub fn numbers(&self, names: &Names) -> Numbers {
        let counted = &self.counted;
        let words = WordLists::new(self);
        let week = self.week();
        let account = AccountNames::new(self, names);
        let mut duplicates = counted.repeated.counted(REPEATED);
        if *names != Names::Shown {
            duplicates.top.iter_mut().for_each(|repeated| repeated.text = without_mentions(&repeated.text));
        }
        Numbers {
            posts: counted.posts,
            left_out: counted.left_out.clone(),
            zone: counted.options.zone.iana_name().unwrap_or("UTC").to_owned(),
            span: self.span(),
            kinds: counted.kinds,
            with_link: counted.with_link,
            with_mention: counted.with_mention,
            with_hashtag: counted.with_hashtag,
            languages: top(counted.languages.iter().map(|(name, posts)| (&**name, u64::from(posts))), LANGUAGES),
            hours: std::array::from_fn(|hour| week.iter().map(|day| day[hour]).sum()),
            week,
            days: self.days(),
            lengths: self.lengths(),
            accounts: self.accounts(&account),
            groupings: counted.cells.used().into_iter().map(|column| self.grouping(column, &words)).collect(),
            words: words.top(false, TOP_WORDS),
            hashtags: words.top(true, TOP_HASHTAGS),
            duplicates,
            sentiment: None,
            vectors: None,
            bounds: Bounds {
                words: counted.words.missed_at_most(),
                account_hours: counted.accounts.missed_at_most(),
                accounts_of_groups: counted.accounts.missing_in_cells_at_most(),
                posts_of_other_accounts: counted.accounts.posts_of_others,
                not_compared: counted.repeated.not_compared(),
            },
        }
    }

    /// Adds what a classifier says of the sample: for each of its posts, in order, the index of its label.
    pub fn add_sentiment(&self, numbers: &mut Numbers, model: String, labels: Vec<String>, classified: &[usize]) {
        let mut all = vec![0; labels.len()];
        let mut over_time: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        let columns = self.counted.cells.used();
        for (grouping, &column) in numbers.groupings.iter_mut().zip(&columns) {
            let order = self.order(column);
            grouping.groups.iter_mut().for_each(|group| group.sentiment = Some(vec![0; labels.len()]));
            for (post, &label) in self.sample.iter().zip(classified) {
                let group = self.counted.cells.group(post.cell, column);
                let place = group.and_then(|group| order.iter().position(|other| *other == group));
                let counts = place.and_then(|place| grouping.groups[place].sentiment.as_mut());
                if let Some(counts) = counts {
                    counts[label] += 1;
                }
            }
        }
        for (post, &label) in self.sample.iter().zip(classified) {
            all[label] += 1;
            if let Some(day) = post.day {
                over_time.entry(self.period(day)).or_insert_with(|| vec![0; labels.len()])[label] += 1;
            }
        }
        let over_time = over_time.into_iter().map(|(when, posts)| SentimentThen { when, posts }).collect();
        let sampled = all.iter().sum();
        numbers.sentiment = Some(Sentiment { model, labels, sampled, posts: all, over_time });
    }

    /// Returns, for each grouping of [`Self::numbers`] and each of its groups, the mean of the vectors of its words, each as often as
    /// the group's posts have it; `None` for a group without known words.
    #[must_use]
    pub fn mean_vectors(&self, width: usize, vector: &dyn Fn(&str) -> Option<Vec<f32>>) -> Vec<Vec<Option<Vec<f32>>>> {
        let words = &self.counted.words;
        let known = |(number, name): (usize, &str)| {
            let is_known = !name.starts_with('#') && !words.is_stop_word(number);
            is_known.then(|| vector(name)).flatten()
        };
        let vectors: Vec<Option<Vec<f32>>> = words.names().into_iter().enumerate().map(known).collect();
        let columns = self.counted.cells.used();
        columns.into_iter().map(|column| self.means_of_groups(column, width, &vectors)).collect()
    }

    fn means_of_groups(&self, column: usize, width: usize, vectors: &[Option<Vec<f32>>]) -> Vec<Option<Vec<f32>>> {
        let order = self.order(column);
        let mut sums = vec![(vec![0.0_f64; width], 0_u64); self.counted.cells.columns[column].names.len()];
        for (word, cell, posts) in self.counted.words.by_cell() {
            let (Some(group), Some(vector)) = (self.counted.cells.group(cell, column), &vectors[word]) else {
                continue;
            };
            let (sum, count) = &mut sums[group];
            sum.iter_mut().zip(vector).for_each(|(sum, value)| *sum += f64::from(*value) * posts as f64);
            *count += posts;
        }
        let mean = |group: usize| {
            let (sum, count) = &sums[group];
            (*count > 0).then(|| sum.iter().map(|sum| (sum / *count as f64) as f32).collect())
        };
        order.into_iter().map(mean).collect()
    }

    fn week(&self) -> [[u64; 24]; 7] {
        let mut week = [[0; 24]; 7];
        for cell in &self.counted.cells.cells {
            add_week(&mut week, &cell.week);
        }
        week
    }

    fn span(&self) -> Option<Span> {
        let (first, last) = self.ends?;
        let text = |day| date(day).to_string();
        Some(Span { first: text(first), last: text(last), days: u64::from(last.abs_diff(first)) + 1 })
    }

    fn days(&self) -> Vec<u64> {
        let Some((first, last)) = self.ends else { return Vec::new() };
        let mut days = vec![0; last.abs_diff(first) as usize + 1];
        for (day, posts) in self.counted.cells.cells.iter().flat_map(|cell| &cell.days) {
            days[day.abs_diff(first) as usize] += posts;
        }
        days
    }

    /// Returns the name of the month of a day, or of the day if all posts are of a few weeks.
    fn period(&self, day: i32) -> String {
        let few = self.ends.is_some_and(|(first, last)| u64::from(last.abs_diff(first)) < DAYS_BY_DAY);
        let date = date(day);
        if few { date.to_string() } else { date.strftime("%Y-%m").to_string() }
    }

    fn lengths(&self) -> Lengths {
        let counted = &self.counted;
        let characters: u64 = counted.cells.cells.iter().map(|cell| cell.characters).sum();
        let half = counted.posts.div_ceil(2);
        let mut seen = 0;
        let median = counted.words_a_post.iter().position(|posts| {
            seen += posts;
            seen >= half
        });
        Lengths {
            characters: counted.characters.to_vec(),
            step: LENGTH_STEP,
            mean_characters: mean(characters, counted.posts),
            median_words: median.unwrap_or(0) as u64,
            mean_words: mean(counted.all_words, counted.posts),
        }
    }

    fn accounts(&self, names: &AccountNames<'_>) -> Accounts {
        let accounts = self.counted.accounts.all();
        let days_of_span = self.span().map_or(1, |span| span.days);
        let active = |&place: &usize| ActiveAccount {
            account: names.of(place),
            posts: accounts[place].posts,
            a_day: mean(accounts[place].posts, days_of_span),
        };
        let count = |is: &dyn Fn(u32) -> bool| accounts.iter().filter(|account| is(account.hours)).count() as u64;
        let by_hour = self.counted.accounts.hours();
        let by_day = days(&by_hour);
        let first = self.ends.map_or(0, |(first, _)| first);
        Accounts {
            count: accounts.len() as u64,
            top: names.order.iter().take(ACCOUNTS).map(active).collect(),
            active_by_hour: std::array::from_fn(|hour| count(&|hours| hours & 1 << hour != 0)),
            at_night: count(&|hours| hours & NIGHT != 0),
            by_hour: bursts(&by_hour, names, true, |burst| u32::from(burst.at.hour)),
            by_day: bursts(&by_day, names, false, |burst| burst.at.day.abs_diff(first)),
        }
    }

    /// Returns the groups of a column by their number of posts.
    fn order(&self, column: usize) -> Vec<usize> {
        let names = &self.counted.cells.columns[column].names;
        let posts = self.posts_of_groups(column);
        let mut order: Vec<usize> = (0..names.len()).filter(|&group| posts[group] > 0).collect();
        order.sort_by(|&left, &right| posts[right].cmp(&posts[left]).then_with(|| names[left].cmp(&names[right])));
        order
    }

    fn posts_of_groups(&self, column: usize) -> Vec<u64> {
        let mut posts = vec![0; self.counted.cells.columns[column].names.len()];
        for (place, cell) in self.counted.cells.cells.iter().enumerate() {
            if let Some(group) = self.counted.cells.group(place as u16, column) {
                posts[group] += cell.posts;
            }
        }
        posts
    }

    fn grouping(&self, column: usize, words: &WordLists<'_>) -> Grouping {
        let cells = &self.counted.cells;
        let accounts = self.accounts_of_groups(column);
        let everywhere = words.counts(&|cell| cells.group(cell, column).is_some());
        let group = |group: usize| {
            let is_here = |cell: u16| cells.group(cell, column) == Some(group);
            let here = words.counts(&is_here);
            let mut new = Group {
                name: cells.columns[column].names[group].to_string(),
                posts: 0,
                accounts: accounts[group],
                hours: [0; 24],
                months: BTreeMap::new(),
                mean_characters: 0.0,
                words: words.distinctive(&here, &everywhere, false, DISTINCTIVE_WORDS),
                hashtags: words.distinctive(&here, &everywhere, true, DISTINCTIVE_HASHTAGS),
                sentiment: None,
                point: None,
            };
            self.count_group(&mut new, &is_here);
            new
        };
        let groups: Vec<Group> = self.order(column).into_iter().map(group).collect();
        let posts: u64 = groups.iter().map(|group| group.posts).sum();
        Grouping { column: cells.columns[column].column.clone(), without: self.counted.posts - posts, groups }
    }

    fn count_group(&self, group: &mut Group, is_here: &dyn Fn(u16) -> bool) {
        let mut characters = 0;
        let cells = self.counted.cells.cells.iter().enumerate();
        for (_, cell) in cells.filter(|(place, _)| is_here(*place as u16)) {
            group.posts += cell.posts;
            characters += cell.characters;
            for day in &cell.week {
                group.hours.iter_mut().zip(day).for_each(|(sum, posts)| *sum += posts);
            }
            for (day, posts) in &cell.days {
                *group.months.entry(self.period(*day)).or_insert(0) += posts;
            }
        }
        group.mean_characters = mean(characters, group.posts);
    }

    fn accounts_of_groups(&self, column: usize) -> Vec<u64> {
        let cells = &self.counted.cells;
        let mut pairs: Vec<(usize, usize)> = self
            .counted
            .accounts
            .by_cell()
            .filter_map(|(account, cell, _)| Some((cells.group(cell, column)?, account)))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut accounts = vec![0; cells.columns[column].names.len()];
        pairs.into_iter().for_each(|(group, _)| accounts[group] += 1);
        accounts
    }
}

/// The words that are listed, and their counts.
struct WordLists<'a> {
    explored: &'a Explored,
    names: Vec<&'a str>,
}

impl<'a> WordLists<'a> {
    fn new(explored: &'a Explored) -> Self {
        Self { explored, names: explored.counted.words.names() }
    }

    /// Returns the most frequent words, or hashtags.
    fn top(&self, hashtags: bool, most: usize) -> Vec<Named> {
        let words = &self.explored.counted.words;
        let listed = self.listed(hashtags).map(|place| (self.names[place], words.posts(place)));
        top(listed, most)
    }

    fn listed(&self, hashtags: bool) -> impl Iterator<Item = usize> {
        let words = &self.explored.counted.words;
        (0..self.names.len())
            .filter(move |&place| !words.is_stop_word(place) && self.names[place].starts_with('#') == hashtags)
    }

    /// Returns how many posts of some cells have each word.
    fn counts(&self, is_here: &dyn Fn(u16) -> bool) -> Vec<u64> {
        let is_here: Vec<bool> =
            (0..self.explored.counted.cells.cells.len()).map(|cell| is_here(cell as u16)).collect();
        let mut counts = vec![0; self.names.len()];
        for (word, cell, posts) in self.explored.counted.words.by_cell() {
            if is_here[usize::from(cell)] {
                counts[word] += posts;
            }
        }
        counts
    }

    fn distinctive(&self, here: &[u64], everywhere: &[u64], hashtags: bool, most: usize) -> Vec<DistinctiveWord> {
        let count =
            |place: usize| WordCount { word: self.names[place], here: here[place], everywhere: everywhere[place] };
        let counts: Vec<WordCount<'_>> = self.listed(hashtags).map(count).collect();
        let (all_here, all) =
            counts.iter().fold((0, 0), |(here, all), count| (here + count.here, all + count.everywhere));
        distinctive(&counts, all_here, all, most)
    }
}

/// Names accounts.
struct AccountNames<'a> {
    explored: &'a Explored,
    names: &'a Names,
    /// The accounts by activity.
    order: Vec<usize>,
    ranks: Vec<usize>,
}

impl<'a> AccountNames<'a> {
    fn new(explored: &'a Explored, names: &'a Names) -> Self {
        let order = explored.counted.accounts.by_activity();
        let mut ranks = vec![0; order.len()];
        order.iter().enumerate().for_each(|(rank, &account)| ranks[account] = rank + 1);
        Self { explored, names, order, ranks }
    }

    fn of(&self, account: usize) -> String {
        match self.names {
            Names::Shown => format!("@{}", self.explored.counted.accounts.all()[account].name),
            Names::Numbered(word) => format!("{word} {}", self.ranks[account]),
        }
    }
}

fn bursts(all: &[Burst], names: &AccountNames<'_>, with_hour: bool, at: impl Fn(&Burst) -> u32) -> Bursts {
    let mut times: BTreeMap<(u64, u32), u64> = BTreeMap::new();
    for burst in all {
        *times.entry((burst.posts, at(burst))).or_insert(0) += 1;
    }
    let bubble = |((posts, at), times)| Bubble { at, posts, times };
    let bubbles = times.into_iter().rev().take(BUBBLES).map(bubble).collect();
    let mut order: Vec<&Burst> = all.iter().collect();
    let key = |burst: &Burst| (std::cmp::Reverse(burst.posts), burst.at, names.ranks[burst.account]);
    if order.len() > BURSTS {
        order.select_nth_unstable_by_key(BURSTS, |burst| key(burst));
        order.truncate(BURSTS);
    }
    order.sort_by_key(|burst| key(burst));
    let top = order.into_iter().map(|burst| numbers::Burst {
        account: names.of(burst.account),
        date: date(burst.at.day).to_string(),
        hour: with_hour.then_some(burst.at.hour),
        posts: burst.posts,
    });
    Bursts { bubbles, top: top.collect() }
}

fn add_week(sum: &mut [[u64; 24]; 7], other: &[[u64; 24]; 7]) {
    sum.iter_mut().flatten().zip(other.iter().flatten()).for_each(|(sum, posts)| *sum += posts);
}

fn mean(sum: u64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { sum as f64 / count as f64 }
}

/// Returns the most frequent ones; equals in the order of the alphabet.
fn top<'a>(counts: impl Iterator<Item = (&'a str, u64)>, most: usize) -> Vec<Named> {
    let mut counts: Vec<(&str, u64)> = counts.collect();
    counts.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(right.0)));
    counts.truncate(most);
    counts.into_iter().map(|(name, posts)| Named { name: name.to_owned(), posts }).collect()
}

/// What comes after the site in an address: on X, and often elsewhere, it names an account.
static LINKS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)(https?://[^\s/]+/|\b(?:[a-z]+\.)?(?:twitter|x)\.com/)\S+")
        .expect("the pattern is a regular expression")
});

/// Returns a text whose mentions are `@…`, and whose links name only the site.
fn without_mentions(text: &str) -> String {
    let text = &*LINKS.replace_all(text, "$1…");
    let mut shown = String::with_capacity(text.len());
    let mut in_mention = false;
    for character in text.chars() {
        let is_of_mention = in_mention && (character.is_ascii_alphanumeric() || character == '_');
        in_mention = is_of_mention || matches!(character, '@' | '＠');
        if !is_of_mention {
            shown.push(character);
            if in_mention {
                shown.push('…');
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_name_is_in_no_link_either() {
        for (text, expected) in [
            ("ver https://x.com/Ana_1/status/1?s=20 y @ana", "ver https://x.com/… y @…"),
            ("en twitter.com/ana hoy", "en twitter.com/… hoy"),
            ("(mobile.twitter.com/ana)", "(mobile.twitter.com/…"),
            ("http://example.com/ana, sí", "http://example.com/… sí"),
            ("https://example.com y fedex.com", "https://example.com y fedex.com"),
        ] {
            assert_eq!(without_mentions(text), expected);
        }
    }
}
