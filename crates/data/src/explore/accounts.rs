//! Who posts, when, and how much in one hour.

use super::tally::{FastMap, Tally};
use super::time::Hour;

/// The most accounts that are followed one by one.
const MOST_ACCOUNTS: usize = 500_000;
/// The most hours with posts, over all accounts, and pairs of account and cell.
const MOST_HOURS: usize = 3_600_000;
const MOST_PLACES: usize = 900_000;

/// What is known of one account.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Account {
    pub(super) name: Box<str>,
    pub(super) posts: u64,
    /// Bit `h`: it has posted in hour `h` of some day.
    pub(super) hours: u32,
}

/// All accounts.
#[derive(Debug)]
pub(super) struct Accounts {
    numbers: FastMap<Box<str>, u32>,
    accounts: Vec<Account>,
    most: usize,
    /// Posts of accounts that came when the most were known already.
    pub(super) posts_of_others: u64,
    hours: Tally<u64>,
    cells: Tally<u64>,
}

/// A number of posts of one account in one hour, or on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Burst {
    pub(super) account: usize,
    pub(super) at: Hour,
    pub(super) posts: u64,
}

impl Accounts {
    pub(super) fn new() -> Self {
        Self::with_most(MOST_ACCOUNTS)
    }

    fn with_most(most: usize) -> Self {
        Self {
            numbers: FastMap::default(),
            accounts: Vec::new(),
            most,
            posts_of_others: 0,
            hours: Tally::new(MOST_HOURS),
            cells: Tally::new(MOST_PLACES),
        }
    }

    /// Counts a post of the account with this name; case and a leading @ do not count.
    pub(super) fn add(&mut self, name: &str, cell: u16, at: Option<Hour>) {
        let Some(number) = self.number(name.trim().trim_start_matches('@')) else {
            self.posts_of_others += 1;
            return;
        };
        let account = &mut self.accounts[number as usize];
        account.posts += 1;
        self.cells.add(u64::from(number) << 16 | u64::from(cell));
        if let Some(at) = at {
            account.hours |= 1 << at.hour;
            self.hours.add(u64::from(number) << 32 | u64::from(at.number()));
        }
    }

    fn number(&mut self, name: &str) -> Option<u32> {
        let lower = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            std::borrow::Cow::Owned(name.to_ascii_lowercase())
        } else {
            std::borrow::Cow::Borrowed(name)
        };
        if let Some(number) = self.numbers.get(&*lower) {
            return Some(*number);
        }
        if self.accounts.len() == self.most {
            return None;
        }
        let number = self.accounts.len() as u32;
        self.numbers.insert(lower.into(), number);
        self.accounts.push(Account { name: name.into(), posts: 0, hours: 0 });
        Some(number)
    }

    pub(super) fn all(&self) -> &[Account] {
        &self.accounts
    }

    /// Returns the accounts' numbers, the most active first; equals by name.
    pub(super) fn by_activity(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.accounts.len()).collect();
        order.sort_by(|&left, &right| {
            let (left, right) = (&self.accounts[left], &self.accounts[right]);
            right.posts.cmp(&left.posts).then_with(|| left.name.cmp(&right.name))
        });
        order
    }

    /// Iterates over account, cell and posts.
    pub(super) fn by_cell(&self) -> impl Iterator<Item = (usize, u16, u64)> {
        self.cells.iter().map(|(key, count)| ((key >> 16) as usize, *key as u16, u64::from(count)))
    }

    /// Returns the posts of every account in every hour in which it posted; in no order.
    pub(super) fn hours(&self) -> Vec<Burst> {
        let burst = |(key, posts): (&u64, u32)| Burst {
            account: (key >> 32) as usize,
            at: Hour::of_number(*key as u32),
            posts: u64::from(posts),
        };
        self.hours.iter().map(burst).collect()
    }

    /// Returns by how much the posts of an account in an hour may be too few; 0 if all are exact.
    pub(super) fn missed_at_most(&self) -> u64 {
        self.hours.missed_at_most()
    }

    /// Returns by how many the accounts of a cell may be too few; 0 if all are there.
    pub(super) fn missing_in_cells_at_most(&self) -> u64 {
        self.cells.forgotten()
    }
}

/// Returns the posts of every account on every day; the hour of each is 0.
pub(super) fn days(hours: &[Burst]) -> Vec<Burst> {
    let mut days: FastMap<(usize, i32), u64> = FastMap::default();
    for burst in hours {
        *days.entry((burst.account, burst.at.day)).or_insert(0) += burst.posts;
    }
    let burst = |((account, day), posts)| Burst { account, at: Hour { day, hour: 0 }, posts };
    days.into_iter().map(burst).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_one_whatever_its_case_and_its_bursts_are_counted() {
        let at = |day, hour| Some(Hour { day, hour });
        let mut accounts = Accounts::new();
        accounts.add("Ana", 0, at(10, 3));
        accounts.add("@ana", 0, at(10, 3));
        accounts.add("ana ", 1, at(10, 5));
        accounts.add("luis", 1, at(11, 5));
        accounts.add("luis", 1, None);
        let names: Vec<(&str, u64, u32)> =
            accounts.all().iter().map(|account| (&*account.name, account.posts, account.hours)).collect();
        assert_eq!(names, [("Ana", 3, 1 << 3 | 1 << 5), ("luis", 2, 1 << 5)]);
        let mut hours: Vec<(usize, u8, u64)> =
            accounts.hours().iter().map(|burst| (burst.account, burst.at.hour, burst.posts)).collect();
        hours.sort_unstable();
        assert_eq!(hours, [(0, 3, 2), (0, 5, 1), (1, 5, 1)]);
        let mut days: Vec<(usize, i32, u64)> =
            days(&accounts.hours()).iter().map(|burst| (burst.account, burst.at.day, burst.posts)).collect();
        days.sort_unstable();
        assert_eq!(days, [(0, 10, 3), (1, 11, 1)]);
        let mut cells: Vec<_> = accounts.by_cell().collect();
        cells.sort_unstable();
        assert_eq!(cells, [(0, 0, 2), (0, 1, 1), (1, 1, 2)]);
    }

    #[test]
    fn accounts_beyond_the_bound_are_counted_together() {
        let mut accounts = Accounts::with_most(2);
        ["a", "b", "c", "a", "c"].into_iter().for_each(|name| accounts.add(name, 0, None));
        assert_eq!((accounts.all().len(), accounts.posts_of_others), (2, 2));
        assert_eq!(accounts.by_activity(), [0, 1]);
    }
}
