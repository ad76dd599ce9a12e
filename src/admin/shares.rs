//! Equal shares of something that is bounded, so that one address does not take all of it: connections, requests under way,
//! passwords to compare.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// How much each address has taken.
#[derive(Debug)]
pub(super) struct Shares {
    /// The most that one may take.
    most: usize,
    taken: Mutex<HashMap<String, usize>>,
}

/// A part of an address's share, which goes back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    of: Arc<Shares>,
    address: String,
}

impl Shares {
    /// Creates shares of `most` for each address.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, taken: Mutex::default() })
    }

    /// Takes a part of the address's share; `None` if nothing of it is left.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Share> {
        let address = network_of(address.to_canonical());
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Share { of: Arc::clone(self), address })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.of.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

/// Returns what counts as one address: whoever has an IPv6 address has the 2^64 around it too.
pub(super) fn network_of(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_its_share_and_gives_it_back() {
        let shares = Shares::new(3);
        let (one, other) = ("203.0.113.7".parse().unwrap(), "203.0.113.8".parse().unwrap());
        let mut taken: Vec<Share> = (0..3).map(|_| shares.take(one).unwrap()).collect();
        assert!(shares.take(one).is_none());
        assert!(shares.take("::ffff:203.0.113.7".parse().unwrap()).is_none(), "the same address");
        drop(shares.take(other).unwrap());
        taken.pop();
        taken.push(shares.take(one).unwrap());
        drop(taken);
        assert!(shares.taken.lock().unwrap().is_empty());
    }

    #[test]
    fn an_ipv6_address_counts_with_its_network() {
        assert_eq!(network_of("2001:db8:1:2:3:4:5:6".parse().unwrap()), "2001:db8:1:2::/64");
        assert_eq!(network_of("10.0.0.1".parse().unwrap()), "10.0.0.1");
    }
}
